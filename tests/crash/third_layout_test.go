//go:build crash

package crash

import (
	"strings"
	"testing"
)

// TestMatrixOfRollbacks rolls a reshard back at each of its stages, kills the rollback at every crash point, and gives the
// same command again: everything is as it was before the reshard, which is held until somebody approves it.
func TestMatrixOfRollbacks(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seededWith(tinyPlan)
	p.slowCopying(seed)
	split, _ := p.cleanSplit(seed)
	rollback := []string{"rollback", theSplit, "--auto-approve", "--no-color"}
	for _, stage := range stages {
		t.Run(stage.name, func(t *testing.T) {
			t.Parallel()
			p := p.with(t)
			begun := p.atStage(seed, stage.until)
			clean, already := p.copyOf(begun), p.calls(begun)
			if r := p.run(clean, "", rollback...); r.exit != 0 {
				t.Fatalf("without a kill: exit %d\n%s%s", r.exit, r.stdout, r.stderr)
			}
			calls := p.callsSince(clean, already)
			want := p.checkTakenBack(clean, "without a kill", p.contentOf(seed))
			for point, dir := range p.killedApart(begun, []int{0}, rollback...) {
				when := "killed at " + point
				// One that had ended when it was killed has left nothing to roll back.
				if r := p.run(dir, "", rollback...); r.exit != 0 && !strings.Contains(r.stderr, "nothing is open at "+theSplit) {
					t.Errorf("%s: the rollback given again ends with exit %d\n%s%s", when, r.exit, r.stdout, r.stderr)
				}
				p.checkContent(dir, when, want)
				p.checkRepeated(p.callsSince(dir, already), when, calls)
				p.checkLedger(dir, when, 2)
				if r := p.run(dir, "", applying...); r.exit != 4 || !strings.Contains(r.stdout, "approve "+theSplit+"/hold --plan ") {
					t.Errorf("%s: an apply behind it ends with exit %d\n%s%s", when, r.exit, r.stdout, r.stderr)
				}
				p.checkContent(dir, when+", then held", want)
			}
			p.goOn(clean, "approved behind the rollback")
			p.checkContent(clean, "approved behind the rollback", split)
		})
	}
}

// TestMatrixOfThirdLayouts edits the layout to a third one half way through a reshard, kills apply at every crash point,
// and goes on: the old reshard is taken back, or finished where writes had moved, and the new one is made.
func TestMatrixOfThirdLayouts(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seededWith(tinyPlan)
	p.slowCopying(seed)
	before := p.contentOf(seed)
	for _, stage := range stages {
		if stage.until == "create" || stage.until == "switch_rdonly" {
			continue // their ways back are part of the others'
		}
		t.Run(stage.name, func(t *testing.T) {
			t.Parallel()
			p := p.with(t)
			begun := p.atStage(seed, stage.until)
			p.writePlan(begun, wants("-40", "40-"))
			clean := p.copyOf(begun)
			p.applyToTheEnd(clean, "without a kill")
			want, calls := p.contentOf(clean), p.calls(clean)
			for table := range smallRows {
				if got := len(want.Rows["-40/"+table]) + len(want.Rows["40-/"+table]); got != len(before.all(table)) || len(want.all(table)) != got {
					t.Errorf("table %s has %d rows on the third layout's shards and %d in all, want %d", table, got, len(want.all(table)), len(before.all(table)))
				}
			}
			for point, dir := range p.killedApart(begun, []int{0}, applying...) {
				when := "killed at " + point
				p.applyToTheEnd(dir, when)
				p.checkContent(dir, when, want)
				p.checkRepeated(p.calls(dir), when, calls)
				p.checkLedger(dir, when, 3)
			}
		})
	}
}

// applyToTheEnd applies until plan has nothing left to do: an apply that finishes one reshard first leaves the layout
// wanted to the next.
func (p testProgram) applyToTheEnd(dir, when string) {
	p.t.Helper()
	for range 3 {
		if r := p.run(dir, "", applying...); r.exit != 0 {
			p.t.Errorf("%s: apply ends with exit %d\n%s%s", when, r.exit, r.stdout, r.stderr)
			return
		}
		if p.run(dir, "", "plan", "--detailed-exitcode", "--no-color").exit == 0 {
			return
		}
	}
	p.t.Errorf("%s: three applies leave something to do", when)
}
