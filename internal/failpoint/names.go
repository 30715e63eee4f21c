// Package failpoint has the named places at which a test build kills the process, as a power cut would. A normal build
// has the names and nothing else: Hit compiles to nothing. With the build tag failpoints the environment variable
// SHARDFORM_FAILPOINT=name[:nth] ends the process by SIGKILL at the nth time (default the first) that name is reached.
package failpoint

import (
	"slices"
	"strings"
)

// Environment is the variable that names the point to die at.
const Environment = "SHARDFORM_FAILPOINT"

// LogEnvironment is the variable that names a file to which every hit is appended.
const LogEnvironment = "SHARDFORM_FAILPOINT_LOG"

// checkpoints are the kinds of checkpoint that the engine writes, in the order in which a run comes by them.
var checkpoints = []string{
	"run_started", "operation_enqueued", "operation_started", "task_running", "task_process", "task_retry", "task_done", "task_failed",
	"task_reset", "operation_done", "operation_stopped", "operation_checkpointed", "run_ended",
}

// rpcs are the mutating calls that the cluster driver sends, by their names on the wire.
var rpcs = []string{
	"ApplyVSchema", "CopySchemaShard", "CreateShard", "DeleteShards", "ExecuteFetchAsDBA", "ExecuteVtctlCommand", "ExecuteVtworkerCommand", "MoveTablesComplete", "RebuildKeyspaceGraph",
	"RefreshStateByShard", "ReshardCreate", "SetShardIsPrimaryServing", "SetShardTabletControl", "VDiffCreate", "VDiffDelete", "VDiffResume", "VDiffStop",
	"WorkflowDelete", "WorkflowSwitchTraffic", "WorkflowUpdate",
}

// Names are all points, sorted: before and after every checkpoint and every mutating RPC.
func Names() []string {
	var names []string
	for _, kind := range checkpoints {
		names = append(names, Checkpoint(kind)+"_before", Checkpoint(kind)+"_after")
	}
	for _, rpc := range rpcs {
		names = append(names, RPC(rpc)+"_before", RPC(rpc)+"_after")
	}
	slices.SortFunc(names, strings.Compare)
	return names
}

// Checkpoint is what the points around a kind of checkpoint are called, without "_before" or "_after".
func Checkpoint(kind string) string { return "checkpoint_" + kind }

// RPC is what the points around a mutating call are called, without "_before" or "_after".
func RPC(name string) string { return "rpc_" + name }

// BeforeRPC and AfterRPC are the hooks that a cluster driver calls around every mutating RPC.
func BeforeRPC(name string) { Hit(RPC(name) + "_before") }

// AfterRPC is called when the answer is there, before anybody has seen it.
func AfterRPC(name string) { Hit(RPC(name) + "_after") }
