//go:build crash

package crash

import (
	"maps"
	"strings"
	"testing"
)

// TestClearingTabletControlsKilled begins where reads were switched back, the workflow was deleted, and then somebody deleted
// the target shards, while the serving graph still has controls on them. It kills the apply that clears them at every
// failpoint, and goes on: nothing is left over, nor are the shards that it created for the moment.
func TestClearingTabletControlsKilled(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seeded(tinyPlan)
	before := p.contentOf(seed)
	begun := p.atStage(seed, "switch_replica")
	p.writePlan(begun, wants("-"))
	if r := p.armed("rpc_WorkflowDelete_after").run(begun, applying...); !r.killed {
		t.Fatalf("to undo the reshard does not delete the workflow: exit %d\n%s%s", r.exit, r.stdout, r.stderr)
	}
	p.deleteShards(begun, "customer", "-80", "80-")
	lost := p.copyOf(begun)
	p.loseState(lost)
	for name, from := range map[string]string{"with the state": begun, "without a state": lost} {
		p.subtest(name, func(p program) {
			p.t.Parallel()
			clean, already := p.copyOf(from), p.calls(from)
			p.finishes(clean)
			want, calls := p.contentOf(clean), p.callsSince(clean, already)
			if calls["rpc_CreateShard_after"] != 2 || calls["rpc_DeleteShards_after"] != 2 || calls["rpc_SetShardTabletControl_after"] != 4 {
				p.t.Errorf("clearing two types on two shards that are gone made the calls %v", calls)
			}
			for _, node := range want.Topo {
				if strings.Contains(node, "shards/-80/") || strings.Contains(node, "shards/80-/") || strings.Contains(node, "queryServiceDisabled") {
					p.t.Errorf("left over: %s", node)
				}
			}
			rows := maps.Clone(want.Rows)
			maps.DeleteFunc(rows, func(place string, _ []string) bool { return strings.HasPrefix(place, "-/") })
			if len(rows) > 0 || len(want.all("customer")) != len(before.all("customer")) {
				p.t.Errorf("rows are elsewhere: %v", rows)
			}
			p.each(kills{from: from, args: applying, exits: []int{0}, share: 0.3}, func(p program, failpoint, dir string) {
				p.finishes(dir)
				p.checkContent(dir, want)
				p.checkRepeated(p.callsSince(dir, already), calls)
			})
		})
	}
}
