package conformance

import (
	"google.golang.org/protobuf/proto"

	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"
)

// The requests that situations are made of, with the values that vtctldclient sends where nothing else is said.

// with changes a request before it is sent.
func with[M proto.Message](request M, change func(M)) M {
	change(request)
	return request
}

// reshard creates the workflow that brings the rows of a base's sources to its targets.
func reshard(b Base) *vtctldatapb.ReshardCreateRequest {
	return &vtctldatapb.ReshardCreateRequest{
		Workflow: Workflow, Keyspace: Keyspace, SourceShards: b.Sources, TargetShards: b.Targets,
		TabletTypes:               []topodatapb.TabletType{topodatapb.TabletType_REPLICA, topodatapb.TabletType_PRIMARY},
		TabletSelectionPreference: tabletmanagerdatapb.TabletSelectionPreference_INORDER,
		OnDdl:                     "STOP", DeferSecondaryKeys: true, AutoStart: true,
	}
}

func reshardWith(change func(*vtctldatapb.ReshardCreateRequest)) *vtctldatapb.ReshardCreateRequest {
	return with(reshard(split()), change)
}

// The tablet types that a switch may name, in one order or another.
func replica() []topodatapb.TabletType  { return []topodatapb.TabletType{topodatapb.TabletType_REPLICA} }
func rdonly() []topodatapb.TabletType   { return []topodatapb.TabletType{topodatapb.TabletType_RDONLY} }
func primary() []topodatapb.TabletType  { return []topodatapb.TabletType{topodatapb.TabletType_PRIMARY} }
func reads() []topodatapb.TabletType    { return append(rdonly(), replica()...) }
func allTypes() []topodatapb.TabletType { return append(reads(), primary()...) }

// lag is the replication lag that switches allow: situations have streams that stood still for a while.
const lag = 3600

// switchTraffic moves types to the targets, reverseTraffic back to the sources.
func switchTraffic(types []topodatapb.TabletType) *vtctldatapb.WorkflowSwitchTrafficRequest {
	return &vtctldatapb.WorkflowSwitchTrafficRequest{
		Keyspace: Keyspace, Workflow: Workflow, TabletTypes: types, EnableReverseReplication: true,
		MaxReplicationLagAllowed: &vttimepb.Duration{Seconds: lag}, Timeout: &vttimepb.Duration{Seconds: 30},
	}
}

func reverseTraffic(types []topodatapb.TabletType) *vtctldatapb.WorkflowSwitchTrafficRequest {
	return with(switchTraffic(types), func(r *vtctldatapb.WorkflowSwitchTrafficRequest) { r.Direction = 1 })
}

func dryRun(r *vtctldatapb.WorkflowSwitchTrafficRequest) *vtctldatapb.WorkflowSwitchTrafficRequest {
	return with(r, func(r *vtctldatapb.WorkflowSwitchTrafficRequest) { r.DryRun = true })
}

func showStatus() *vtctldatapb.WorkflowStatusRequest {
	return &vtctldatapb.WorkflowStatusRequest{Keyspace: Keyspace, Workflow: Workflow}
}

func getWorkflows() *vtctldatapb.GetWorkflowsRequest {
	return &vtctldatapb.GetWorkflowsRequest{Keyspace: Keyspace}
}

func deleteWorkflow() *vtctldatapb.WorkflowDeleteRequest {
	return &vtctldatapb.WorkflowDeleteRequest{Keyspace: Keyspace, Workflow: Workflow}
}

// complete ends a workflow and keeps the source shards, as shardform does; completeAndDrop deletes them, as vtctldclient does.
func complete() *vtctldatapb.MoveTablesCompleteRequest {
	return &vtctldatapb.MoveTablesCompleteRequest{TargetKeyspace: Keyspace, Workflow: Workflow, KeepData: true}
}

func completeAndDrop() *vtctldatapb.MoveTablesCompleteRequest {
	return &vtctldatapb.MoveTablesCompleteRequest{TargetKeyspace: Keyspace, Workflow: Workflow}
}

// setState starts or stops the streams of a workflow and leaves the rest of it as it is.
func setState(workflow string, state binlogdatapb.VReplicationWorkflowState, message string) *vtctldatapb.WorkflowUpdateRequest {
	r := update(workflow)
	r.TabletRequest.State = state.Enum()
	r.TabletRequest.Message = &message
	return r
}

func start() *vtctldatapb.WorkflowUpdateRequest {
	return setState(Workflow, binlogdatapb.VReplicationWorkflowState_Running, "")
}

func stop() *vtctldatapb.WorkflowUpdateRequest {
	return setState(Workflow, binlogdatapb.VReplicationWorkflowState_Stopped, "")
}

// update changes nothing yet.
func update(workflow string) *vtctldatapb.WorkflowUpdateRequest {
	return &vtctldatapb.WorkflowUpdateRequest{Keyspace: Keyspace, TabletRequest: &tabletmanagerdatapb.UpdateVReplicationWorkflowRequest{
		Workflow: workflow, Cells: []string{"NULL"}, TabletTypes: []topodatapb.TabletType{-1},
		TabletSelectionPreference: tabletmanagerdatapb.TabletSelectionPreference_UNKNOWN.Enum(),
	}}
}

func updateWith(change func(*tabletmanagerdatapb.UpdateVReplicationWorkflowRequest)) *vtctldatapb.WorkflowUpdateRequest {
	r := update(Workflow)
	change(r.TabletRequest)
	return r
}

// setControl lets a type's queries through on a shard, or stops them.
func setControl(shard string, kind topodatapb.TabletType, disable bool) *vtctldatapb.SetShardTabletControlRequest {
	return &vtctldatapb.SetShardTabletControlRequest{Keyspace: Keyspace, Shard: shard, TabletType: kind, DisableQueryService: disable}
}

func setServing(shard string, serving bool) *vtctldatapb.SetShardIsPrimaryServingRequest {
	return &vtctldatapb.SetShardIsPrimaryServingRequest{Keyspace: Keyspace, Shard: shard, IsServing: serving}
}

func rebuild() *vtctldatapb.RebuildKeyspaceGraphRequest {
	return &vtctldatapb.RebuildKeyspaceGraphRequest{Keyspace: Keyspace}
}

func refresh(shard string) *vtctldatapb.RefreshStateByShardRequest {
	return &vtctldatapb.RefreshStateByShardRequest{Keyspace: Keyspace, Shard: shard}
}

func getShard(name string) *vtctldatapb.GetShardRequest {
	return &vtctldatapb.GetShardRequest{Keyspace: Keyspace, ShardName: name}
}

func createShard(name string) *vtctldatapb.CreateShardRequest {
	return &vtctldatapb.CreateShardRequest{Keyspace: Keyspace, ShardName: name}
}

func deleteShards(names ...string) *vtctldatapb.DeleteShardsRequest {
	r := &vtctldatapb.DeleteShardsRequest{Recursive: true}
	for _, name := range names {
		r.Shards = append(r.Shards, &vtctldatapb.Shard{Keyspace: Keyspace, Name: name})
	}
	return r
}

// fetch asks the MySQL of a tablet.
func fetch(query string) *vtctldatapb.ExecuteFetchAsDBARequest {
	return &vtctldatapb.ExecuteFetchAsDBARequest{Query: query, MaxRows: 100}
}

// vdiff compares all rows, with the settings that shardform gives.
func vdiff(uuid string) *vtctldatapb.VDiffCreateRequest {
	return &vtctldatapb.VDiffCreateRequest{
		Workflow: Workflow, TargetKeyspace: Keyspace, Uuid: uuid,
		TabletTypes:                 []topodatapb.TabletType{topodatapb.TabletType_RDONLY, topodatapb.TabletType_REPLICA, topodatapb.TabletType_PRIMARY},
		TabletSelectionPreference:   tabletmanagerdatapb.TabletSelectionPreference_INORDER,
		FilteredReplicationWaitTime: &vttimepb.Duration{Seconds: 30}, WaitUpdateInterval: &vttimepb.Duration{Seconds: 60},
		MaxExtraRowsToCompare: 1000, MaxReportSampleRows: 10, AutoRetry: true, RowDiffColumnTruncateAt: 128, AutoStart: proto.Bool(true),
	}
}

func vdiffWith(uuid string, change func(*vtctldatapb.VDiffCreateRequest)) *vtctldatapb.VDiffCreateRequest {
	return with(vdiff(uuid), change)
}

func showVDiff(arg string) *vtctldatapb.VDiffShowRequest {
	return &vtctldatapb.VDiffShowRequest{Workflow: Workflow, TargetKeyspace: Keyspace, Arg: arg}
}

func stopVDiff(uuid string) *vtctldatapb.VDiffStopRequest {
	return &vtctldatapb.VDiffStopRequest{Workflow: Workflow, TargetKeyspace: Keyspace, Uuid: uuid}
}

func resumeVDiff(uuid string) *vtctldatapb.VDiffResumeRequest {
	return &vtctldatapb.VDiffResumeRequest{Workflow: Workflow, TargetKeyspace: Keyspace, Uuid: uuid}
}

func deleteVDiff(arg string) *vtctldatapb.VDiffDeleteRequest {
	return &vtctldatapb.VDiffDeleteRequest{Workflow: Workflow, TargetKeyspace: Keyspace, Arg: arg}
}
