//go:build e2e

package e2e

import (
	"maps"
	"slices"
	"testing"
)

// One target has lost a VDiff, or a vtctld that died has never created it there. The next apply creates it there under the
// same UUID; waiting for it would last until verify.timeout.
func TestVDiffMissingOnOneTarget(t *testing.T) {
	t.Parallel()
	k := newKeyspace(t, runningCluster(t), fixture{name: "partly_compared", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 1000, alone: true})
	load := k.load(t)
	k.addShards(t, "-80", "80-")
	wanted := k.to("-80", "80-")
	wanted.reshard = `verify { timeout = "3m" }`
	plan := k.plan(t, wanted)
	plan.apply(t, "--until", "keyspace.partly_compared/0:-80,80-/verify")
	whole := k.vdiffs(t)
	if len(whole) != 1 {
		t.Fatalf("VDiffs: %v, expected one", whole)
	}
	for _, table := range []string{"vdiff_table", "vdiff"} {
		k.vtctl(t, "ExecuteFetchAsDBA", tabletAlias(k.uids["80-"][0]), "delete from _vt."+table)
	}
	got := plan.apply(t, "--until", "keyspace.partly_compared/0:-80,80-/switch_primary")
	if again := k.vdiffs(t); !maps.Equal(whole, again) || !slices.Contains(slices.Collect(maps.Values(again)), "completed") {
		t.Errorf("VDiffs: %v, expected the same again: %v\n%s", again, whole, got)
	}
	plan.apply(t)
	load.waitForCommits(t, 20)
	load.finish(t)
	k.compare(t, "-80", "80-")
	plan.noChanges(t)
}
