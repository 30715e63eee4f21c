//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// An unsharded keyspace gets a primary vindex, and a sequence in place of AUTO_INCREMENT, before it is split.
func TestUnshardedToShardedWithSequences(t *testing.T) {
	t.Parallel()
	c := runningCluster(t)
	const first = 1_000_000 // far behind what AUTO_INCREMENT gives out meanwhile
	newSequence(t, c, "sequences", first)
	k := newKeyspace(t, c, fixture{name: "unsharded", shards: []string{"0"}, tables: tables{increment: true}, rows: 2000})
	k.tables.vindex, k.tables.sequences = "xxhash", "sequences"
	reshardUnderLoad(t, k, "-80", "80-")

	var incremented, sequenced int
	for order := range k.told {
		switch {
		case order.id >= first:
			sequenced++
		case order.id > k.rows:
			incremented++
		}
	}
	if incremented == 0 || sequenced == 0 {
		t.Errorf("%d orders were numbered by AUTO_INCREMENT and %d by the sequence: both were to be", incremented, sequenced)
	}
}

func TestAutoIncrementWithoutSequenceIsRefused(t *testing.T) {
	t.Parallel()
	k := newKeyspace(t, runningCluster(t), fixture{name: "increment", shards: []string{"0"}, tables: tables{increment: true}, rows: 1000, alone: true})
	k.addShards(t, "-80", "80-")
	before := k.vtctl(t, "GetVSchema", k.name)
	k.tables.vindex = "xxhash"
	plan := k.plan(t, k.to("-80", "80-"))
	for _, command := range [][]string{{"plan"}, {"apply", "--auto-approve"}} {
		got := plan.run(t, command...)
		if got.exit != 1 || !strings.Contains(got.stderr, "corder has an AUTO_INCREMENT column and no sequence") {
			t.Errorf("%v: expected exit code 1 and an error about corder's column without a sequence\n%s", command, got)
		}
	}
	if after := k.vtctl(t, "GetVSchema", k.name); after != before {
		t.Errorf("the vschema was changed, from\n%s\nto\n%s", before, after)
	}
	if workflows := k.workflows(t); len(workflows) > 0 {
		t.Errorf("workflows were created: %+v", workflows)
	}
	for _, target := range []string{"-80", "80-"} {
		var schema struct {
			Definitions []any `json:"table_definitions"`
		}
		k.read(t, &schema, "GetSchema", tabletAlias(k.uids[target][0]))
		if len(schema.Definitions) > 0 {
			t.Errorf("%s/%s has tables: %v", k.name, target, schema.Definitions)
		}
	}
	k.compare(t, "0")
}
