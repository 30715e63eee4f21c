//go:build crash

package crash

import (
	"sync/atomic"
	"testing"
)

// TestApplyKilledTwice kills a reshard at every failpoint, kills the run that goes on from there at every failpoint that this
// one passes, and lets a third one end: the sandbox then holds what it holds without a kill, row by row, nothing is left to
// do, and nothing was done twice.
func TestApplyKilledTwice(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seeded(tinyPlan)
	p.slowCopying(seed)
	want, clean := p.splitCleanly(seed)
	var pairs atomic.Int64
	p.subtest("first", func(p program) {
		p.each(kills{from: seed, args: applying, exits: []int{0}, share: 1}, func(p program, _, dir string) {
			p.t.Parallel()
			candidates := p.each(kills{from: dir, args: applying, exits: []int{0}, share: 0.15, every: true}, func(p program, _, dir string) {
				p.finishes(dir)
				p.checkLedger(dir, 1)
				p.checkCalls(dir, clean, 3)
				p.checkContent(dir, want)
			})
			pairs.Add(int64(candidates))
		})
	})
	t.Logf("%d pairs of failpoints", pairs.Load())
	if pairs.Load() < 300 && everySubtest() {
		t.Errorf("only %d pairs: a reshard has more checkpoints than that", pairs.Load())
	}
}
