//go:build crash

package crash

import (
	"fmt"
	"testing"

	"shardform/internal/sample"
)

// fault is an error of a call in the sandbox.
type fault struct {
	moment
	code string // of gRPC
}

func (f fault) String() string { return f.code + " " + f.moment.String() }

// block is the fault block for a sandbox.
func (f fault) block() string {
	return fmt.Sprintf(`
    fault "planned" {
      rpc   = %q
      at    = %q
      nth   = %d
      error = %q
    }
`, f.rpc, f.at, f.nth, f.code)
}

// faultsIn are the faults at every moment of every call.
func faultsIn(calls map[string]int) (faults []fault) {
	for _, m := range momentsOf(calls) {
		for _, code := range []string{"UNAVAILABLE", "UNKNOWN"} {
			faults = append(faults, fault{m, code})
		}
	}
	return faults
}

// quickRetry is a setting of a reshard block.
const quickRetry = `    retry {
      backoff = "10ms"
    }`

// TestFaultsDuringReshard lets every changing call of a reshard fail before, during and after its work: the same apply, or
// the next, brings the reshard to its end without losing or doubling a row.
func TestFaultsDuringReshard(t *testing.T) {
	t.Parallel()
	p := build(t)
	plan := withReshard(smallPlan, quickRetry)
	seed := p.seeded(plan)
	_, calls := p.uninterrupted(seed)
	for _, rpc := range []string{"ReshardCreate", "VDiffCreate", "WorkflowSwitchTraffic", "MoveTablesComplete", "DeleteShards"} {
		if calls["rpc_"+rpc+"_after"] == 0 {
			t.Errorf("a reshard does not call %s", rpc)
		}
	}
	for _, f := range sample.Of(t, 0.4, faultsIn(calls), fault.String) {
		p.subtest(f.String(), func(p program) {
			dir := p.copyOf(seed)
			p.writePlan(dir, withFault(plan, f.block()))
			if p.run(dir, applying...).exit != 0 {
				p.expect(0, dir, applying...)
			}
			p.checkRows(dir)
		})
	}
}

// TestFaultsDuringRevert reverts the layout at every stage of a reshard and lets every changing call that undoes it fail
// before, during and after its work: the same apply, or the next, ends where one without a fault does.
func TestFaultsDuringRevert(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seeded(tinyPlan)
	p.slowCopying(seed)
	plan := withReshard(wants("-"), quickRetry)
	for _, stage := range stages {
		p.subtest(stage.name, func(p program) {
			p.t.Parallel()
			begun, _, want, calls := p.reverted(seed, stage.until)
			for _, f := range sample.Of(p.t, 0.1, faultsIn(calls), fault.String) {
				p.subtest(f.String(), func(p program) {
					dir := p.copyOf(begun)
					p.writePlan(dir, withFault(plan, f.block()))
					p.run(dir, applying...)
					p.finishes(dir)
					p.checkContent(dir, want)
				})
			}
		})
	}
}
