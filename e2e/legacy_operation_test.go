//go:build e2e

package e2e

import (
	"fmt"
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

// operation makes a folder with a plan file that has one task with these arguments (HCL) in an operation block.
func (c cluster) operation(t *testing.T, task string, arguments ...string) *planFolder {
	t.Helper()
	p := &planFolder{c, t.TempDir()}
	p.put(t, "plan.hcl", fmt.Sprintf("%s\noperation \"old\" {\n  task %q \"all\" {\n    %s\n  }\n}\n", c.block(), task, strings.Join(arguments, "\n    ")))
	return p
}

// split is the operation that splits the keyspace's only shard.
func (k *keyspace) split(t *testing.T) *planFolder {
	t.Helper()
	return k.operation(t, "HorizontalReshardingTask", fmt.Sprintf("keyspace = %q", k.name),
		`source_shard_list = "0"`, `dest_shard_list = "-80,80-"`, `min_healthy_rdonly_tablets = 1`)
}

// An operation of the original's kind splits a shard while rows are written.
func TestLegacyOperationUnderLoad(t *testing.T) {
	k := newLegacyKeyspace(t, legacyCluster(t), "operation", 2000)
	plan := k.split(t)
	load := k.load(t)
	load.mayFail = true // vtgate of that age holds no query back
	load.waitForCommits(t, 20)
	plan.apply(t)
	load.waitForCommits(t, 50)
	load.finish(t)
	k.compare(t, "-80", "80-")
	plan.noChanges(t)
}
