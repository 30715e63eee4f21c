//go:build crash

package crash

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestKilledAtEveryCrashPointAndRunAgain kills the real program at every crash point, each time it gets there during a
// reshard, and runs it again: no row is lost or doubled, there is one workflow at most, and no step is done twice.
func TestKilledAtEveryCrashPointAndRunAgain(t *testing.T) {
	t.Parallel()
	p := build(t)
	names := strings.Fields(p.run(t.TempDir(), "", "failpoints").stdout)
	if len(names) < 10 {
		t.Fatalf("only %d crash points are listed: %v", len(names), names)
	}
	seed := p.seeded()
	_, clean := p.cleanRun(seed)
	hit := 0
	for _, name := range names {
		// A name is hit until the run gets by without it.
		for nth := 1; ; nth++ {
			failpoint := fmt.Sprintf("%s:%d", name, nth)
			dir := p.copyOf(seed)
			r := p.run(dir, failpoint, applying...)
			if !r.killed {
				if r.exit != 0 {
					t.Errorf("%s: not hit, but exit %d\n%s%s", failpoint, r.exit, r.stdout, r.stderr)
				}
				break
			}
			hit++
			p.checkRerun(dir, failpoint)
			p.checkCalls(dir, failpoint, clean)
		}
	}
	t.Logf("%d crash points, hit %d times in all", len(names), hit)
	if hit < 30 {
		t.Errorf("crash points were hit only %d times: a reshard has more checkpoints than that", hit)
	}
}

// cleanRun is the folder of a reshard that nothing interrupts, and its mutating calls.
func (p testProgram) cleanRun(seed string) (dir string, calls map[string]int) {
	p.t.Helper()
	dir = p.copyOf(seed)
	if r := p.run(dir, "", applying...); r.exit != 0 {
		p.t.Fatalf("without a crash: exit %d\n%s%s", r.exit, r.stdout, r.stderr)
	}
	calls = p.calls(dir)
	if calls["rpc_ReshardCreate_after"] != 1 {
		p.t.Fatalf("a reshard without a crash made these calls: %v", calls)
	}
	return dir, calls
}

// calls counts the mutating calls that were answered, over all lives of the program in dir.
func (p testProgram) calls(dir string) map[string]int {
	p.t.Helper()
	calls := map[string]int{}
	for _, name := range p.hits(dir) {
		if strings.HasPrefix(name, "rpc_") && strings.HasSuffix(name, "_after") {
			calls[name]++
		}
	}
	return calls
}

// checkCalls checks, after one kill, that the cluster was asked for everything once, as without a crash.
func (p testProgram) checkCalls(dir, failpoint string, clean map[string]int) {
	p.t.Helper()
	p.checkCallsOfLives(dir, failpoint, clean, 2)
}

// checkCallsOfLives checks that the cluster was asked for everything once, over all lives of the program. A dry run of a
// switch changes nothing, and each life may make one.
func (p testProgram) checkCallsOfLives(dir, when string, clean map[string]int, lives int) {
	p.t.Helper()
	for name, n := range p.calls(dir) {
		allowed := clean[name]
		if name == "rpc_WorkflowSwitchTraffic_after" {
			allowed += lives - 1
		}
		if n > allowed {
			p.t.Errorf("%s: %s %d times, without a crash %d", when, name, n, clean[name])
		}
	}
}

// checkRerun runs apply after a kill and checks what it leaves.
func (p testProgram) checkRerun(dir, failpoint string) {
	p.t.Helper()
	r := p.run(dir, "", applying...)
	if r.exit != 0 {
		p.t.Errorf("%s: the rerun ends with exit %d\n%s%s", failpoint, r.exit, r.stdout, r.stderr)
		return
	}
	if r := p.run(dir, "", "plan", "--detailed-exitcode", "--no-color"); r.exit != 0 {
		p.t.Errorf("%s: something is left to do after the rerun\n%s%s", failpoint, r.stdout, r.stderr)
	}
	p.checkRows(dir, failpoint)
	p.checkLedger(dir, failpoint, 1)
}

// checkLedger checks that every task was recorded done once, and how many operations there are.
func (p testProgram) checkLedger(dir, failpoint string, operations int) {
	p.t.Helper()
	var state struct {
		Operations []struct{ Address, State string }
		Ledger     []struct{ Event, Address string }
	}
	pulled := p.run(dir, "", "state", "pull")
	if err := json.Unmarshal([]byte(pulled.stdout), &state); err != nil {
		p.t.Fatalf("%s: state pull: %v\n%s", failpoint, err, pulled.stderr)
	}
	if len(state.Operations) > operations {
		p.t.Errorf("%s: %d operations are recorded, want %d: %v", failpoint, len(state.Operations), operations, state.Operations)
	}
	done := map[string]int{}
	for _, e := range state.Ledger {
		if e.Event == "task_done" {
			done[e.Address]++
		}
	}
	for address, n := range done {
		if n != 1 {
			p.t.Errorf("%s: %s was recorded done %d times", failpoint, address, n)
		}
	}
}
