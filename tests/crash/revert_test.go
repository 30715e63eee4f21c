//go:build crash

package crash

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stages are how far a reshard has come when it is taken back, by the last container that was run.
var stages = []struct{ name, until string }{
	{"copying", "create"},
	{"copied", "verify"},
	{"some reads switched", "switch_rdonly"},
	{"all reads switched", "switch_replica"},
	{"writes switched", "switch_primary"},
}

const theSplit = "keyspace.customer/-:-80,80-"

// wants is tinyPlan with another layout wanted.
func wants(shards ...string) string {
	return strings.Replace(tinyPlan, `  shards = ["-80", "80-"]`, fmt.Sprintf(`  shards = ["%s"]`, strings.Join(shards, `", "`)), 1)
}

// atStage is a folder with a reshard that has come as far as the container.
func (p testProgram) atStage(seed, until string) string {
	p.t.Helper()
	dir := p.copyOf(seed)
	if r := p.run(dir, "", "apply", "--auto-approve", "--no-color", "--until", theSplit+"/"+until); r.exit != 0 {
		p.t.Fatalf("apply --until %s: exit %d\n%s%s", until, r.exit, r.stdout, r.stderr)
	}
	return dir
}

// TestMatrixOfWaysBack reverts the layout at every stage of a reshard, kills the way back at every crash point, and goes
// on: everything is as it was before the reshard. Then the layout is split again, to the end.
func TestMatrixOfWaysBack(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seededWith(tinyPlan)
	p.slowCopying(seed)
	split, _ := p.cleanSplit(seed)
	for _, stage := range stages {
		t.Run(stage.name, func(t *testing.T) {
			t.Parallel()
			p := p.with(t)
			begun := p.atStage(seed, stage.until)
			p.writePlan(begun, wants("-"))
			clean, already := p.copyOf(begun), p.calls(begun)
			p.finishes(clean, "without a kill")
			calls := p.callsSince(clean, already)
			want := p.checkTakenBack(clean, "without a kill", p.contentOf(seed))
			for point, dir := range p.killedApart(begun, []int{0}, applying...) {
				when := "killed at " + point
				p.finishes(dir, when)
				p.checkContent(dir, when, want)
				p.checkRepeated(p.callsSince(dir, already), when, calls)
				p.checkLedger(dir, when, 2)
				p.writePlan(dir, tinyPlan)
				p.finishes(dir, when+", then split again")
				p.checkContent(dir, when+", then split again", split)
			}
		})
	}
}

// checkTakenBack checks that a sandbox serves as it did before its reshard, with nothing left over, and gives what it holds.
func (p testProgram) checkTakenBack(dir, when string, seed content) content {
	p.t.Helper()
	got := p.contentOf(dir)
	rows := maps.Clone(got.Rows)
	maps.DeleteFunc(rows, func(_ string, rows []string) bool { return len(rows) == 0 })
	if diff := cmp.Diff(seed.Rows, rows); diff != "" {
		p.t.Errorf("%s: rows (-before the reshard +taken back):\n%s", when, diff)
	}
	if len(got.Open) > 0 {
		p.t.Errorf("%s: streams are left: %v", when, got.Open)
	}
	for _, node := range got.Topo {
		switch {
		case strings.Contains(node, "queryServiceDisabled"):
			p.t.Errorf("%s: a control is left: %s", when, node)
		case strings.Contains(node, "SrvKeyspace") && !slices.Contains(seed.Topo, node):
			p.t.Errorf("%s: it serves by %s, other than before the reshard", when, node)
		}
	}
	return got
}

// callsSince are the mutating calls that were answered since there were already some.
func (p testProgram) callsSince(dir string, already map[string]int) map[string]int {
	p.t.Helper()
	calls := p.calls(dir)
	for name, n := range already {
		calls[name] -= n
	}
	return calls
}

// checkRepeated checks that nothing was done twice. What changes nothing the second time may be: dry runs of a switch of
// writes, telling tablets to look, and rebuilding the serving graph, of which nobody can see whether it was done.
func (p testProgram) checkRepeated(calls map[string]int, when string, clean map[string]int) {
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
			p.t.Errorf("%s: %s %d times, without a kill %d", when, name, n, clean[name])
		}
	}
}
