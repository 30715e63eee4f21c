//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// layout is a keyspace block of a plan file.
type layout struct {
	keyspace string
	shards   []string
	vschema  string // JSON; none: left as it is
	reshard  string // what stands in its reshard block (HCL); none: no block
}

// to is the layout with this keyspace's vschema.
func (k *keyspace) to(shards ...string) layout {
	return layout{keyspace: k.name, shards: shards, vschema: k.tables.vschema()}
}

// planDir is a directory with a plan file and, after the first apply, its state.
type planDir struct {
	cluster
	dir string
}

// plan makes a directory with a plan file that wants these layouts.
func (c cluster) plan(t *testing.T, wanted ...layout) *planDir {
	t.Helper()
	p := &planDir{c, t.TempDir()}
	p.write(t, wanted...)
	return p
}

// block is the cluster block of a plan file.
func (c cluster) block() string {
	if c.legacy {
		return fmt.Sprintf("cluster \"main\" {\n  legacy {\n    vtctld   = %q\n    vtworker = %q\n  }\n}\n", c.vtctld, c.vtworker)
	}
	return fmt.Sprintf("cluster \"main\" {\n  vtctld = [%q]\n}\n", c.vtctld)
}

// write replaces the plan file.
func (p *planDir) write(t *testing.T, wanted ...layout) {
	t.Helper()
	var plan strings.Builder
	plan.WriteString(p.block())
	for _, l := range wanted {
		fmt.Fprintf(&plan, "\nkeyspace %q {\n  shards = [\"%s\"]\n", l.keyspace, strings.Join(l.shards, `", "`))
		if l.vschema != "" {
			fmt.Fprintf(&plan, "  vschema = file(%q)\n", l.keyspace+".vschema.json")
			p.put(t, l.keyspace+".vschema.json", l.vschema)
		}
		if l.reshard != "" {
			fmt.Fprintf(&plan, "  reshard {\n%s\n  }\n", l.reshard)
		}
		plan.WriteString("}\n")
	}
	p.put(t, "plan.hcl", plan.String())
}

func (p *planDir) put(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// loseState deletes the state file, which has to be there.
func (p *planDir) loseState(t *testing.T) {
	t.Helper()
	if err := os.Remove(filepath.Join(p.dir, "shardform.db")); err != nil {
		t.Fatal(err)
	}
}

// answer is what a run of the program gave.
type answer struct {
	stdout, stderr string
	exit           int // -1: a signal ended it
}

// String is all that the program wrote.
func (a answer) String() string {
	return fmt.Sprintf("exit code %d\n--- stdout\n%s--- stderr\n%s", a.exit, a.stdout, a.stderr)
}

// run runs the program in the directory until it ends.
func (p *planDir) run(t *testing.T, args ...string) answer {
	t.Helper()
	return p.start(t, nil, args...).wait(t)
}

// apply runs `apply --auto-approve` with args, which has to exit 0.
func (p *planDir) apply(t *testing.T, args ...string) answer {
	t.Helper()
	got := p.run(t, append([]string{"apply", "--auto-approve"}, args...)...)
	if got.exit != 0 {
		t.Fatalf("apply %s: want exit code 0\n%s", strings.Join(args, " "), got)
	}
	return got
}

// noChanges checks that the plan has nothing left to do.
func (p *planDir) noChanges(t *testing.T) {
	t.Helper()
	if got := p.run(t, "plan", "--detailed-exitcode"); got.exit != 0 {
		t.Errorf("plan --detailed-exitcode where nothing is left to do: want exit code 0\n%s", got)
	}
}

// process is a run of the program in the background. It is killed when the test ends.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; set when done is closed
	out  struct {
		sync.Mutex
		stdout, stderr bytes.Buffer
	}
}

// start runs the program in the directory without waiting for it; env are NAME=VALUE pairs beside the test's own.
func (p *planDir) start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	r := &process{cmd: exec.Command(p.program, append(args, "--no-color")...), done: make(chan struct{})}
	r.cmd.Dir = p.dir
	r.cmd.Env = append(os.Environ(), env...)
	r.cmd.Stdout, r.cmd.Stderr = r.into(&r.out.stdout), r.into(&r.out.stderr)
	if err := r.cmd.Start(); err != nil {
		t.Fatalf("starting shardform %s: %v", strings.Join(args, " "), err)
	}
	go func() {
		r.err = r.cmd.Wait()
		close(r.done)
	}()
	t.Cleanup(func() {
		r.signal(os.Kill)
		<-r.done
	})
	return r
}

// signal sends the running program a signal; os.Kill is kill -9.
func (r *process) signal(s os.Signal) {
	select {
	case <-r.done:
	default:
		_ = r.cmd.Process.Signal(s) // it may just have ended
	}
}

// wait waits until the program has ended, for ten minutes.
func (r *process) wait(t *testing.T) answer {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(10 * time.Minute):
		t.Fatalf("shardform %s does not end\n%s", strings.Join(r.cmd.Args[1:], " "), r.written())
	}
	if exit := (*exec.ExitError)(nil); r.err != nil && !errors.As(r.err, &exit) {
		t.Fatalf("running shardform %s: %v", strings.Join(r.cmd.Args[1:], " "), r.err)
	}
	got := r.written()
	got.exit = r.cmd.ProcessState.ExitCode()
	return got
}

// waitForText waits until the running program has written text, and fails the test if it ends without.
func (r *process) waitForText(t *testing.T, text string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for timeout := time.After(5 * time.Minute); ; {
		ended := false
		select {
		case <-r.done:
			ended = true
		case <-timeout:
			ended = true
		case <-tick.C:
		}
		got := r.written()
		if strings.Contains(got.stdout, text) || strings.Contains(got.stderr, text) {
			return
		}
		if ended {
			t.Fatalf("shardform %s did not say %q\n%s", strings.Join(r.cmd.Args[1:], " "), text, got)
		}
	}
}

// written is what the program has written until now.
func (r *process) written() answer {
	r.out.Lock()
	defer r.out.Unlock()
	return answer{stdout: r.out.stdout.String(), stderr: r.out.stderr.String()}
}

// into is a writer to one of the program's buffers.
func (r *process) into(buffer *bytes.Buffer) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		r.out.Lock()
		defer r.out.Unlock()
		return buffer.Write(p)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
