//go:build crash

package crash

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestMatrixOfClustersThatStayAway kills the process that serves the sandbox in every changing call, and nobody comes in its
// place: apply asks for a minute what became of its call, then says so and ends. The next one ends the reshard.
func TestMatrixOfClustersThatStayAway(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seededWith(tinyPlan)
	want, calls := p.cleanSplit(seed)
	cases := restsIn(calls)
	var failed atomic.Int64
	var wg sync.WaitGroup
	for _, r := range cases { // all at once: they do little but wait
		wg.Go(func() {
			t.Run(r.String(), func(t *testing.T) {
				if p.with(t).checkKilledFar(p.with(t).copyOf(seed), r, false, want) {
					failed.Add(1)
				}
			})
		})
	}
	wg.Wait()
	t.Logf("killed in %d calls, after %d of which apply failed", len(cases), failed.Load())
	// A dry run has no middle to rest in: apply ends before the kill.
	if int(failed.Load()) < len(cases)-1 {
		t.Errorf("apply failed after %d of %d calls that were never answered", failed.Load(), len(cases))
	}
}
