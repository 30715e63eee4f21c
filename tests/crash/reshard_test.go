//go:build crash

package crash

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// smallRows are the numbers of rows that smallPlan seeds, by table.
var smallRows = map[string]int{"customer": 300, "corder": 1200}

// tinyPlan is smallPlan with so few rows that a thousand runs take minutes.
var tinyPlan = strings.NewReplacer("rows = 300", "rows = 16", "rows = 1200", "rows = 24").Replace(smallPlan)

// split is the address of the reshard that these plans want.
const split = "keyspace.customer/-:-80,80-"

// wants is tinyPlan with another layout wanted.
func wants(shards ...string) string {
	return strings.Replace(tinyPlan, `  shards = ["-80", "80-"]`, fmt.Sprintf(`  shards = ["%s"]`, strings.Join(shards, `", "`)), 1)
}

// withReshard is a plan whose keyspace customer has a reshard block with these settings.
func withReshard(plan, settings string) string {
	at := strings.LastIndex(plan, "\n}")
	return plan[:at] + "\n  reshard {\n" + settings + "\n  }" + plan[at:]
}

// withFault is a plan whose sandbox has one more fault block.
func withFault(plan, fault string) string {
	const before = "    keyspace \"customer\" {"
	return strings.Replace(plan, before, fault+before, 1)
}

// seeded makes a directory with a plan such as smallPlan and its sandbox, seeded.
func (p program) seeded(plan string) string {
	p.t.Helper()
	dir := p.newDir()
	p.copySchema(dir)
	p.writePlan(dir, plan)
	p.must(dir, "sandbox", "reset")
	return dir
}

// copySchema copies the schema and the vschema of the quickstart to dir, and returns the vschema.
func (p program) copySchema(dir string) (vschema string) {
	p.t.Helper()
	for _, name := range []string{"customer.sql", "customer.vschema.json"} {
		content, err := os.ReadFile(filepath.Join("../../examples/quickstart", name))
		if err != nil {
			p.t.Fatal(err)
		}
		p.write(dir, name, string(content))
		vschema = string(content)
	}
	return vschema
}

// stages are how far a reshard has come when something else is done with it, by the last container that was run.
var stages = []struct{ name, until string }{
	{"copying", "create"},
	{"copied", "verify"},
	{"some reads switched", "switch_rdonly"},
	{"all reads switched", "switch_replica"},
	{"writes switched", "switch_primary"},
}

// atStage is a copy of a seeded directory with a reshard that has come as far as the container.
func (p program) atStage(seed, until string) string {
	p.t.Helper()
	dir := p.copyOf(seed)
	p.must(dir, "apply", "--auto-approve", "--no-color", "--until", split+"/"+until)
	return dir
}

// uninterrupted is a copy of a seeded directory with a reshard that nothing interrupted, and its mutating calls.
func (p program) uninterrupted(seed string) (dir string, calls map[string]int) {
	p.t.Helper()
	dir = p.copyOf(seed)
	p.must(dir, applying...)
	calls = p.calls(dir)
	if calls["rpc_ReshardCreate_after"] != 1 {
		p.t.Fatalf("a reshard that nothing interrupted made these calls: %v", calls)
	}
	return dir, calls
}

// finishes runs apply, after which plan has nothing left to do, and returns what plan printed.
func (p program) finishes(dir string) string {
	p.t.Helper()
	p.expect(0, dir, applying...)
	r := p.expect(0, dir, "plan", "--detailed-exitcode", "--no-color")
	if r.exit == 0 && !strings.Contains(r.stdout, "No changes.") {
		p.t.Errorf("plan says\n%s%s", r.stdout, r.stderr)
	}
	return r.stdout + r.stderr
}

// calls counts the mutating calls that were answered, by failpoint, over all runs of the program in dir.
func (p program) calls(dir string) map[string]int {
	p.t.Helper()
	calls := map[string]int{}
	for _, name := range p.hits(dir) {
		if strings.HasPrefix(name, "rpc_") && strings.HasSuffix(name, "_after") {
			calls[name]++
		}
	}
	return calls
}

// callsSince are the calls in dir without those that were there already.
func (p program) callsSince(dir string, already map[string]int) map[string]int {
	p.t.Helper()
	calls := p.calls(dir)
	for name, n := range already {
		calls[name] -= n
	}
	return calls
}

// checkCalls checks that the cluster was asked for everything once, as without a kill, over a number of runs. A dry run of
// a switch changes nothing, and each run may make one.
func (p program) checkCalls(dir string, clean map[string]int, runs int) {
	p.t.Helper()
	for name, n := range p.calls(dir) {
		allowed := clean[name]
		if name == "rpc_WorkflowSwitchTraffic_after" {
			allowed += runs - 1
		}
		if n > allowed {
			p.t.Errorf("%s %d times, without a kill %d", name, n, clean[name])
		}
	}
}

// checkRepeated checks that nothing was done twice but what changes nothing the second time: dry runs of a switch of writes,
// telling tablets to refresh their state, and rebuilding the serving graph, which nobody can see the outcome of.
func (p program) checkRepeated(calls, clean map[string]int) {
	p.t.Helper()
	for name, n := range calls {
		allowed := clean[name]
		switch name {
		case "rpc_WorkflowSwitchTraffic_after", "rpc_RebuildKeyspaceGraph_after":
			allowed++
		case "rpc_RefreshStateByShard_after":
			allowed *= 2
		}
		if n > allowed {
			p.t.Errorf("%s %d times, without a kill %d", name, n, clean[name])
		}
	}
}

// state is what the tests look at of the output of state pull.
type state struct {
	Operations []struct {
		Address, State, Error string
		Instance              int
	}
	Ledger    []struct{ Event, Address string }
	Approvals []struct{ Address, Digest string }
}

func (p program) state(dir string) (s state) {
	p.t.Helper()
	r := p.must(dir, "state", "pull")
	if err := json.Unmarshal([]byte(r.stdout), &s); err != nil {
		p.t.Fatalf("state pull: %v\n%s", err, r.stdout)
	}
	return s
}

// tasksDone counts how often each task was recorded as done.
func (s state) tasksDone() map[string]int {
	done := map[string]int{}
	for _, e := range s.Ledger {
		if e.Event == "task_done" {
			done[e.Address]++
		}
	}
	return done
}

// checkLedger checks that every task was recorded as done once, and how many operations there are at most.
func (p program) checkLedger(dir string, operations int) {
	p.t.Helper()
	s := p.state(dir)
	if len(s.Operations) > operations {
		p.t.Errorf("%d operations are recorded, want %d: %v", len(s.Operations), operations, s.Operations)
	}
	for address, n := range s.tasksDone() {
		if n != 1 {
			p.t.Errorf("%s was recorded as done %d times", address, n)
		}
	}
}

// loseState deletes the state file.
func (p program) loseState(dir string) {
	p.t.Helper()
	for _, name := range []string{"shardform.db", "shardform.db.lock"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			p.t.Fatal(err)
		}
	}
}

// shardRows is how many rows of a table a shard has, as sandbox rows prints it.
type shardRows struct {
	Shard, Table string
	Rows         int
	Serving      bool
}

func (p program) rows(dir string) (rows []shardRows) {
	p.t.Helper()
	r := p.must(dir, "sandbox", "rows", "--json")
	if err := json.Unmarshal([]byte(r.stdout), &rows); err != nil {
		p.t.Fatalf("sandbox rows: %v\n%s", err, r.stdout)
	}
	return rows
}

// checkRows checks that every row of smallPlan is on the new shards, once, and that the old shard is gone.
func (p program) checkRows(dir string) {
	p.t.Helper()
	rows, total := p.rows(dir), map[string]int{}
	for _, r := range rows {
		if !r.Serving || r.Shard == "-" {
			p.t.Errorf("shard %s of table %s is left, serving %t", r.Shard, r.Table, r.Serving)
		}
		total[r.Table] += r.Rows
	}
	for table, want := range smallRows {
		if total[table] != want {
			p.t.Errorf("table %s has %d rows, want %d: %v", table, total[table], want, rows)
		}
	}
}
