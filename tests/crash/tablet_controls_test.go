//go:build crash

package crash

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMatrixOfControls begins where reads were switched back, the workflow was deleted, and then
// somebody deleted the target shards, while the serving graph still has controls on them. It kills what clears them at
// every crash point, and goes on: nothing is left over, also of the shards that it created for the moment.
func TestMatrixOfControls(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seededWith(tinyPlan)
	before := p.contentOf(seed)
	begun := p.atStage(seed, "switch_replica")
	p.writePlan(begun, wants("-"))
	if r := p.run(begun, "rpc_WorkflowDelete_after", applying...); !r.killed {
		t.Fatalf("the way back does not delete the workflow: exit %d\n%s%s", r.exit, r.stdout, r.stderr)
	}
	p.deleteShards(begun, "customer", "-80", "80-")
	lost := p.copyOf(begun)
	if err := os.Remove(filepath.Join(lost, "shardform.db")); err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]string{"the way back": begun, "without a state": lost} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := p.with(t)
			clean, already := p.copyOf(from), p.calls(from)
			p.finishes(clean, "without a kill")
			want, calls := p.contentOf(clean), p.callsSince(clean, already)
			if calls["rpc_CreateShard_after"] != 2 || calls["rpc_DeleteShards_after"] != 2 || calls["rpc_SetShardTabletControl_after"] != 4 {
				t.Errorf("clearing two types on two shards that are gone made the calls %v", calls)
			}
			for _, node := range want.Topo {
				if strings.Contains(node, "shards/-80/") || strings.Contains(node, "shards/80-/") || strings.Contains(node, "queryServiceDisabled") {
					t.Errorf("left over: %s", node)
				}
			}
			rows := maps.Clone(want.Rows)
			maps.DeleteFunc(rows, func(place string, _ []string) bool { return strings.HasPrefix(place, "-/") })
			if len(rows) > 0 || len(want.all("customer")) != len(before.all("customer")) {
				t.Errorf("rows are elsewhere: %v", rows)
			}
			for point, dir := range p.killedApart(from, []int{0}, applying...) {
				when := "killed at " + point
				p.finishes(dir, when)
				p.checkContent(dir, when, want)
				p.checkRepeated(p.callsSince(dir, already), when, calls)
			}
		})
	}
}
