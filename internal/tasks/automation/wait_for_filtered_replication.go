package automation

import (
	"fmt"

	"shardform/internal/tasks"
)

var waitForFilteredReplication = &command{
	spec: &tasks.Spec{
		Name:    "WaitForFilteredReplicationTask",
		Modern:  reshardInstead,
		Summary: "waits until a new shard has nearly caught up with its source (vtctl WaitForFilteredReplication)",
		Doc: `Runs vtctl WaitForFilteredReplication. It only looks: one that was cut short is run again, a request to stop ends it, and
so may a broken connection, behind which it is tried again.
Unlike in the original the answer "last seen delay should never be negative" does not end the operation. A server gives
it until the first event has come, on an idle source in particular; the task is tried again.`,
		Parameters: []tasks.Parameter{
			required("keyspace", "keyspace of the shard"),
			required("shard", "new shard"),
			{Name: "max_delay", Kind: tasks.Duration, Required: true, Doc: "how far it may be behind, such as 30s"},
			vtctld(),
		},
	},
	patience: waiting,
	line: func(p parameters) []string {
		return []string{"WaitForFilteredReplication", "-max_delay", p["max_delay"], p.shard("keyspace", "shard")}
	},
	describe: func(p parameters) string {
		return fmt.Sprintf("wait until %s is less than %s behind its source", p.shard("keyspace", "shard"), p["max_delay"])
	},
	answers: []answer{{
		text: "last seen delay should never be negative", temporary: true,
		hint: "nothing has been replicated to the shard yet; a write to the source shard ends that",
	}},
}
