//go:build crash

package crash

import (
	"testing"
)

// TestThirdLayoutKilled edits the layout to a third one half way through a reshard, kills apply at every failpoint, and goes
// on: the old reshard is reversed, or finished where writes had moved, and the new one is made.
func TestThirdLayoutKilled(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seeded(tinyPlan)
	p.slowCopying(seed)
	before := p.contentOf(seed)
	for _, stage := range stages {
		if stage.until == "create" || stage.until == "switch_rdonly" {
			continue // to reverse these is part of reversing the others
		}
		p.subtest(stage.name, func(p program) {
			p.t.Parallel()
			begun := p.atStage(seed, stage.until)
			p.writePlan(begun, wants("-40", "40-"))
			clean := p.copyOf(begun)
			p.applyToTheEnd(clean)
			want, calls := p.contentOf(clean), p.calls(clean)
			for table := range smallRows {
				if got := len(want.Rows["-40/"+table]) + len(want.Rows["40-/"+table]); got != len(before.all(table)) || len(want.all(table)) != got {
					p.t.Errorf("table %s has %d rows on the third layout's shards and %d in all, want %d", table, got, len(want.all(table)), len(before.all(table)))
				}
			}
			p.each(kills{from: begun, args: applying, exits: []int{0}, share: 0.2}, func(p program, failpoint, dir string) {
				p.applyToTheEnd(dir)
				p.checkContent(dir, want)
				p.checkRepeated(p.calls(dir), calls)
				p.checkLedger(dir, 3)
			})
		})
	}
}

// applyToTheEnd applies until plan has nothing left to do: an apply that finishes one reshard first leaves the layout that is
// wanted to the next.
func (p program) applyToTheEnd(dir string) {
	p.t.Helper()
	for range 3 {
		if r := p.expect(0, dir, applying...); r.exit != 0 {
			return
		}
		if p.run(dir, "plan", "--detailed-exitcode", "--no-color").exit == 0 {
			return
		}
	}
	p.t.Error("three applies leave something to do")
}
