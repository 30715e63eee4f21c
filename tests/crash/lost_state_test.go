//go:build crash

package crash

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMatrixOfLostStates deletes the state file of a reshard that was killed, at every crash point: the next run goes on
// from what the cluster shows. Only the old shard may be left, empty of traffic, where nothing says any more whose it is:
// plan names it, and --adopt deletes it.
func TestMatrixOfLostStates(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seededWith(tinyPlan)
	p.slowCopying(seed)
	want, clean := p.cleanSplit(seed)
	left := 0
	for point, dir := range p.killedApart(seed, []int{0}, applying...) {
		when := "state lost at " + point
		p.loseState(dir)
		said := p.finishes(dir, when)
		if len(p.contentOf(dir).Rows["-/customer"]) > 0 {
			left++
			if !strings.Contains(said, "vtctldclient DeleteShards --recursive customer/-") {
				t.Errorf("%s: shard - is left over and plan does not say how it is deleted\n%s", when, said)
			}
			if r := p.run(dir, "", "apply", "--auto-approve", "--no-color", "--adopt", theSplit); r.exit != 0 {
				t.Errorf("%s: the old shard is not adopted: exit %d\n%s%s", when, r.exit, r.stdout, r.stderr)
			}
		}
		p.checkCalls(dir, when, clean)
		if diff := cmp.Diff(want, p.contentOf(dir)); diff != "" {
			t.Errorf("%s: what the sandbox holds (-without a kill +got):\n%s", when, diff)
		}
	}
	if left == 0 {
		t.Error("the old shard was never left over")
	}
}

// TestMatrixOfStatesLostOnWaysBack deletes the state file of a way back that was killed, at every crash point. As long as
// there is a workflow to undo nobody knows whose it is: it is left alone until --adopt says so. What a way back leaves
// behind it is cleared all the same.
func TestMatrixOfStatesLostOnWaysBack(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seededWith(tinyPlan)
	p.slowCopying(seed)
	for _, stage := range stages {
		t.Run(stage.name, func(t *testing.T) {
			t.Parallel()
			p := p.with(t)
			begun := p.atStage(seed, stage.until)
			p.writePlan(begun, wants("-"))
			clean, already := p.copyOf(begun), p.calls(begun)
			p.finishes(clean, "without a kill")
			want, calls := p.checkTakenBack(clean, "without a kill", p.contentOf(seed)), p.callsSince(clean, already)
			refused := 0
			for point, dir := range p.killedApart(begun, []int{0}, applying...) {
				when := "state lost at " + point
				p.loseState(dir)
				if before := p.contentOf(dir); len(before.Open) > 0 {
					refused++
					if r := p.run(dir, "", applying...); r.exit != 1 || !strings.Contains(r.stderr, "shardform apply --adopt "+theSplit) {
						t.Errorf("%s: somebody else's reshard is undone: exit %d\n%s%s", when, r.exit, r.stdout, r.stderr)
					}
					if after := p.contentOf(dir); !slices.Equal(after.Open, before.Open) || !slices.Equal(after.Topo, before.Topo) {
						t.Errorf("%s: it was not adopted, and is changed:\n%s", when, cmp.Diff(before, after))
					}
					p.gives(dir, when, 0, append(applying, "--adopt", theSplit)...)
				}
				p.finishes(dir, when)
				p.checkContent(dir, when, want)
				p.checkRepeated(p.callsSince(dir, already), when, calls)
			}
			if refused == 0 {
				t.Error("the workflow was never there")
			}
		})
	}
}

func (p testProgram) loseState(dir string) {
	p.t.Helper()
	for _, name := range []string{"shardform.db", "shardform.db.lock"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			p.t.Fatal(err)
		}
	}
}
