package reshard

import (
	"strings"

	"shardform/internal/keyrange"
	"shardform/internal/tasks"
)

// The parameters that the tasks share. Names of shards, cells and types are joined by commas.
var (
	clusterParameter   = tasks.Parameter{Name: "cluster", Kind: tasks.String, Required: true, Doc: "name of the cluster block"}
	keyspaceParameter  = tasks.Parameter{Name: "keyspace", Kind: tasks.String, Required: true, Doc: "keyspace, as the cluster calls it"}
	workflowParameter  = tasks.Parameter{Name: "workflow", Kind: tasks.String, Required: true, Doc: "name to give the workflow; a workflow between exactly these shards is taken whatever its name"}
	sourcesParameter   = tasks.Parameter{Name: "sources", Kind: tasks.String, Required: true, Doc: "shards served now, joined by commas"}
	targetsParameter   = tasks.Parameter{Name: "targets", Kind: tasks.String, Required: true, Doc: "shards wanted instead, joined by commas"}
	cellsParameter     = tasks.Parameter{Name: "cells", Kind: tasks.String, Doc: "cells to copy from, joined by commas; default: the server's choice"}
	typesParameter     = tasks.Parameter{Name: "tablet_types", Kind: tasks.String, Default: "REPLICA,PRIMARY", Doc: "tablet types to copy from, in order of preference, joined by commas"}
	maxLagParameter    = tasks.Parameter{Name: "max_replication_lag", Kind: tasks.Duration, Default: "30s", Doc: "lag under which traffic may be switched"}
	lagWaitParameter   = tasks.Parameter{Name: "lag_wait", Kind: tasks.Duration, Default: "10m", Doc: "how long to wait for the lag to come down"}
	switchTimeout      = tasks.Parameter{Name: "timeout", Kind: tasks.Duration, Default: "30s", Doc: "how long the server may wait for the targets to catch up; at least 1s"}
	reverseParameter   = tasks.Parameter{Name: "reverse_replication", Kind: tasks.Bool, Default: "true", Doc: "keep the old shards up to date behind the switch, as the way back"}
	maxAgeParameter    = tasks.Parameter{Name: "max_age", Kind: tasks.Duration, Default: "24h", Doc: "age up to which a finished VDiff counts, from its completion"}
	diffTimeout        = tasks.Parameter{Name: "diff_timeout", Kind: tasks.Duration, Default: "12h", Doc: "how long a VDiff may take"}
	samplesParameter   = tasks.Parameter{Name: "samples", Kind: tasks.Int, Default: "10", Doc: "differing rows to report a table"}
	countParameter     = tasks.Parameter{Name: "count_rows", Kind: tasks.Bool, Default: "true", Doc: "whether every row has to be accounted for"}
	acceptParameter    = tasks.Parameter{Name: "accept_missing", Kind: tasks.Map, Doc: "by table, how many rows may be missing"}
	vschemaParameter   = tasks.Parameter{Name: "vschema", Kind: tasks.String, Multiline: true, Doc: "the wanted vschema as canonical JSON"}
	removeParameter    = tasks.Parameter{Name: "remove_shards", Kind: tasks.Bool, Default: "true", Doc: "whether the source shards are deleted; false: they stay, not serving"}
	stallParameter     = tasks.Parameter{Name: "stall_after", Kind: tasks.Duration, Default: "10m", Doc: "how long a copy may stand still before it counts as stalled"}
	waitParameter      = tasks.Parameter{Name: "wait", Kind: tasks.Duration, Default: "0s", Doc: "how long to wait for the target tablets to appear"}
	readTypesParameter = tasks.Parameter{Name: "type", Kind: tasks.String, Required: true, Allowed: []string{"RDONLY", "REPLICA"}, Doc: "tablet type to switch"}
)

// segmentParameters are the parameters of a task that works on a whole segment, its own ones behind them.
func segmentParameters(own ...tasks.Parameter) []tasks.Parameter {
	return append([]tasks.Parameter{clusterParameter, keyspaceParameter, workflowParameter, sourcesParameter, targetsParameter}, own...)
}

// splitNames is nil for the empty text.
func splitNames(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// layout reads shard names joined by commas; it need not cover the key space.
func layout(text string) (keyrange.Layout, error) {
	return keyrange.ParseShards(splitNames(text))
}
