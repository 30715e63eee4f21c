package vitess

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"shardform/internal/diag/spell"
)

// The Command functions give the vtctldclient command line that sends the same request: for plans (--commands), hints
// and people who take over by hand. Arguments are quoted for a POSIX shell. The server's address is left out, as people
// have their own way of giving it.

// CommandReshardCreate is the command for a ReshardCreate.
func CommandReshardCreate(r ReshardCreate) string {
	args := []string{
		"Reshard", "--workflow", r.Workflow, "--target-keyspace", r.Keyspace, "create",
		"--source-shards", strings.Join(r.Sources, ","), "--target-shards", strings.Join(r.Targets, ","),
	}
	if len(r.Cells) > 0 {
		args = append(args, "--cells", strings.Join(r.Cells, ","))
	}
	if len(r.TabletTypes) > 0 {
		args = append(args, "--tablet-types", strings.Join(r.TabletTypes, ","))
	}
	if r.OnDDL != "" {
		args = append(args, "--on-ddl", r.OnDDL)
	}
	if !r.DeferSecondaryKeys {
		args = append(args, "--defer-secondary-keys=false")
	}
	if !r.AutoStart {
		args = append(args, "--auto-start=false")
	}
	if len(r.Config) > 0 {
		var pairs []string
		for _, key := range slices.Sorted(maps.Keys(r.Config)) {
			pairs = append(pairs, key+"="+r.Config[key])
		}
		args = append(args, "--config-overrides", strings.Join(pairs, ","))
	}
	return command(args...)
}

// CommandStartWorkflow is the command for StartWorkflow of a Reshard.
func CommandStartWorkflow(keyspace, workflow string) string {
	return commandWorkflow(TypeReshard, keyspace, workflow, "start")
}

// CommandShowWorkflow is the command that shows a Reshard.
func CommandShowWorkflow(keyspace, workflow string) string {
	return commandWorkflow(TypeReshard, keyspace, workflow, "show")
}

// CommandDeleteWorkflow is the command for DeleteWorkflow of a Reshard.
func CommandDeleteWorkflow(keyspace, workflow string, keepData bool) string {
	if keepData {
		return commandWorkflow(TypeReshard, keyspace, workflow, "cancel", "--keep-data")
	}
	return commandWorkflow(TypeReshard, keyspace, workflow, "cancel")
}

// CommandCompleteWorkflow is the command for CompleteWorkflow. `Reshard complete` is the same RPC but has no
// --keep-data; without it the shards go first and a completion that dies cannot be repeated.
func CommandCompleteWorkflow(keyspace, workflow string) string {
	return commandWorkflow("MoveTables", keyspace, workflow, "complete", "--keep-data")
}

// CommandSwitchTraffic is the command for SwitchTraffic.
func CommandSwitchTraffic(r SwitchTraffic) string {
	action := "switchtraffic"
	if r.Backward {
		action = "reversetraffic"
	}
	types := make([]string, len(r.Types))
	for i, t := range r.Types {
		types[i] = strings.ToLower(string(t))
	}
	args := []string{"--tablet-types", strings.Join(types, ",")}
	if r.MaxLag > 0 {
		args = append(args, "--max-replication-lag-allowed", spell.Duration(r.MaxLag))
	}
	if r.Timeout > 0 {
		args = append(args, "--timeout", spell.Duration(r.Timeout))
	}
	if !r.ReverseReplication {
		args = append(args, "--enable-reverse-replication=false")
	}
	if r.DryRun {
		args = append(args, "--dry-run")
	}
	return commandWorkflow(TypeReshard, r.Keyspace, r.Workflow, action, args...)
}

// CommandStopWorkflow is the command that stops the streams of a Reshard.
func CommandStopWorkflow(keyspace, workflow string) string {
	return commandWorkflow(TypeReshard, keyspace, workflow, "stop")
}

// CommandsRemoveStreams are the commands for StopWorkflow and RemoveStreams, one a tablet.
func CommandsRemoveStreams(keyspace string, w *Workflow) []string {
	var commands []string
	if !w.Frozen() {
		commands = append(commands, CommandStopWorkflow(keyspace, w.Name))
	}
	var tablets []string
	for _, s := range w.Streams {
		if !slices.Contains(tablets, s.Tablet) {
			tablets = append(tablets, s.Tablet)
			commands = append(commands, CommandExecuteFetchAsDBA(s.Tablet, deleteStreams(w.Name)))
		}
	}
	return commands
}

// CommandVDiffCreate is the command for VDiffCreate; without a UUID vtctldclient makes one up.
func CommandVDiffCreate(r VDiffCreate) string {
	var args []string
	if r.UUID != "" {
		args = append(args, r.UUID)
	}
	args = append(args, "--max-extra-rows-to-compare", fmt.Sprint(r.MaxExtraRows), "--max-report-sample-rows", fmt.Sprint(r.Samples))
	if r.MaxDuration > 0 {
		args = append(args, "--max-diff-duration", spell.Duration(r.MaxDuration))
	}
	return commandWorkflow("VDiff", r.Keyspace, r.Workflow, "create", args...)
}

// CommandVDiffResume is the command for VDiffResume.
func CommandVDiffResume(keyspace, workflow, uuid string) string {
	return commandWorkflow("VDiff", keyspace, workflow, "resume", uuid)
}

// CommandVDiffStop is the command for VDiffStop.
func CommandVDiffStop(keyspace, workflow, uuid string) string {
	return commandWorkflow("VDiff", keyspace, workflow, "stop", uuid)
}

// CommandVDiffShow is the command that shows a VDiff with its differences.
func CommandVDiffShow(keyspace, workflow, uuid string) string {
	return commandWorkflow("VDiff", keyspace, workflow, "show", uuid, "--verbose")
}

// CommandApplyVSchema is the command for ApplyVSchema.
func CommandApplyVSchema(keyspace, vschema string) string {
	return command("ApplyVSchema", "--vschema", vschema, keyspace)
}

// CommandDeleteShards is the command for DeleteShard, of several shards at once.
func CommandDeleteShards(keyspace string, shards ...string) string {
	args := []string{"DeleteShards", "--recursive"}
	for _, shard := range shards {
		args = append(args, keyspace+"/"+shard)
	}
	return command(args...)
}

// CommandCreateShard is the command for CreateShard.
func CommandCreateShard(keyspace, shard string) string {
	return command("CreateShard", keyspace+"/"+shard)
}

// CommandClearTabletControl is the command for ClearTabletControl.
func CommandClearTabletControl(keyspace, shard string, t TabletType) string {
	return command("SetShardTabletControl", "--disable-query-service=false", keyspace+"/"+shard, strings.ToLower(string(t)))
}

// CommandRebuildKeyspaceGraph is the command for RebuildKeyspaceGraph.
func CommandRebuildKeyspaceGraph(keyspace string) string {
	return command("RebuildKeyspaceGraph", keyspace)
}

// CommandReparent is the command that gives a shard a primary.
func CommandReparent(keyspace, shard string) string {
	return command("PlannedReparentShard", keyspace+"/"+shard)
}

// CommandGetSrvKeyspaces is the command that shows what every cell serves.
func CommandGetSrvKeyspaces(keyspace string) string {
	return command("GetSrvKeyspaces", keyspace)
}

// CommandGetVSchema is the command that shows the vschema.
func CommandGetVSchema(keyspace string) string {
	return command("GetVSchema", keyspace)
}

// CommandGetWorkflows is the command that shows every workflow of the keyspace.
func CommandGetWorkflows(keyspace string) string {
	return command("GetWorkflows", keyspace)
}

// CommandValidateKeyspace is the command for ValidateKeyspace.
func CommandValidateKeyspace(keyspace string, pingTablets bool) string {
	if pingTablets {
		return command("ValidateKeyspace", "--ping-tablets", keyspace)
	}
	return command("ValidateKeyspace", keyspace)
}

// CommandExecuteFetchAsDBA is the command that asks a tablet's MySQL.
func CommandExecuteFetchAsDBA(tablet, query string) string {
	return command("ExecuteFetchAsDBA", tablet, query)
}

func commandWorkflow(kind, keyspace, workflow, action string, args ...string) string {
	return command(append([]string{kind, "--workflow", workflow, "--target-keyspace", keyspace, action}, args...)...)
}

func command(args ...string) string {
	words := []string{"vtctldclient"}
	for _, a := range args {
		words = append(words, spell.ShellWord(a))
	}
	return strings.Join(words, " ")
}
