//go:build crash

// Package crash runs the real program, kills it, or the cluster that it talks to, at the points where that may do harm, and
// checks what the next run makes of what is left. Of the long matrices of such points a run takes a sample (internal/sample):
// -sample.all takes everything, and a test that fails prints the command that takes its sample again.
package crash

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"shardform/internal/failpoint"
)

// applying is the command that most tests give again and again.
var applying = []string{"apply", "--auto-approve", "--no-color"}

// program is the program as users run it, built with its failpoints, for one test.
type program struct {
	t         *testing.T
	path      string
	failpoint string // where it kills itself, as name or name:nth; "": nowhere
}

// built is the path of the program with its failpoints, and with the race detector if this test has it. It is linked once,
// next to the test binary, which goes with its directory when go test has ended.
var built = sync.OnceValues(func() (path string, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	info, _ := debug.ReadBuildInfo()
	raced := slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
	path = filepath.Join(filepath.Dir(self), "shardform-with-failpoints")
	if out, err := exec.Command("go", "build", fmt.Sprintf("-race=%t", raced), "-tags", "failpoints", "-o", path, "shardform").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

// build returns the program for t, which is not killed unless it is armed.
func build(t *testing.T) program {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatalf("building with failpoints: %v", err)
	}
	return program{t: t, path: path}
}

// with is the same program for another test, which is then the one that fails.
func (p program) with(t *testing.T) program {
	p.t = t
	return p
}

// armed is the same program, killed by SIGKILL when it reaches the failpoint.
func (p program) armed(failpoint string) program {
	p.failpoint = failpoint
	return p
}

// subtest runs check with the program for a subtest.
func (p program) subtest(name string, check func(p program)) {
	p.t.Run(name, func(t *testing.T) { check(p.with(t)) })
}

// itself is the name of a sampled cell that is a text.
func itself(name string) string { return name }

// everySubtest reports whether -run leaves no subtest out: counts over subtests mean nothing otherwise.
func everySubtest() bool {
	return !strings.Contains(flag.Lookup("test.run").Value.String(), "/")
}

// result is how a process ended.
type result struct {
	stdout, stderr string
	exit           int  // -1: a signal ended it
	killed         bool // by SIGKILL
}

// resultOf is how the process of cmd ended, without what it wrote.
func resultOf(cmd *exec.Cmd) result {
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return result{exit: cmd.ProcessState.ExitCode(), killed: status.Signaled() && status.Signal() == syscall.SIGKILL}
}

// run runs the program in dir and waits for its end.
func (p program) run(dir string, args ...string) result {
	p.t.Helper()
	r, err := p.start(dir, args...)()
	if err != nil {
		p.t.Fatalf("shardform %s (failpoint %q): %v\n%s%s", strings.Join(args, " "), p.failpoint, err, r.stdout, r.stderr)
	}
	return r
}

// expect is run; it is an error if the program does not exit with code exit.
func (p program) expect(exit int, dir string, args ...string) result {
	p.t.Helper()
	r := p.run(dir, args...)
	if r.exit != exit {
		p.t.Errorf("%s ends with exit %d, want %d\n%s%s", strings.Join(args, " "), r.exit, exit, r.stdout, r.stderr)
	}
	return r
}

// must is run; the test ends if the program does not exit with code 0.
func (p program) must(dir string, args ...string) result {
	p.t.Helper()
	r := p.expect(0, dir, args...)
	if r.exit != 0 {
		p.t.FailNow()
	}
	return r
}

// start starts the program in dir. wait has to be called once and returns how it ended; the error is that it could not be
// run or did not end in time.
func (p program) start(dir string, args ...string) (wait func() (result, error)) {
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	ended := p.startFor(ctx, dir, args...)
	return func() (result, error) {
		defer cancel()
		return ended()
	}
}

// startFor is start for a process that is killed when ctx ends.
func (p program) startFor(ctx context.Context, dir string, args ...string) (wait func() (result, error)) {
	cmd := p.command(ctx, dir, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	started := cmd.Start()
	return func() (result, error) {
		if started != nil {
			return result{}, started
		}
		err := cmd.Wait()
		r := resultOf(cmd)
		r.stdout, r.stderr = stdout.String(), stderr.String()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			err = nil
		}
		return r, cmp.Or(ctx.Err(), err)
	}
}

// command is the program in dir, which logs in the file hits there what failpoints it passes.
func (p program) command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), failpoint.Environment+"="+p.failpoint, failpoint.LogEnvironment+"="+filepath.Join(dir, "hits"))
	return cmd
}

// hits are the names of the failpoints that all runs of the program in dir have passed, in order.
func (p program) hits(dir string) []string {
	p.t.Helper()
	log, err := os.ReadFile(filepath.Join(dir, "hits"))
	if err != nil && !os.IsNotExist(err) {
		p.t.Fatal(err)
	}
	return strings.Fields(string(log))
}

// server is a process of the program that serves until it is ended.
type server struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string
	exited  chan struct{} // closed when the process has ended

	mu  sync.Mutex // guards log
	log strings.Builder
}

// serve starts the program in dir and waits until it has printed the address that it serves on, which follows the text
// announced.
func (p program) serve(dir, announced string, args ...string) *server {
	p.t.Helper()
	s := &server{t: p.t, cmd: p.command(p.t.Context(), dir, args...), exited: make(chan struct{})}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	address := make(chan string, 1)
	go func() {
		defer close(s.exited)
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			s.mu.Lock()
			s.log.WriteString(lines.Text() + "\n")
			s.mu.Unlock()
			if _, rest, ok := strings.Cut(lines.Text(), announced); ok {
				at, _, _ := strings.Cut(rest, ";")
				address <- at
			}
		}
		_ = s.cmd.Wait() // resultOf says how it ended
	}()
	select {
	case s.address = <-address:
	case <-s.exited:
		p.t.Fatalf("%s ended: %v\n%s", strings.Join(args, " "), s.cmd.ProcessState, s.logged())
	}
	return s
}

// logged is what the process has written to stderr so far.
func (s *server) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// kill ends the process as a power cut would.
func (s *server) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Fatal(err)
	}
	<-s.exited
}

// terminate sends the process SIGTERM, unless it has ended, and returns how it ended.
func (s *server) terminate() result {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	<-s.exited
	return resultOf(s.cmd)
}

// newDir makes a directory that is removed with the test. Its path is short, as the socket of a sandbox lies below it.
func (p program) newDir() string {
	p.t.Helper()
	dir, err := os.MkdirTemp("", "sf")
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			p.t.Error(err)
		}
	})
	return dir
}

// copyOf makes a copy of a directory in which nothing runs.
func (p program) copyOf(from string) string {
	p.t.Helper()
	dir := p.newDir()
	if err := os.CopyFS(dir, withoutSockets{os.DirFS(from)}); err != nil {
		p.t.Fatal(err)
	}
	return dir
}

// withoutSockets leaves out the sockets of killed processes, which cannot be copied.
type withoutSockets struct{ fs.FS }

func (f withoutSockets) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(f.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Type()&fs.ModeSocket != 0 }), err
}

// write writes a file in dir.
func (p program) write(dir, name, content string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// writePlan replaces the plan file in dir.
func (p program) writePlan(dir, plan string) {
	p.t.Helper()
	p.write(dir, "plan.hcl", plan)
}
