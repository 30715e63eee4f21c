//go:build crash

package crash

import (
	"fmt"
	"strings"
	"testing"
)

// TestMatrixOfFaultsOnWaysBack takes a reshard back from every stage and lets every changing call fail
// before, during and after its work: the same apply, or the next, comes to where a way back without a fault comes to.
func TestMatrixOfFaultsOnWaysBack(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seededWith(tinyPlan)
	p.slowCopying(seed)
	before := p.contentOf(seed)
	quick := strings.Replace(wants("-"), "shards = [\"-\"]\n}", "shards = [\"-\"]\n  reshard {\n    retry {\n      backoff = \"10ms\"\n    }\n  }\n}", 1)
	if !strings.Contains(quick, "backoff") {
		t.Fatalf("no backoff in\n%s", quick)
	}
	for _, stage := range stages {
		t.Run(stage.name, func(t *testing.T) {
			t.Parallel()
			p := p.with(t)
			begun := p.atStage(seed, stage.until)
			p.writePlan(begun, quick)
			clean, already := p.copyOf(begun), p.calls(begun)
			p.finishes(clean, "without a fault")
			want := p.checkTakenBack(clean, "without a fault", before)
			faults := 0
			for name, calls := range p.callsSince(clean, already) {
				rpc := strings.TrimSuffix(strings.TrimPrefix(name, "rpc_"), "_after")
				for nth := range calls {
					for _, at := range []string{"before", "during", "after"} {
						for _, code := range []string{"UNAVAILABLE", "UNKNOWN"} {
							faults++
							dir := p.copyOf(begun)
							when := fmt.Sprintf("%s %s call %d of %s", code, at, nth+1, rpc)
							p.writePlan(dir, withFault(quick, fmt.Sprintf(faultBlock, rpc, at, nth+1, code)))
							p.run(dir, "", applying...)
							p.finishes(dir, when)
							p.checkContent(dir, when, want)
						}
					}
				}
			}
			t.Logf("%d faults", faults)
		})
	}
}
