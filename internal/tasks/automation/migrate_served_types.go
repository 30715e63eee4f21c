package automation

import (
	"fmt"

	"shardform/internal/tasks"
)

// migrateDoc is what both kinds of migration have to be known for.
const migrateDoc = `Unlike in the original the command is not cancelled once it is sent, however often the run is stopped: half way neither
side may serve writes. It ends when the server says so, or after an hour. One whose answer was lost is looked at first,
and sent again where the cluster does not show it as done; a reversal is sent again.`

var migrateServedTypes = &command{
	spec: &tasks.Spec{
		Name:    "MigrateServedTypesTask",
		Modern:  reshardInstead,
		Summary: "lets the new shards serve a tablet type, instead of the source (vtctl MigrateServedTypes)",
		Doc: "Runs vtctl MigrateServedTypes. For master the servers take neither cells nor reverse: writes move everywhere at once, and not\nback.\n" +
			migrateDoc,
		Parameters: []tasks.Parameter{
			required("keyspace", "keyspace of the shards"),
			required("source_shard", "shard that serves the type now; with reverse: the one to serve it again"),
			required("type", "tablet type that moves: rdonly, replica or master"),
			vtctld(),
			cells(),
			optional("reverse", tasks.Bool, "true: move the type back to the source"),
		},
	},
	patience: unbroken,
	line: func(p parameters) []string {
		args := append([]string{"MigrateServedTypes"}, p.options("cells", "reverse")...)
		return append(args, p.shard("keyspace", "source_shard"), p["type"])
	},
	describe: func(p parameters) string {
		verb := "move %s from %s to its new shards"
		if p.yes("reverse") {
			verb = "move %s back to %s"
		}
		return fmt.Sprintf(verb, p["type"], p.shard("keyspace", "source_shard"))
	},
	observe: observeMigration,
	answers: []answer{
		{text: "did you already migrate the MASTER type", hint: migratedHint},
		{text: "is not involved in any overlapping shards", hint: migratedHint},
	},
}

const migratedHint = "an earlier attempt may have done it: vtctlclient GetSrvKeyspace CELL KEYSPACE shows which shards serve the type; if it is the new ones, " +
	"the move is complete and only its answer was lost: run the tasks after this one in an operation of their own"
