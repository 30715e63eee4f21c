//go:build crash

package crash

import (
	"strings"
	"testing"
)

// TestApplyKilled kills an apply that reshards at every failpoint, each time it passes one, and runs it again: no row is lost
// or doubled, there is one workflow at most, and no step is done twice.
func TestApplyKilled(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seeded(smallPlan)
	_, clean := p.uninterrupted(seed)
	candidates := p.each(kills{from: seed, args: applying, exits: []int{0}, share: 1, every: true}, func(p program, failpoint, dir string) {
		p.finishes(dir)
		p.checkRows(dir)
		p.checkLedger(dir, 1)
		p.checkCalls(dir, clean, 2)
	})
	if candidates < 30 {
		t.Errorf("a reshard passes only %d failpoints: it has more checkpoints than that", candidates)
	}
}

// What the program can be killed at is listed by a command that only this build has.
func TestEveryFailpointThatIsPassedIsListed(t *testing.T) {
	t.Parallel()
	p := build(t)
	listed := map[string]bool{}
	for _, name := range strings.Fields(p.must(t.TempDir(), "failpoints").stdout) {
		listed[name] = true
	}
	dir, _ := p.uninterrupted(p.seeded(tinyPlan))
	for _, name := range p.hits(dir) {
		if !listed[name] {
			t.Errorf("%s is passed and not listed", name)
		}
	}
}
