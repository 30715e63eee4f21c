//go:build crash

package crash

import (
	"strings"
	"testing"
)

// TestMatrixOfPauses kills a pause of a copying workflow, and the resume behind it, at every crash
// point, and gives the same command again: then it is paused, or goes on to the end.
func TestMatrixOfPauses(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seededWith(tinyPlan)
	p.slowCopying(seed)
	want, calls := p.cleanSplit(seed)
	calls["rpc_WorkflowUpdate_after"] = 2 // one stops, one starts
	copying := p.atStage(seed, "create")
	paused := p.copyOf(copying)
	p.gives(paused, "without a kill", 0, "pause", theSplit)
	for point, dir := range p.killedApart(copying, []int{0}, "pause", theSplit) {
		when := "pause killed at " + point
		p.gives(dir, when, 0, "pause", theSplit)
		for _, stream := range p.contentOf(dir).Open {
			if !strings.HasSuffix(stream, "|Stopped") {
				t.Errorf("%s: stream %s is not stopped", when, stream)
			}
		}
		p.gives(dir, when, 5, applying...)
		p.gives(dir, when, 0, "resume", theSplit)
		p.checkEnd(dir, when, want, calls, 1)
	}
	for point, dir := range p.killedApart(paused, []int{0}, "resume", theSplit) {
		when := "resume killed at " + point
		p.gives(dir, when, 0, "resume", theSplit)
		p.checkEnd(dir, when, want, calls, 1)
	}
	for point, dir := range p.killedApart(paused, []int{5}, applying...) {
		when := "an apply of what is paused, killed at " + point
		p.gives(dir, when, 5, applying...)
		p.gives(dir, when, 0, "resume", theSplit)
		p.checkEnd(dir, when, want, calls, 1)
	}
}

// gives gives a command that is to end with exit.
func (p testProgram) gives(dir, when string, exit int, args ...string) {
	p.t.Helper()
	if r := p.run(dir, "", args...); r.exit != exit {
		p.t.Errorf("%s: %s ends with exit %d, want %d\n%s%s", when, strings.Join(args, " "), r.exit, exit, r.stdout, r.stderr)
	}
}
