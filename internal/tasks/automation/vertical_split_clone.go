package automation

import (
	"fmt"
	"slices"
	"strings"

	"shardform/internal/tasks"
)

var verticalSplitClone = &command{
	spec: &tasks.Spec{
		Name:    "VerticalSplitCloneTask",
		Modern:  moveInstead,
		Summary: "copies the rows of tables that are split off to another keyspace (vtworker VerticalSplitClone)",
		Doc: "Resets the vtworker, as far as that works, and runs vtworker VerticalSplitClone. min_healthy_rdonly_tablets is sent as\n" +
			"min_healthy_tablets, its name there; the original sent its own, which vtworker refuses.\n" + cloneDoc,
		Parameters: slices.Concat([]tasks.Parameter{
			required("dest_keyspace", "keyspace that the tables go to"),
			required("shard", "its shard"),
			required("tables", "tables to copy, separated by commas; /RE/ is a regular expression"),
			vtworker(),
		}, onlineOffline(), cloneOptions(), []tasks.Parameter{observedBy()}),
	},
	vtworker: true,
	patience: cancellable,
	line: func(p parameters) []string {
		args := append([]string{"VerticalSplitClone"}, p.options(slices.Concat([]string{"tables", "online", "offline"}, cloneNames)...)...)
		for i, arg := range args { // the same option has another name in this command (vertical_split_clone_cmd.go of v0.8 to v0.10)
			if value, is := strings.CutPrefix(arg, "--min_healthy_rdonly_tablets="); is {
				args[i] = "--min_healthy_tablets=" + value
			}
		}
		return append(args, p.shard("dest_keyspace", "shard"))
	},
	describe: func(p parameters) string {
		return fmt.Sprintf("copy the rows of %s to %s", p["tables"], p.shard("dest_keyspace", "shard"))
	},
	answers: []answer{enabled},
	observe: observeSplitOff,
}
