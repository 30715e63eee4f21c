package automation

import "shardform/internal/tasks"

// diffDoc is what both kinds of diff have to be known for.
const diffDoc = `It changes no rows: one that was cut short is run again. A vtworker that is busy, restarting or was stopped a moment
ago is waited for, which the original of later years did not; any other error is final, differences too. Stopping a run
twice ends the command.`

// SourceUID says which source to compare with, by its uid in the shard's record: vtworker wants that of a shard that has
// several. Only keyspace blocks give it. Requests and plan files cannot, as the original's SplitDiffTask has no such
// parameter: there a merge fails at its diff.
const SourceUID = "source_uid"

var splitDiff = &command{
	spec: &tasks.Spec{
		Name:    "SplitDiffTask",
		Modern:  reshardInstead,
		Summary: "compares a new shard's rows with those it was copied from (vtworker SplitDiff)",
		Doc:     "Resets the vtworker, as far as that works, and runs vtworker SplitDiff.\n" + diffDoc,
		Parameters: []tasks.Parameter{
			required("keyspace", "keyspace of the shards"),
			required("dest_shard", "new shard to compare"),
			vtworker(),
			excludeTables(),
			minHealthyRdonlyTablets(),
		},
	},
	vtworker: true,
	patience: cancellable,
	line: func(p parameters) []string {
		args := append([]string{"SplitDiff"}, p.options("exclude_tables", "min_healthy_rdonly_tablets", SourceUID)...)
		return append(args, p.shard("keyspace", "dest_shard"))
	},
	describe: func(p parameters) string {
		return "compare the rows of " + p.shard("keyspace", "dest_shard") + " with their source"
	},
}
