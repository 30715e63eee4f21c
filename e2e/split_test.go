//go:build e2e

package e2e

import "testing"

func TestSplitUnderLoadKeepsEveryRow(t *testing.T) {
	k := newKeyspace(t, runningCluster(t), fixture{name: "split", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 20_000})
	load := k.load(t)
	k.addShards(t, "-80", "80-")
	plan := k.plan(t, k.to("-80", "80-"))
	plan.apply(t)
	load.finish(t)
	k.compare(t, "-80", "80-")
	plan.noChanges(t)
}
