package automation

import (
	"slices"

	"shardform/internal/tasks"
)

// cloneDoc is what both kinds of clone have to be known for.
const cloneDoc = `It takes as long as it takes: no deadline is set. A vtworker that is busy, restarting or was stopped a moment ago is
waited for, and the command sent again, which the original of later years did not; any other error is final. Stopping a
run twice ends the command. One that was cut short is looked at by vtctld_endpoint: it is done once the new shards have
filtered replication. Otherwise, or without vtctld_endpoint, it is sent again: rows that are there are compared and put
right, not copied twice.`

// enabled is the answer to a clone whose last step, setting up filtered replication, was done already.
var enabled = answer{
	text: "filtered replication already enabled",
	hint: "if an earlier attempt of this very task set it up, the clone is complete and only its answer was lost: run the tasks after it in an operation of their own; " +
		"if it is left from another resharding, that one has to be finished or cancelled first",
}

var splitClone = &command{
	spec: &tasks.Spec{
		Name:    "SplitCloneTask",
		Modern:  reshardInstead,
		Summary: "copies a shard's rows to the shards that it is split or merged into (vtworker SplitClone)",
		Doc:     "Resets the vtworker, as far as that works, and runs vtworker SplitClone.\n" + cloneDoc,
		Parameters: slices.Concat([]tasks.Parameter{
			required("keyspace", "keyspace of the shards"),
			required("source_shard", "shard to copy from"),
			vtworker(),
		}, onlineOffline(), []tasks.Parameter{excludeTables()}, cloneOptions(), []tasks.Parameter{observedBy()}),
	},
	vtworker: true,
	patience: cancellable,
	line: func(p parameters) []string {
		args := append([]string{"SplitClone"}, p.options(slices.Concat([]string{"online", "offline", "exclude_tables"}, cloneNames)...)...)
		return append(args, p.shard("keyspace", "source_shard"))
	},
	describe: func(p parameters) string {
		return "copy the rows of " + p.shard("keyspace", "source_shard") + " to its new shards"
	},
	answers: []answer{enabled},
	observe: observeClone,
}
