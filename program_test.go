package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// testProgram is the program as users run it, built with the crash points in.
type testProgram struct {
	t    *testing.T
	path string
}

func buildWithFailpoints(t *testing.T) testProgram {
	t.Helper()
	p := testProgram{t, filepath.Join(t.TempDir(), "shardform")}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", "failpoints", "-o", p.path, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("building with failpoints: %v\n%s", err, out)
	}
	return p
}

// result is how one invocation ended.
type result struct {
	stdout, stderr string
	exit           int
	killed         bool // by SIGKILL
}

// run starts the program in dir; failpoint may be "".
func (p testProgram) run(dir, failpoint string, args ...string) result {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SHARDFORM_FAILPOINT="+failpoint, "SHARDFORM_FAILPOINT_LOG="+filepath.Join(dir, "hits"))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	r := result{stdout: stdout.String(), stderr: stderr.String(), exit: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		r.killed = exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
	} else if err != nil {
		p.t.Fatalf("running shardform %s: %v", strings.Join(args, " "), err)
	}
	if ctx.Err() != nil {
		p.t.Fatalf("shardform %s did not end in time (failpoint %q)\n%s%s", strings.Join(args, " "), failpoint, r.stdout, r.stderr)
	}
	return r
}

// seeded makes a folder with smallPlan and its sandbox, seeded.
func (p testProgram) seeded() string {
	p.t.Helper()
	dir := p.t.TempDir()
	for _, name := range []string{"customer.sql", "customer.vschema.json"} {
		content, err := os.ReadFile(filepath.Join("examples/quickstart", name))
		if err != nil {
			p.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "plan.hcl"), []byte(smallPlan), 0o644); err != nil {
		p.t.Fatal(err)
	}
	if r := p.run(dir, "", "sandbox", "reset"); r.exit != 0 {
		p.t.Fatalf("seeding: %s", r.stderr)
	}
	return dir
}

func (p testProgram) copyOf(seed string) string {
	p.t.Helper()
	dir := filepath.Join(p.t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(seed)); err != nil {
		p.t.Fatal(err)
	}
	return dir
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
