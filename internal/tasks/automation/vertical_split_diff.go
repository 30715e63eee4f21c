package automation

import "shardform/internal/tasks"

var verticalSplitDiff = &command{
	spec: &tasks.Spec{
		Name:    "VerticalSplitDiffTask",
		Modern:  moveInstead,
		Summary: "compares the rows of tables split off to another keyspace with their source (vtworker VerticalSplitDiff)",
		Doc:     "Resets the vtworker, as far as that works, and runs vtworker VerticalSplitDiff.\n" + diffDoc,
		Parameters: []tasks.Parameter{
			required("dest_keyspace", "keyspace that the tables go to"),
			required("shard", "its shard"),
			vtworker(),
			minHealthyRdonlyTablets(),
		},
	},
	vtworker: true,
	patience: cancellable,
	line: func(p parameters) []string {
		return append(append([]string{"VerticalSplitDiff"}, p.options("min_healthy_rdonly_tablets")...), p.shard("dest_keyspace", "shard"))
	},
	describe: func(p parameters) string {
		return "compare the rows of " + p.shard("dest_keyspace", "shard") + " with their source"
	},
}
