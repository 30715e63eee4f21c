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
	dir := p.seededWith(tinyPlan)
	commands := [][]string{
		{"plan", "--no-color"}, {"status", "--no-color"}, {"apply", "--auto-approve", "--no-color", "--lock-timeout", "2m"}, {"sandbox", "rows"},
	}
	var wg sync.WaitGroup
	for range 5 {
		for _, command := range slices.Concat(commands, commands[:1]) {
			wg.Go(func() {
				if r, err := p.start(dir, "", command...)(); err != nil || r.exit != 0 {
					t.Errorf("%s: exit %d, %v\n%s%s", strings.Join(command, " "), r.exit, err, r.stdout, r.stderr)
				}
			})
		}
	}
	wg.Wait()
	p.finishes(dir, "after many processes")
}

// TestServerKilledInReadingCalls kills the process that serves the sandbox in the middle of a call that a plan makes of
// it. The plan takes that one's place and asks again.
func TestServerKilledInReadingCalls(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seededWith(tinyPlan)
	for _, rpc := range []string{"GetKeyspaces", "GetShard", "GetSrvKeyspaces", "GetVSchema", "GetTablets", "GetWorkflows", "GetSchema"} {
		t.Run(rpc, func(t *testing.T) {
			t.Parallel()
			p := p.with(t)
			dir := p.copyOf(seed)
			s := p.serveResting(dir, rest{rpc, "before", 1})
			wait := p.start(dir, "", "plan", "--no-color")
			s.killIn(rpc, 1)
			if r, err := wait(); err != nil || r.exit != 0 || !strings.Contains(r.stdout, "Plan: ") {
				t.Errorf("exit %d, %v\n%s%s", r.exit, err, r.stdout, r.stderr)
			}
		})
	}
}

// TestServerKilledWhilePausing kills it in the call that pauses a workflow, done or not: the workflow is paused.
func TestServerKilledWhilePausing(t *testing.T) {
	t.Parallel()
	p := build(t)
	copying := p.seededWith(tinyPlan)
	if r := p.run(copying, "", append(applying, "--until", "keyspace.customer/-:-80,80-/create")...); r.exit != 0 {
		t.Fatalf("apply: exit %d\n%s%s", r.exit, r.stdout, r.stderr)
	}
	for _, at := range []string{"before", "during", "after"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			p := p.with(t)
			dir := p.copyOf(copying)
			s := p.serveResting(dir, rest{"WorkflowUpdate", at, 1})
			wait := p.start(dir, "", "pause", "keyspace.customer")
			s.killIn("WorkflowUpdate", 1)
			if r, err := wait(); err != nil || r.exit != 0 {
				t.Errorf("exit %d, %v\n%s%s", r.exit, err, r.stdout, r.stderr)
			}
			if r := p.run(dir, "", applying...); r.exit != 5 {
				t.Errorf("apply of what is paused: exit %d, want 5\n%s%s", r.exit, r.stdout, r.stderr)
			}
		})
	}
}
