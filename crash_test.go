package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// crashPlan reshards few rows, so that the program can be killed and started again a hundred times.
const crashPlan = `
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

// crashRows are the rows that crashPlan seeds, by table.
var crashRows = map[string]int{"customer": 300, "corder": 1200}

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

// seeded makes a folder with crashPlan and its sandbox, seeded.
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
	if err := os.WriteFile(filepath.Join(dir, "plan.hcl"), []byte(crashPlan), 0o644); err != nil {
		p.t.Fatal(err)
	}
	if r := p.run(dir, "", "sandbox", "reset"); r.exit != 0 {
		p.t.Fatalf("seeding: %s", r.stderr)
	}
	return dir
}

// TestKilledAtEveryCrashPointAndRunAgain kills the real program at every crash point, each time it gets there during a
// reshard, and runs it again: no row is lost or doubled, there is one workflow at most, and no step is done twice.
func TestKilledAtEveryCrashPointAndRunAgain(t *testing.T) {
	t.Parallel()
	p := buildWithFailpoints(t)
	names := strings.Fields(p.run(t.TempDir(), "", "failpoints").stdout)
	if len(names) < 10 {
		t.Fatalf("only %d crash points are listed: %v", len(names), names)
	}
	seed := p.seeded()
	clean := p.cleanRun(seed)
	hit := 0
	for _, name := range names {
		// A name is hit until the run gets by without it.
		for nth := 1; ; nth++ {
			failpoint := fmt.Sprintf("%s:%d", name, nth)
			dir := p.copyOf(seed)
			r := p.run(dir, failpoint, "apply", "--auto-approve", "--no-color")
			if !r.killed {
				if r.exit != 0 {
					t.Errorf("%s: not hit, but exit %d\n%s%s", failpoint, r.exit, r.stdout, r.stderr)
				}
				break
			}
			hit++
			p.checkRerun(dir, failpoint)
			p.checkCalls(dir, failpoint, clean)
		}
	}
	t.Logf("%d crash points, hit %d times in all", len(names), hit)
	if hit < 30 {
		t.Errorf("crash points were hit only %d times: a reshard has more checkpoints than that", hit)
	}
}

func (p testProgram) copyOf(seed string) string {
	p.t.Helper()
	dir := filepath.Join(p.t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(seed)); err != nil {
		p.t.Fatal(err)
	}
	return dir
}

// cleanRun counts the mutating calls of a reshard that nothing interrupts.
func (p testProgram) cleanRun(seed string) map[string]int {
	p.t.Helper()
	dir := p.copyOf(seed)
	if r := p.run(dir, "", "apply", "--auto-approve", "--no-color"); r.exit != 0 {
		p.t.Fatalf("without a crash: exit %d\n%s%s", r.exit, r.stdout, r.stderr)
	}
	calls := p.calls(dir)
	if calls["rpc_ReshardCreate_after"] != 1 {
		p.t.Fatalf("a reshard without a crash made these calls: %v", calls)
	}
	return calls
}

// calls counts the mutating calls that were answered, over all lives of the program in dir.
func (p testProgram) calls(dir string) map[string]int {
	p.t.Helper()
	log, err := os.ReadFile(filepath.Join(dir, "hits"))
	if err != nil {
		p.t.Fatal(err)
	}
	calls := map[string]int{}
	for _, name := range strings.Fields(string(log)) {
		if strings.HasPrefix(name, "rpc_") && strings.HasSuffix(name, "_after") {
			calls[name]++
		}
	}
	return calls
}

// checkCalls checks that the cluster was asked for everything once, as without a crash. A dry run of a switch changes
// nothing and may be repeated.
func (p testProgram) checkCalls(dir, failpoint string, clean map[string]int) {
	p.t.Helper()
	for name, n := range p.calls(dir) {
		allowed := clean[name]
		if name == "rpc_WorkflowSwitchTraffic_after" {
			allowed++
		}
		if n > allowed {
			p.t.Errorf("%s: %s %d times, without a crash %d", failpoint, name, n, clean[name])
		}
	}
}

// checkRerun runs apply after a kill and checks what it leaves.
func (p testProgram) checkRerun(dir, failpoint string) {
	p.t.Helper()
	r := p.run(dir, "", "apply", "--auto-approve", "--no-color")
	if r.exit != 0 {
		p.t.Errorf("%s: the rerun ends with exit %d\n%s%s", failpoint, r.exit, r.stdout, r.stderr)
		return
	}
	if r := p.run(dir, "", "plan", "--detailed-exitcode", "--no-color"); r.exit != 0 {
		p.t.Errorf("%s: something is left to do after the rerun\n%s%s", failpoint, r.stdout, r.stderr)
	}
	var rows []struct {
		Shard, Table string
		Rows         int
		Serving      bool
	}
	counts := p.run(dir, "", "sandbox", "rows", "--json")
	if err := json.Unmarshal([]byte(counts.stdout), &rows); err != nil {
		p.t.Fatalf("%s: sandbox rows: %v\n%s%s", failpoint, err, counts.stdout, counts.stderr)
	}
	total := map[string]int{}
	for _, r := range rows {
		if !r.Serving || r.Shard == "-" {
			p.t.Errorf("%s: shard %s of table %s is left, serving %t", failpoint, r.Shard, r.Table, r.Serving)
		}
		total[r.Table] += r.Rows
	}
	for table, want := range crashRows {
		if total[table] != want {
			p.t.Errorf("%s: table %s has %d rows, want %d: %v", failpoint, table, total[table], want, rows)
		}
	}
	p.checkLedger(dir, failpoint)
}

// checkLedger checks that every task was recorded done once, and that its instance is one.
func (p testProgram) checkLedger(dir, failpoint string) {
	p.t.Helper()
	var state struct {
		Operations []struct{ Address, State string }
		Ledger     []struct{ Event, Address string }
	}
	pulled := p.run(dir, "", "state", "pull")
	if err := json.Unmarshal([]byte(pulled.stdout), &state); err != nil {
		p.t.Fatalf("%s: state pull: %v\n%s", failpoint, err, pulled.stderr)
	}
	if len(state.Operations) > 1 {
		p.t.Errorf("%s: %d operations are recorded, want one: %v", failpoint, len(state.Operations), state.Operations)
	}
	done := map[string]int{}
	for _, e := range state.Ledger {
		if e.Event == "task_done" {
			done[e.Address]++
		}
	}
	for address, n := range done {
		if n != 1 {
			p.t.Errorf("%s: %s was recorded done %d times", failpoint, address, n)
		}
	}
}
