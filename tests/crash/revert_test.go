//go:build crash

package crash

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRevertedLayoutKilled reverts the layout at every stage of a reshard, kills the apply that undoes the reshard at every
// failpoint, and goes on: everything is as it was before the reshard. Then the keyspace is split again, to the end.
func TestRevertedLayoutKilled(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seeded(tinyPlan)
	p.slowCopying(seed)
	after, _ := p.splitCleanly(seed)
	for _, stage := range stages {
		p.subtest(stage.name, func(p program) {
			p.t.Parallel()
			begun, already, want, calls := p.reverted(seed, stage.until)
			p.each(kills{from: begun, args: applying, exits: []int{0}, share: 0.2}, func(p program, failpoint, dir string) {
				p.finishes(dir)
				p.checkContent(dir, want)
				p.checkRepeated(p.callsSince(dir, already), calls)
				p.checkLedger(dir, 2)
				p.writePlan(dir, tinyPlan)
				p.finishes(dir)
				p.checkContent(dir, after)
			})
		})
	}
}

// reverted is a copy of a seeded directory with a reshard that has come as far as the container, in which the layout is
// reverted. It also returns the calls made so far, and what the sandbox holds and the further calls when nothing interrupts
// the apply that undoes the reshard.
func (p program) reverted(seed, until string) (begun string, already map[string]int, want content, calls map[string]int) {
	p.t.Helper()
	begun = p.atStage(seed, until)
	p.writePlan(begun, wants("-"))
	clean, already := p.copyOf(begun), p.calls(begun)
	p.finishes(clean)
	return begun, already, p.checkUnsplit(clean, p.contentOf(seed)), p.callsSince(clean, already)
}

// checkUnsplit checks that a sandbox serves as it did before its reshard, with nothing left over, and returns what it holds.
func (p program) checkUnsplit(dir string, before content) content {
	p.t.Helper()
	got := p.contentOf(dir)
	rows := maps.Clone(got.Rows)
	maps.DeleteFunc(rows, func(_ string, rows []string) bool { return len(rows) == 0 })
	if diff := cmp.Diff(before.Rows, rows); diff != "" {
		p.t.Errorf("rows (-before the reshard +after it was undone):\n%s", diff)
	}
	if len(got.Open) > 0 {
		p.t.Errorf("streams are left: %v", got.Open)
	}
	for _, node := range got.Topo {
		switch {
		case strings.Contains(node, "queryServiceDisabled"):
			p.t.Errorf("a tablet control is left: %s", node)
		case strings.Contains(node, "SrvKeyspace") && !slices.Contains(before.Topo, node):
			p.t.Errorf("it serves by %s, other than before the reshard", node)
		}
	}
	return got
}
