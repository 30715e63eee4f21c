package automation

import "shardform/internal/tasks"

// rebuildKeyspaceGraph is the task by either of its names.
func rebuildKeyspaceGraph(name string) *command {
	return &command{
		spec: &tasks.Spec{
			Name:    name,
			Summary: "computes anew which shards of a keyspace serve (vtctl RebuildKeyspaceGraph)",
			Doc: `Runs vtctl RebuildKeyspaceGraph. It has two names, RebuildKeyspaceGraph as in the original and RebuildKeyspaceGraphTask, which
mean the same. It derives what is served from the shards' records, so one that was cut short is run again.
Unlike in the original the command is not cancelled once it is sent: cells would differ until the next one.`,
			Parameters: []tasks.Parameter{required("keyspace", "keyspace to compute it for"), vtctld(), cells()},
		},
		patience: unbroken,
		line: func(p parameters) []string {
			return append(append([]string{"RebuildKeyspaceGraph"}, p.options("cells")...), p["keyspace"])
		},
		describe: func(p parameters) string { return "rebuild the serving graph of keyspace " + p["keyspace"] },
	}
}
