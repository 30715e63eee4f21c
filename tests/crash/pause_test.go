//go:build crash

package crash

import (
	"strings"
	"testing"
)

// TestPauseAndResumeKilled kills a pause of a copying workflow, the resume after it, and an apply of what is paused at every
// failpoint, and gives the same command again: then it is paused, or goes on to the end.
func TestPauseAndResumeKilled(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seeded(tinyPlan)
	p.slowCopying(seed)
	want, calls := p.splitCleanly(seed)
	calls["rpc_WorkflowUpdate_after"] = 2 // one stops, one starts
	copying := p.atStage(seed, "create")
	paused := p.copyOf(copying)
	p.must(paused, "pause", split)
	finish := func(p program, dir string) {
		p.finishes(dir)
		p.checkLedger(dir, 1)
		p.checkCalls(dir, calls, 2)
		p.checkContent(dir, want)
	}
	p.subtest("pause", func(p program) {
		p.each(kills{from: copying, args: []string{"pause", split}, exits: []int{0}, share: 0.5}, func(p program, failpoint, dir string) {
			p.expect(0, dir, "pause", split)
			for _, stream := range p.contentOf(dir).Open {
				if !strings.HasSuffix(stream, "|Stopped") {
					p.t.Errorf("stream %s is not stopped", stream)
				}
			}
			p.expect(5, dir, applying...)
			p.expect(0, dir, "resume", split)
			finish(p, dir)
		})
	})
	p.subtest("resume", func(p program) {
		p.each(kills{from: paused, args: []string{"resume", split}, exits: []int{0}, share: 0.5}, func(p program, failpoint, dir string) {
			p.expect(0, dir, "resume", split)
			finish(p, dir)
		})
	})
	p.subtest("apply", func(p program) {
		p.each(kills{from: paused, args: applying, exits: []int{5}, share: 0.5}, func(p program, failpoint, dir string) {
			p.expect(5, dir, applying...)
			p.expect(0, dir, "resume", split)
			finish(p, dir)
		})
	})
}
