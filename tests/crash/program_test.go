//go:build crash

package crash

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
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
)

// smallPlan reshards few rows, so that the program can be killed and started again a hundred times.
const smallPlan = `
cluster "try" {
  sandbox {
    path = "sandbox"
    keyspace "customer" {
      shards  = ["-"]
      schema  = file("customer.sql")
      vschema = file("customer.vschema.json")
      generate "customer" {
        rows = 300
      }
      generate "corder" {
        rows = 1200
      }
    }
  }
}

keyspace "customer" {
  shards = ["-80", "80-"]
}
`

// smallRows are the rows that smallPlan seeds, by table.
var smallRows = map[string]int{"customer": 300, "corder": 1200}

// tinyPlan is smallPlan with so few rows that a thousand runs take minutes.
var tinyPlan = strings.NewReplacer("rows = 300", "rows = 16", "rows = 1200", "rows = 24").Replace(smallPlan)

// applying is the command that most tests give again and again.
var applying = []string{"apply", "--auto-approve", "--no-color"}

// testProgram is the program as users run it, built with the crash points in.
type testProgram struct {
	t    *testing.T
	path string
}

// with is the program for another test, which is then the one that fails.
func (p testProgram) with(t *testing.T) testProgram {
	p.t = t
	return p
}

// built is the program with the crash points in, and with the race detector if this test has it, linked once for all
// tests. It lies beside the test binary, which goes with its folder when go test has ended.
var built = sync.OnceValues(func() (path string, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path = filepath.Join(filepath.Dir(self), "shardform-with-failpoints")
	if out, err := exec.Command("go", "build", fmt.Sprintf("-race=%t", raced()), "-tags", "failpoints", "-o", path, "shardform").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

// raced reports whether this test binary was built with the race detector.
func raced() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func build(t *testing.T) testProgram {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatalf("building with failpoints: %v", err)
	}
	return testProgram{t, path}
}

// result is how one invocation ended.
type result struct {
	stdout, stderr string
	exit           int
	killed         bool // by SIGKILL
}

// run starts the program in dir and waits for its end; failpoint may be "".
func (p testProgram) run(dir, failpoint string, args ...string) result {
	p.t.Helper()
	r, err := p.start(dir, failpoint, args...)()
	if err != nil {
		p.t.Fatalf("shardform %s (failpoint %q): %v\n%s%s", strings.Join(args, " "), failpoint, err, r.stdout, r.stderr)
	}
	return r
}

// start starts the program in dir; wait is called once and gives how it ended. The error is that it could not be run, or
// did not end in time.
func (p testProgram) start(dir, failpoint string, args ...string) (wait func() (result, error)) {
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	ended := p.startWith(ctx, dir, failpoint, args...)
	return func() (result, error) {
		defer cancel()
		return ended()
	}
}

// startWith is start for a process that is killed when ctx ends.
func (p testProgram) startWith(ctx context.Context, dir, failpoint string, args ...string) (wait func() (result, error)) {
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SHARDFORM_FAILPOINT="+failpoint, "SHARDFORM_FAILPOINT_LOG="+filepath.Join(dir, "hits"))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	started := cmd.Start()
	return func() (result, error) {
		if started != nil {
			return result{}, started
		}
		err := cmd.Wait()
		r := result{stdout: stdout.String(), stderr: stderr.String(), exit: cmd.ProcessState.ExitCode()}
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			r.killed = exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
			err = nil
		}
		return r, cmp.Or(ctx.Err(), err)
	}
}

// seeded makes a folder with smallPlan and its sandbox, seeded.
func (p testProgram) seeded() string {
	p.t.Helper()
	return p.seededWith(smallPlan)
}

// seededWith makes a folder with a plan such as smallPlan and its sandbox, seeded.
func (p testProgram) seededWith(plan string) string {
	p.t.Helper()
	dir := p.folder()
	p.example(dir)
	p.writePlan(dir, plan)
	if r := p.run(dir, "", "sandbox", "reset"); r.exit != 0 {
		p.t.Fatalf("seeding: %s", r.stderr)
	}
	return dir
}

// example copies the schema and the vschema of the quickstart to dir, and returns the vschema.
func (p testProgram) example(dir string) (vschema string) {
	p.t.Helper()
	for _, name := range []string{"customer.sql", "customer.vschema.json"} {
		content, err := os.ReadFile(filepath.Join("../../examples/quickstart", name))
		if err != nil {
			p.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			p.t.Fatal(err)
		}
		vschema = string(content)
	}
	return vschema
}

func (p testProgram) writePlan(dir, plan string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "plan.hcl"), []byte(plan), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// copyOf is a copy of what lies on the disk; a socket is its process's, and that is gone.
func (p testProgram) copyOf(from string) string {
	p.t.Helper()
	dir := p.folder()
	if err := copyFolder(dir, from); err != nil {
		p.t.Fatal(err)
	}
	return dir
}

// folder is a new folder that goes with the test. Its name is short, as a sandbox's socket lies below it.
func (p testProgram) folder() string {
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

func copyFolder(to, from string) error {
	return filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		case !entry.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), content, info.Mode().Perm())
	})
}

// checkRows checks that every row is on the new shards, once, and that the old shard is gone.
func (p testProgram) checkRows(dir, when string) {
	p.t.Helper()
	var rows []struct {
		Shard, Table string
		Rows         int
		Serving      bool
	}
	counts := p.run(dir, "", "sandbox", "rows", "--json")
	if err := json.Unmarshal([]byte(counts.stdout), &rows); err != nil {
		p.t.Fatalf("%s: sandbox rows: %v\n%s%s", when, err, counts.stdout, counts.stderr)
	}
	total := map[string]int{}
	for _, r := range rows {
		if !r.Serving || r.Shard == "-" {
			p.t.Errorf("%s: shard %s of table %s is left, serving %t", when, r.Shard, r.Table, r.Serving)
		}
		total[r.Table] += r.Rows
	}
	for table, want := range smallRows {
		if total[table] != want {
			p.t.Errorf("%s: table %s has %d rows, want %d: %v", when, table, total[table], want, rows)
		}
	}
}

// hits are the names of the crash points that all lives of the program in dir came by, in order.
func (p testProgram) hits(dir string) []string {
	p.t.Helper()
	log, err := os.ReadFile(filepath.Join(dir, "hits"))
	if err != nil && !os.IsNotExist(err) {
		p.t.Fatal(err)
	}
	return strings.Fields(string(log))
}

// pointsOf counts hits, so that each is name:nth.
func pointsOf(hits []string) []string {
	points := make([]string, len(hits))
	seen := map[string]int{}
	for i, name := range hits {
		seen[name]++
		points[i] = fmt.Sprintf("%s:%d", name, seen[name])
	}
	return points
}

// finishes runs apply, after which plan has nothing left to do, and gives what plan said.
func (p testProgram) finishes(dir, when string) string {
	p.t.Helper()
	if r := p.run(dir, "", applying...); r.exit != 0 {
		p.t.Errorf("%s: apply ends with exit %d\n%s%s", when, r.exit, r.stdout, r.stderr)
	}
	r := p.run(dir, "", "plan", "--detailed-exitcode", "--no-color")
	if r.exit != 0 || !strings.Contains(r.stdout, "No changes.") {
		p.t.Errorf("%s: plan ends with exit %d\n%s%s", when, r.exit, r.stdout, r.stderr)
	}
	return r.stdout + r.stderr
}
