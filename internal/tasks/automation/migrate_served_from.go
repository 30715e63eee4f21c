package automation

import (
	"fmt"

	"shardform/internal/tasks"
)

var migrateServedFrom = &command{
	spec: &tasks.Spec{
		Name:    "MigrateServedFromTask",
		Modern:  moveInstead,
		Summary: "lets a keyspace serve a tablet type of the tables split off to it (vtctl MigrateServedFrom)",
		Doc: "Runs vtctl MigrateServedFrom. For master the servers take neither cells nor reverse: writes move everywhere at once, and not\nback.\n" +
			migrateDoc,
		Parameters: []tasks.Parameter{
			required("dest_keyspace", "keyspace that the tables go to"),
			required("shard", "its shard"),
			required("type", "tablet type that moves: rdonly, replica or master"),
			vtctld(),
			cells(),
			optional("reverse", tasks.Bool, "true: move the type back to the source keyspace"),
		},
	},
	patience: unbroken,
	line: func(p parameters) []string {
		args := append([]string{"MigrateServedFrom"}, p.options("cells", "reverse")...)
		return append(args, p.shard("dest_keyspace", "shard"), p["type"])
	},
	describe: func(p parameters) string {
		verb := "let %[2]s serve %[1]s of the tables split off to it"
		if p.yes("reverse") {
			verb = "move %s of the tables split off to %s back to their source"
		}
		return fmt.Sprintf(verb, p["type"], p.shard("dest_keyspace", "shard"))
	},
	observe: observeServedFrom,
	answers: []answer{
		{text: "is not a vertical split target", hint: servedHint},
		{text: "type cannot be migrated", hint: servedHint},
	},
}

const servedHint = "an earlier attempt may have done it: vtctlclient GetKeyspace KEYSPACE shows under served_froms which types still come from the source; if this type is not there, " +
	"the move is complete and only its answer was lost: run the tasks after this one in an operation of their own"
