package automation

import (
	"fmt"
	"slices"

	"shardform/internal/tasks"
)

var verticalSplitClone = &command{
	spec: &tasks.Spec{
		Name:    "VerticalSplitCloneTask",
		Modern:  moveInstead,
		Summary: "copies the rows of tables that are split off to another keyspace (vtworker VerticalSplitClone)",
		Doc:     "Resets the vtworker, as far as that works, and runs vtworker VerticalSplitClone.\n" + cloneDoc,
		Parameters: slices.Concat([]tasks.Parameter{
			required("dest_keyspace", "keyspace that the tables go to"),
			required("shard", "its shard"),
			required("tables", "tables to copy, separated by commas; /RE/ is a regular expression"),
			vtworker(),
		}, onlineOffline(), cloneOptions()),
	},
	vtworker: true,
	patience: cancellable,
	line: func(p parameters) []string {
		args := append([]string{"VerticalSplitClone"}, p.options(slices.Concat([]string{"tables", "online", "offline"}, cloneNames)...)...)
		return append(args, p.shard("dest_keyspace", "shard"))
	},
	describe: func(p parameters) string {
		return fmt.Sprintf("copy the rows of %s to %s", p["tables"], p.shard("dest_keyspace", "shard"))
	},
	answers: []answer{enabled},
}
