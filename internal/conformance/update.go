package conformance

import (
	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

func workflowUpdates() []Situation {
	return []Situation{{
		Name: "a workflow stops and starts as often as one likes",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call:   setState(Workflow, binlogdatapb.VReplicationWorkflowState_Stopped, "held by someone"),
				Answer: updated(2),
				After:  State{Workflows: "rs 0>-80,80- Stopped(held by someone)"},
			},
			{Call: setState(Workflow, binlogdatapb.VReplicationWorkflowState_Stopped, "held by someone"), Answer: updated(0)},
			{
				Call: getWorkflows(),
				Answer: text(
					"rs: Reshard None from conformance [0] to conformance [-80 80-], defer true, options none, up to date",
					`on -80 (serving false) in vt_conformance from conformance/0 UNKNOWN: Stopped(held by someone), copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* -80, on_ddl STOP, stop after copy false`,
					`on 80- (serving false) in vt_conformance from conformance/0 UNKNOWN: Stopped(held by someone), copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* 80-, on_ddl STOP, stop after copy false`,
				),
			},
			{Call: vdiff(firstUUID), Err: "not all streams are running in workflow conformance.rs"},
			{Call: start(), Answer: updated(2), After: State{Workflows: running}},
			{Call: start(), Answer: updated(0)},
			{
				Call: updateWith(func(r *tabletmanagerdatapb.UpdateVReplicationWorkflowRequest) {
					r.State, r.Shards = binlogdatapb.VReplicationWorkflowState_Stopped.Enum(), []string{"-80"}
				}),
				Answer: text(
					"Successfully updated the rs workflow on (1) target primary tablets in the conformance keyspace",
					"1 tablets, changed on 1",
				),
				After: State{Workflows: "rs 0>-80 Stopped 0>80- Running"},
			},
			{
				Call: showStatus(),
				Answer: text(
					"Reads Not Switched. Writes Not Switched",
					"conformance/-80 from conformance/0 Stopped",
					"conformance/80- from conformance/0 Running",
				),
			},
			{Call: start(), Answer: updated(1), After: State{Workflows: running}},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
		},
	}, {
		Name: "an update without cells and types wipes them",
		Base: split(),
		Steps: []Step{
			{
				Call:   reshardWith(func(r *vtctldatapb.ReshardCreateRequest) { r.Cells = []string{"zone1"} }),
				Answer: begun,
				After:  State{Tables: allShards, Workflows: running},
			},
			{
				Call: updateWith(func(r *tabletmanagerdatapb.UpdateVReplicationWorkflowRequest) {
					r.OnDdl = binlogdatapb.OnDDLAction_EXEC.Enum()
				}),
				Answer: updated(2),
			},
			{
				Call: getWorkflows(),
				Answer: text(
					"rs: Reshard None from conformance [0] to conformance [-80 80-], defer true, options none, up to date",
					`on -80 (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] INORDER, cells ["zone1"], rules /.* -80, on_ddl EXEC, stop after copy false`,
					`on 80- (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] INORDER, cells ["zone1"], rules /.* 80-, on_ddl EXEC, stop after copy false`,
				),
			},
			{
				Call: updateWith(func(r *tabletmanagerdatapb.UpdateVReplicationWorkflowRequest) {
					r.Cells, r.TabletTypes = nil, []topodatapb.TabletType{topodatapb.TabletType_PRIMARY}
					r.TabletSelectionPreference = tabletmanagerdatapb.TabletSelectionPreference_ANY.Enum()
				}),
				Answer: updated(2),
			},
			{
				Call: getWorkflows(),
				Answer: text(
					"rs: Reshard None from conformance [0] to conformance [-80 80-], defer true, options none, up to date",
					`on -80 (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [PRIMARY] ANY, cells [""], rules /.* -80, on_ddl EXEC, stop after copy false`,
					`on 80- (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [PRIMARY] ANY, cells [""], rules /.* 80-, on_ddl EXEC, stop after copy false`,
				),
			},
			{Call: updateWith(func(r *tabletmanagerdatapb.UpdateVReplicationWorkflowRequest) { r.Cells, r.TabletTypes = nil, nil }), Answer: updated(2)},
			{
				Call: getWorkflows(),
				Answer: text(
					"rs: Reshard None from conformance [0] to conformance [-80 80-], defer true, options none, up to date",
					`on -80 (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [] ANY, cells [""], rules /.* -80, on_ddl EXEC, stop after copy false`,
					`on 80- (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [] ANY, cells [""], rules /.* 80-, on_ddl EXEC, stop after copy false`,
				),
			},
			{
				Call: updateWith(func(r *tabletmanagerdatapb.UpdateVReplicationWorkflowRequest) { r.Shards = []string{"c0-"} }),
				Err:  "shard c0- not found in keyspace conformance",
			},
			{Call: &vtctldatapb.WorkflowUpdateRequest{Keyspace: Keyspace}, Err: "uncaught panic: runtime error: invalid memory address or nil pointer dereference"},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
		},
	}}
}
