//go:build e2e

package e2e

import (
	"slices"
	"testing"
)

// reshardUnderLoad brings a running keyspace to the layout while it is written and read, with fresh tablets for the shards
// that are new, and compares every row.
func reshardUnderLoad(t *testing.T, k *keyspace, shards ...string) {
	t.Helper()
	load := k.denseLoad(t)
	k.addShards(t, slices.DeleteFunc(slices.Clone(shards), func(shard string) bool { return k.uids[shard] != nil })...)
	plan := k.plan(t, k.to(shards...))
	plan.apply(t)
	load.finish(t)
	k.compare(t, shards...)
	if left := k.shards(t); !slices.Equal(left, shards) {
		t.Errorf("shard records: %v, expected %v", left, shards)
	}
	plan.noChanges(t)
}

func TestSplitUnderLoadKeepsEveryRow(t *testing.T) {
	t.Parallel()
	k := newKeyspace(t, runningCluster(t), fixture{name: "split", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 20_000})
	reshardUnderLoad(t, k, "-80", "80-")
}

func TestSplitOfTwoShardsIntoFourUnevenOnes(t *testing.T) {
	t.Parallel()
	k := newKeyspace(t, runningCluster(t), fixture{name: "uneven", shards: []string{"-80", "80-"}, tables: tables{vindex: "xxhash"}, rows: 2000, alone: true})
	reshardUnderLoad(t, k, "-20", "20-80", "80-c0", "c0-")
}

func TestMergeOfTwoShardsByHash(t *testing.T) {
	t.Parallel()
	k := newKeyspace(t, runningCluster(t), fixture{name: "merge", shards: []string{"-80", "80-"}, tables: tables{vindex: "hash"}, rows: 3000})
	reshardUnderLoad(t, k, "-")
}

func TestPartialReshardLeavesTheOtherShardsAlone(t *testing.T) {
	t.Parallel()
	k := newKeyspace(t, runningCluster(t), fixture{name: "partial", shards: []string{"-40", "40-80", "80-"}, tables: tables{vindex: "xxhash"}, rows: 2000, alone: true})
	others := []string{"-40", "80-"}
	records := func() (found string) {
		for _, shard := range others {
			found += k.vtctl(t, "GetShard", k.name+"/"+shard)
		}
		return found
	}
	before := records()
	reshardUnderLoad(t, k, "-40", "40-60", "60-80", "80-")
	if after := records(); after != before {
		t.Errorf("shards that are no part of the reshard have changed, from\n%s\nto\n%s", before, after)
	}
	for _, shard := range others {
		var streams int
		db := k.database(t, k.name, k.uids[shard][0])
		if err := db.QueryRowContext(t.Context(), "select count(*) from _vt.vreplication_log").Scan(&streams); err != nil {
			t.Fatal(err)
		}
		if streams != 0 {
			t.Errorf("%s/%s had streams (%d rows of _vt.vreplication_log) and is no part of the reshard", k.name, shard, streams)
		}
	}
}

// The tablets of the second segment come when the first is done, and its preflight waits for them: vtgate keeps
// buffering writes after a switch as long as the keyspace has healthy primaries that serve nothing (its
// keyspace_events.go), until its window of 10 s is over.
func TestTwoSegmentsOfOneKeyspaceInOnePlan(t *testing.T) {
	t.Parallel()
	k := newKeyspace(t, runningCluster(t), fixture{name: "segments", shards: []string{"-40", "40-80", "80-"}, tables: tables{vindex: "xxhash"}, rows: 2000, alone: true})
	layout := k.to("-20", "20-40", "40-80", "80-c0", "c0-")
	layout.reshard = "preflight {\n wait = \"5m\"\n }"
	plan := k.plan(t, layout)
	load := k.load(t)
	k.addShards(t, "-20", "20-40")
	apply := plan.start(t, nil, "apply", "--auto-approve")
	apply.waitForText(t, "keyspace.segments/-40:-20,20-40/confirm/confirm: segments serves from")
	if created := k.workflows(t); len(created) > 0 {
		t.Errorf("the second segment is to start after the confirm of the first: %+v", created)
	}
	k.addShards(t, "80-c0", "c0-")
	if got := apply.wait(t); got.exit != 0 {
		t.Fatalf("apply: want exit code 0\n%s", got)
	}
	load.finish(t)
	k.compare(t, layout.shards...)
	plan.noChanges(t)
}

func TestTwoKeyspacesInOnePlan(t *testing.T) {
	t.Parallel()
	c := runningCluster(t)
	split := newKeyspace(t, c, fixture{name: "two_split", shards: []string{"-"}, tables: tables{vindex: "hash"}, rows: 2000, alone: true})
	merge := newKeyspace(t, c, fixture{name: "two_merge", shards: []string{"-80", "80-"}, tables: tables{vindex: "xxhash"}, rows: 2000, alone: true})
	loads := []*load{split.load(t), merge.load(t)}
	split.addShards(t, "-c0", "c0-")
	merge.addShards(t, "0")
	plan := c.plan(t, split.to("-c0", "c0-"), merge.to("0"))
	plan.apply(t)
	for _, load := range loads {
		load.finish(t)
	}
	split.compare(t, "-c0", "c0-")
	merge.compare(t, "0")
	plan.noChanges(t)
}
