// Package legacyreshard reshards a Vitess that has vtworker: the steps of the automation tasks HorizontalReshardingTask
// and VerticalSplitTask, each one observed before it is done and again behind it, so that it is done once however often
// a run begins anew. What a step does, the automation task of its name does; this package only looks and lays out.
package legacyreshard

import (
	"slices"

	"shardform/internal/tasks"
	"shardform/internal/tasks/automation"
	"shardform/internal/tasks/reshard"
)

// Definitions are the tasks of resharding a legacy cluster.
func Definitions() []tasks.Definition {
	steps := []*step{
		{name: "legacy_copy_schema", halfway: copiedHalfway, inner: "CopySchemaShardTask", own: segmentParameters(shardParameter), observe: (*scene).copied},
		{name: "legacy_clone", halfway: clonedHalfway, inner: "SplitCloneTask", own: segmentParameters(), observe: (*scene).cloned},
		{name: "legacy_wait", halfway: lookedHalfway, inner: "WaitForFilteredReplicationTask", own: segmentParameters(), observe: (*scene).passed, traceless: true},
		{name: "legacy_diff", halfway: lookedHalfway, inner: "SplitDiffTask", own: segmentParameters(), observe: (*scene).passed, traceless: true, each: (*scene).sourceByUID, planned: diffBySource},
		{name: "legacy_migrate", halfway: migratedHalfway, inner: "MigrateServedTypesTask", own: segmentParameters(reshard.WindowParameters(false)...), observe: (*scene).migrated, allowed: (*scene).inWindow},
		{name: "legacy_move_schema", halfway: copiedHalfway, inner: "CopySchemaShardTask", own: moveParameters(destParameter, shardParameter), observe: (*scene).moveCopied},
		{name: "legacy_move_clone", halfway: clonedHalfway, inner: "VerticalSplitCloneTask", own: moveParameters(), observe: (*scene).moveCloned},
		{name: "legacy_move_wait", halfway: lookedHalfway, inner: "WaitForFilteredReplicationTask", own: moveParameters(destParameter, tablesParameter), observe: (*scene).movePassed, traceless: true},
		{name: "legacy_move_diff", halfway: lookedHalfway, inner: "VerticalSplitDiffTask", own: moveParameters(tablesParameter), observe: (*scene).movePassed, traceless: true},
		{name: "legacy_move_migrate", halfway: movedHalfway, inner: "MigrateServedFromTask", own: moveParameters(tablesParameter), observe: (*scene).moveMigrated},
	}
	known := automation.Definitions()
	var definitions []tasks.Definition
	for _, s := range steps {
		i := slices.IndexFunc(known, func(d tasks.Definition) bool { return d.Spec.Name == s.inner })
		definitions = append(definitions, s.definition(known[i]))
	}
	return definitions
}

// What becomes of steps that die halfway.
const (
	copiedHalfway   = "If it dies halfway, the next apply compares the tables and copies the schema of those that are missing."
	clonedHalfway   = "If it dies halfway, it is run again and puts right the rows that are there; once it has set up filtered replication it is done."
	lookedHalfway   = "If it dies halfway, it is run again; it is passed over where a later step has begun."
	migratedHalfway = "If it dies halfway, it is run again until every cell and the shards' records show it: the server goes on from what it froze."
	movedHalfway    = "If it dies halfway, it is run again; where the server refuses that, the hint says what is left to do by hand."
)

// The parameters by which a step finds what to look at. Those that its command takes stand behind them.
var (
	clusterParameter  = tasks.Parameter{Name: "cluster", Kind: tasks.String, Required: true, Doc: "name of the cluster block"}
	keyspaceParameter = tasks.Parameter{Name: "keyspace", Kind: tasks.String, Required: true, Doc: "keyspace, as the cluster calls it"}
	sourcesParameter  = tasks.Parameter{Name: "sources", Kind: tasks.String, Required: true, Doc: "shards served now, joined by commas"}
	targetsParameter  = tasks.Parameter{Name: "targets", Kind: tasks.String, Required: true, Doc: "shards wanted instead, joined by commas"}
	shardParameter    = tasks.Parameter{Name: "shard", Kind: tasks.String, Required: true, Doc: "shard that the step is about"}
	sourceParameter   = tasks.Parameter{Name: "source", Kind: tasks.String, Required: true, Doc: "KEYSPACE/SHARD that has the tables"}
	destParameter     = tasks.Parameter{Name: "dest_keyspace", Kind: tasks.String, Required: true, Doc: "keyspace that the tables go to"}
	tablesParameter   = tasks.Parameter{Name: "tables", Kind: tasks.String, Required: true, Doc: "tables that are split off, joined by commas; /RE/ is a regular expression"}
)

func segmentParameters(own ...tasks.Parameter) []tasks.Parameter {
	return append([]tasks.Parameter{clusterParameter, keyspaceParameter, sourcesParameter, targetsParameter}, own...)
}

func moveParameters(own ...tasks.Parameter) []tasks.Parameter {
	return append([]tasks.Parameter{clusterParameter, sourceParameter}, own...)
}
