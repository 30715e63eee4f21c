//go:build e2e

package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// newLegacyKeyspace starts a keyspace of one shard with tables and rows on a legacy cluster, and empty shards beside it.
func newLegacyKeyspace(t *testing.T, c cluster, name string, rows int64) *keyspace {
	t.Helper()
	k := newKeyspace(t, c, fixture{name: name, shards: []string{"0"}, tables: tables{vindex: "hash"}, rows: rows, alone: true})
	k.addShards(t, "-80", "80-")
	return k
}

// operation makes a directory with a plan file that has one task with these arguments (HCL) in an operation block.
func (c cluster) operation(t *testing.T, task string, arguments ...string) *planDir {
	t.Helper()
	p := &planDir{c, t.TempDir()}
	p.put(t, "plan.hcl", fmt.Sprintf("%s\noperation \"old\" {\n  task %q \"all\" {\n    %s\n  }\n}\n", c.block(), task, strings.Join(arguments, "\n    ")))
	return p
}

// split is an operation that splits the keyspace's only shard.
func (c cluster) split(t *testing.T, keyspace string) *planDir {
	t.Helper()
	return c.operation(t, "HorizontalReshardingTask", fmt.Sprintf("keyspace = %q", keyspace),
		`source_shard_list = "0"`, `dest_shard_list = "-80,80-"`, `min_healthy_rdonly_tablets = 1`)
}

// legacyLayout is the keyspace block that wants these shards; a vschema is none of its settings on a legacy cluster.
func (k *keyspace) legacyLayout(shards ...string) layout {
	return layout{keyspace: k.name, shards: shards, reshard: "copy { config = { min_healthy_rdonly_tablets = 1 } }"}
}

// An operation of the original's kind splits a shard while rows are written.
func TestLegacyOperationUnderLoad(t *testing.T) {
	t.Parallel()
	k := newLegacyKeyspace(t, legacyClusterWithOwnVtworker(t), "operation", 2000)
	plan := k.split(t, k.name)
	load := k.load(t)
	load.mayFail = true // vtgate of that age holds no query back
	load.waitForCommits(t, 20)
	plan.apply(t)
	load.waitForCommits(t, 50)
	load.finish(t)
	k.compare(t, "-80", "80-")
	plan.noChanges(t)
}

// A keyspace block splits a shard and merges the new ones again, when the shard that the split left is deleted.
func TestLegacyKeyspaceUnderLoad(t *testing.T) {
	t.Parallel()
	k := newLegacyKeyspace(t, legacyClusterWithOwnVtworker(t), "declared", 2000)
	load := k.load(t)
	load.mayFail = true
	load.waitForCommits(t, 20)
	plan := k.plan(t, k.legacyLayout("-80", "80-"))
	plan.apply(t)
	load.waitForCommits(t, 50)
	plan.noChanges(t)
	plan.doneOnce(t)

	k.addShards(t, "-")
	plan.write(t, k.legacyLayout("-"))
	if got := plan.run(t, "plan"); got.exit != 6 || !strings.Contains(got.stdout, "there is declared/0") {
		t.Errorf("a merge beside the shard that the split left: expected to be refused\n%s", got)
	}
	k.deleteShard(t, "0")
	plan.apply(t)
	load.waitForCommits(t, 50)
	load.finish(t)
	k.compare(t, "-")
	plan.noChanges(t)
}

// deleteShard ends the tablets of a shard that serves nothing any more and deletes its record.
func (k *keyspace) deleteShard(t *testing.T, shard string) {
	t.Helper()
	args := []string{"kill"}
	for _, uid := range k.uids[shard] {
		args = append(args, strconv.Itoa(uid))
	}
	k.script(t, args...)
	k.vtctl(t, "DeleteShard", "-recursive", k.name+"/"+shard)
	delete(k.uids, shard)
}

// Where nobody writes to the source, v0.10 answers WaitForFilteredReplication with a negative delay. The original lost the
// operation by that; here it is begun again where it stopped.
func TestLegacyIdleSource(t *testing.T) {
	t.Parallel()
	c := legacyClusterWithOwnVtworker(t)
	k := newLegacyKeyspace(t, c, "idle", 1000)
	proxy := newProxy(t, c)
	plan := proxy.behind(c).split(t, k.name)
	got := plan.run(t, "apply", "--auto-approve")
	if got.exit == 0 || !strings.Contains(got.stderr+got.stdout, "last seen delay should never be negative") {
		t.Fatalf("apply with an idle source: expected the negative delay\n%s", got)
	}
	load := k.load(t)
	load.mayFail = true
	load.waitForCommits(t, 20)
	plan.apply(t)
	load.waitForCommits(t, 50)
	load.finish(t)
	k.compare(t, "-80", "80-")
	plan.doneOnce(t)
	if n := proxy.reached()["CopySchemaShard"]; n != 2 {
		t.Errorf("the schema was copied %d times, to 2 shards", n)
	}
}
