//go:build crash

package crash

import (
	"sync/atomic"
	"testing"
)

// TestMatrixOfTwoKills kills a reshard at every crash point, kills the run that goes on from there at every crash point
// that this one comes by, and lets a third one end: the sandbox then holds what it holds without a kill, row by row,
// nothing is left to do, and nothing was done twice.
func TestMatrixOfTwoKills(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seededWith(tinyPlan)
	p.slowCopying(seed)
	want, clean := p.cleanSplit(seed)
	var pairs atomic.Int64
	t.Run("killed at", func(t *testing.T) {
		for first, dir := range p.with(t).killedApart(seed, []int{0}, applying...) {
			t.Run(first, func(t *testing.T) {
				t.Parallel()
				p := p.with(t)
				for second, dir := range p.killed(dir, []int{0}, applying...) {
					pairs.Add(1)
					p.checkEnd(dir, "killed at "+first+" and at "+second, want, clean, 2)
				}
			})
		}
	})
	t.Logf("%d pairs of crash points", pairs.Load())
	if pairs.Load() < 300 {
		t.Errorf("only %d pairs: a reshard has more checkpoints than that", pairs.Load())
	}
}
