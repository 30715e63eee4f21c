package automation

import (
	"fmt"

	"shardform/internal/tasks"
)

var copySchemaShard = &command{
	spec: &tasks.Spec{
		Name:    "CopySchemaShardTask",
		Summary: "copies a shard's schema to another shard (vtctl CopySchemaShard)",
		Doc: `Runs vtctl CopySchemaShard. Where the destination has the same schema it changes nothing, so a task that was cut short
is run again; where it has a part of it the server refuses, and what is there has to be dropped by hand.
Unlike in the original the command is not cancelled once it is sent: tables half copied are in the way of the next try.`,
		Parameters: []tasks.Parameter{
			required("source_keyspace_and_shard", "KEYSPACE/SHARD to copy from"),
			required("dest_keyspace_and_shard", "KEYSPACE/SHARD to copy to"),
			vtctld(),
			optional("tables", tasks.String, "tables to copy, separated by commas; default: all"),
			excludeTables(),
		},
	},
	patience: unbroken,
	line: func(p parameters) []string {
		args := append([]string{"CopySchemaShard"}, p.options("tables", "exclude_tables")...)
		return append(args, p["source_keyspace_and_shard"], p["dest_keyspace_and_shard"])
	},
	describe: func(p parameters) string {
		return fmt.Sprintf("copy the schema of %s to %s", p["source_keyspace_and_shard"], p["dest_keyspace_and_shard"])
	},
}
