//go:build crash

package crash

import (
	"fmt"
	"strings"
	"testing"
)

// faultBlock makes the nth call of an RPC fail in the sandbox; retries come quickly.
const faultBlock = `
    fault "planned" {
      rpc   = %q
      at    = %q
      nth   = %d
      error = %q
    }
`

// TestEveryFaultOfTheClusterIsOvercome lets every changing call of a reshard fail before, during and after its work: the
// same apply, or the next, brings the reshard to its end without losing or doubling a row.
func TestEveryFaultOfTheClusterIsOvercome(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seeded()
	_, clean := p.cleanRun(seed)
	for _, rpc := range []string{"ReshardCreate", "VDiffCreate", "WorkflowSwitchTraffic", "MoveTablesComplete", "DeleteShards"} {
		calls := clean["rpc_"+rpc+"_after"]
		if calls == 0 {
			t.Errorf("a reshard does not call %s", rpc)
		}
		for nth := 1; nth <= calls; nth++ {
			for _, at := range []string{"before", "during", "after"} {
				for _, code := range []string{"UNAVAILABLE", "UNKNOWN"} {
					when := fmt.Sprintf("%s %s call %d of %s", code, at, nth, rpc)
					p.checkFault(p.copyOf(seed), when, fmt.Sprintf(faultBlock, rpc, at, nth, code))
				}
			}
		}
	}
}

func (p testProgram) checkFault(dir, when, fault string) {
	p.t.Helper()
	content := withFault(smallPlan, fault)
	content = strings.Replace(content, "\"80-\"]\n", "\"80-\"]\n  reshard {\n    retry {\n      backoff = \"10ms\"\n    }\n  }\n", 1)
	p.writePlan(dir, content)
	var last result
	for range 2 {
		if last = p.run(dir, "", applying...); last.exit == 0 {
			break
		}
	}
	if last.exit != 0 {
		p.t.Errorf("%s: exit %d after two applies\n%s%s", when, last.exit, last.stdout, last.stderr)
		return
	}
	p.checkRows(dir, when)
}

// withFault is a plan whose sandbox has one more fault block.
func withFault(plan, fault string) string {
	const behind = "    keyspace \"customer\" {"
	return strings.Replace(plan, behind, fault+behind, 1)
}
