// Package automation has the tasks of the Vitess automation package: the vtctl and vtworker commands by which a Vitess
// with vtworker (until v0.14) is resharded, and the two tasks that emit a whole resharding of them. Names, parameters
// and command lines are the original's (docs/contributing/automation.md). It reaches servers through tasks.Env only.
package automation

import "shardform/internal/tasks"

// Definitions registers the tasks.
func Definitions() []tasks.Definition {
	return []tasks.Definition{
		copySchemaShard.definition(),
		splitClone.definition(),
		splitDiff.definition(),
		waitForFilteredReplication.definition(),
		migrateServedTypes.definition(),
		migrateServedFrom.definition(),
		rebuildKeyspaceGraph("RebuildKeyspaceGraphTask").definition(),
		rebuildKeyspaceGraph("RebuildKeyspaceGraph").definition(), // what the original calls it
		verticalSplitClone.definition(),
		verticalSplitDiff.definition(),
		horizontalResharding.definition(),
		verticalSplit.definition(),
	}
}

// What to do instead where there is no vtworker.
const (
	reshardInstead = "declare the layout wanted, a reshard does all of it there: keyspace \"NAME\" { shards = […] }"
	moveInstead    = "a move_tables block would do this there, and is not built yet for clusters without vtworker; by hand: vtctldclient MoveTables"
)
