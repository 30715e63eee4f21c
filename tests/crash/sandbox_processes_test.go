//go:build crash

package crash

import (
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestManyProcessesOnOneSandbox starts applies, plans and looks at the state all at once. Whichever process comes first
// serves the sandbox to the others and ends while they work: none of them fails.
func TestManyProcessesOnOneSandbox(t *testing.T) {
	t.Parallel()
	p := build(t)
	dir := p.seeded(tinyPlan)
	commands := [][]string{
		{"plan", "--no-color"}, {"status", "--no-color"}, {"apply", "--auto-approve", "--no-color", "--lock-timeout", "2m"}, {"sandbox", "rows"},
	}
	var wg sync.WaitGroup
	for range 5 {
		for _, command := range slices.Concat(commands, commands[:1]) {
			wg.Go(func() {
				if r, err := p.start(dir, command...)(); err != nil || r.exit != 0 {
					t.Errorf("%s: exit %d, %v\n%s%s", strings.Join(command, " "), r.exit, err, r.stdout, r.stderr)
				}
			})
		}
	}
	wg.Wait()
	p.finishes(dir)
}

// TestSandboxServerKilledInReadingCalls kills the process that serves the sandbox in the middle of a call that a plan makes
// of it. The plan serves the sandbox in its place and asks again.
func TestSandboxServerKilledInReadingCalls(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seeded(tinyPlan)
	for _, rpc := range []string{"GetKeyspaces", "GetShard", "GetSrvKeyspaces", "GetVSchema", "GetTablets", "GetWorkflows", "GetSchema"} {
		p.subtest(rpc, func(p program) {
			p.t.Parallel()
			dir, at := p.copyOf(seed), moment{rpc, "before", 1}
			s := p.serveWaiting(dir, at)
			wait := p.start(dir, "plan", "--no-color")
			p.killAt(s, dir, at)
			if r, err := wait(); err != nil || r.exit != 0 || !strings.Contains(r.stdout, "Plan: ") {
				p.t.Errorf("exit %d, %v\n%s%s", r.exit, err, r.stdout, r.stderr)
			}
		})
	}
}

// TestSandboxServerKilledWhilePausing kills it in the call that pauses a workflow, done or not: the workflow is paused.
func TestSandboxServerKilledWhilePausing(t *testing.T) {
	t.Parallel()
	p := build(t)
	copying := p.atStage(p.seeded(tinyPlan), "create")
	for _, at := range []string{"before", "during", "after"} {
		p.subtest(at, func(p program) {
			p.t.Parallel()
			dir, at := p.copyOf(copying), moment{"WorkflowUpdate", at, 1}
			s := p.serveWaiting(dir, at)
			wait := p.start(dir, "pause", "keyspace.customer")
			p.killAt(s, dir, at)
			if r, err := wait(); err != nil || r.exit != 0 {
				p.t.Errorf("exit %d, %v\n%s%s", r.exit, err, r.stdout, r.stderr)
			}
			p.expect(5, dir, applying...)
		})
	}
}
