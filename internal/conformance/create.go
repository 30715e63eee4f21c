package conformance

import (
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vschemapb "vitess.io/vitess/go/vt/proto/vschema"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

func creating() []Situation {
	return []Situation{{
		Name: "a reshard copies and is made once",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{Call: showStatus(), Answer: are(nothingSwitched, "Running")},
			{
				Call: getWorkflows(),
				Answer: text(
					"rs: Reshard None from conformance [0] to conformance [-80 80-], defer true, options none, up to date",
					`on -80 (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* -80, on_ddl STOP, stop after copy false`,
					`on 80- (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* 80-, on_ddl STOP, stop after copy false`,
				),
			},
			{
				Call: with(getWorkflows(), func(r *vtctldatapb.GetWorkflowsRequest) { r.ActiveOnly = true }),
				Answer: text(
					"rs: Reshard None from conformance [0] to conformance [-80 80-], defer true, options none, up to date",
					`on -80 (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* -80, on_ddl STOP, stop after copy false`,
					`on 80- (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* 80-, on_ddl STOP, stop after copy false`,
				),
			},
			{Call: with(getWorkflows(), func(r *vtctldatapb.GetWorkflowsRequest) { r.Workflow = "other" })},
			{
				Call: with(getWorkflows(), func(r *vtctldatapb.GetWorkflowsRequest) { r.Workflow = Workflow; r.Shards = []string{"-80"} }),
				Answer: text(
					"rs: Reshard None from conformance [0] to conformance [-80], defer true, options none, up to date",
					`on -80 (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* -80, on_ddl STOP, stop after copy false`,
				),
			},
			{Call: with(getWorkflows(), func(r *vtctldatapb.GetWorkflowsRequest) { r.Workflow = Workflow; r.Shards = []string{"0"} })},
			{
				Call: fetch("select workflow, state, message, db_name, workflow_type from _vt.vreplication"), On: "-80",
				Answer: text("workflow | state | message | db_name | workflow_type", "rs | Running | | vt_conformance | 4"),
			},
			{
				Call: fetch("select count(*) from _vt.copy_state"), On: "-80",
				Answer: text("count(*)", "0"),
			},
			{
				Call: fetch("select l.type, l.state, unix_timestamp(l.created_at) from _vt.vreplication_log l join _vt.vreplication v on v.id = l.vrepl_id where l.type = 'Stream Created'"), On: "-80",
				Answer: text("type | state | unix_timestamp(l.created_at)", "Stream Created | Stopped | TIME"),
			},
			{
				Call: fetch("select max(case when l.type = 'Stream Created' then unix_timestamp(l.created_at) end) as created, max(unix_timestamp(l.created_at)) as youngest" +
					" from _vt.vreplication_log l join _vt.vreplication v on v.id = l.vrepl_id where v.workflow = 'rs' group by v.id"), On: "80-",
				Answer: text("created | youngest", "TIME | TIME"),
			},
			{Call: reshard(split()), Err: "buildResharder: validateTargets: some streams already exist in the target shards, please clean them up and retry the command"},
			{
				Call: reshardWith(func(r *vtctldatapb.ReshardCreateRequest) { r.Workflow = "other" }),
				Err:  "buildResharder: validateTargets: some streams already exist in the target shards, please clean them up and retry the command",
			},
			{Call: &vtctldatapb.ValidateSchemaKeyspaceRequest{Keyspace: Keyspace}},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
		},
	}, {
		Name: "a reshard that is not started waits",
		Base: split(),
		Steps: []Step{
			{Call: reshardWith(func(r *vtctldatapb.ReshardCreateRequest) { r.AutoStart = false }), Answer: begun, After: State{Tables: allShards, Workflows: stopped}},
			{Call: showStatus(), Answer: are(nothingSwitched, "Stopped")},
			{
				Call: getWorkflows(),
				Answer: text(
					"rs: Reshard None from conformance [0] to conformance [-80 80-], defer true, options none, up to date",
					`on -80 (serving false) in vt_conformance from conformance/0 UNKNOWN: Stopped, copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* -80, on_ddl STOP, stop after copy false`,
					`on 80- (serving false) in vt_conformance from conformance/0 UNKNOWN: Stopped, copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* 80-, on_ddl STOP, stop after copy false`,
				),
			},
			{Call: with(getWorkflows(), func(r *vtctldatapb.GetWorkflowsRequest) { r.ActiveOnly = true })},
			{Call: start(), Answer: updated(2), After: State{Workflows: running}},
			{Call: showStatus(), Answer: are(nothingSwitched, "Running")},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
		},
	}, {
		Name: "a reshard that stops after its copy",
		Base: split(),
		Steps: []Step{
			{
				Call:   reshardWith(func(r *vtctldatapb.ReshardCreateRequest) { r.StopAfterCopy = true }),
				Answer: begun,
				After:  State{Tables: allShards, Workflows: "rs 0>-80,80- Stopped(Stopped after copy.)"},
			},
			{
				Call: getWorkflows(),
				Answer: text(
					"rs: Reshard None from conformance [0] to conformance [-80 80-], defer true, options none, up to date",
					`on -80 (serving false) in vt_conformance from conformance/0 UNKNOWN: Stopped(Stopped after copy.), copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* -80, on_ddl STOP, stop after copy true`,
					`on 80- (serving false) in vt_conformance from conformance/0 UNKNOWN: Stopped(Stopped after copy.), copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* 80-, on_ddl STOP, stop after copy true`,
				),
			},
			{Call: showStatus(), Answer: are(nothingSwitched, "Stopped")},
			{Call: vdiff(firstUUID), Err: "not all streams are running in workflow conformance.rs"},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
		},
	}, {
		Name: "a reshard keeps the settings that it is given",
		Base: split(),
		Steps: []Step{
			{
				Call: reshardWith(func(r *vtctldatapb.ReshardCreateRequest) {
					r.Cells = []string{"zone1"}
					r.TabletTypes = []topodatapb.TabletType{topodatapb.TabletType_PRIMARY}
					r.TabletSelectionPreference = tabletmanagerdatapb.TabletSelectionPreference_ANY
					r.OnDdl = "EXEC_IGNORE"
					r.DeferSecondaryKeys = false
					r.WorkflowOptions = &vtctldatapb.WorkflowOptions{Config: map[string]string{"vstream_packet_size": "300000"}}
				}),
				Answer: begun,
				After:  State{Tables: allShards, Workflows: running},
			},
			{
				Call: getWorkflows(),
				Answer: text(
					`rs: Reshard None from conformance [0] to conformance [-80 80-], defer false, options {"config":{"vstream_packet_size":"300000"}}, up to date`,
					`on -80 (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [PRIMARY] ANY, cells ["zone1"], rules /.* -80, on_ddl EXEC_IGNORE, stop after copy false`,
					`on 80- (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [PRIMARY] ANY, cells ["zone1"], rules /.* 80-, on_ddl EXEC_IGNORE, stop after copy false`,
				),
			},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
			{
				Call:   &vtctldatapb.ReshardCreateRequest{Workflow: Workflow, Keyspace: Keyspace, SourceShards: []string{"0"}, TargetShards: []string{"-80", "80-"}, OnDdl: "NONSENSE"},
				Answer: begun,
				After:  State{Tables: allShards, Workflows: stopped},
			},
			{
				Call: getWorkflows(),
				Answer: text(
					"rs: Reshard None from conformance [0] to conformance [-80 80-], defer false, options none, up to date",
					`on -80 (serving false) in vt_conformance from conformance/0 UNKNOWN: Stopped, copying 0, tablets [] ANY, cells [""], rules /.* -80, on_ddl IGNORE, stop after copy false`,
					`on 80- (serving false) in vt_conformance from conformance/0 UNKNOWN: Stopped, copying 0, tablets [] ANY, cells [""], rules /.* 80-, on_ddl IGNORE, stop after copy false`,
				),
			},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
		},
	}, {
		Name: "without the tables on the targets the copy fails",
		Base: split(),
		Steps: []Step{
			{
				Call:   reshardWith(func(r *vtctldatapb.ReshardCreateRequest) { r.SkipSchemaCopy = true }),
				Answer: begun,
				After:  State{Workflows: "rs 0>-80,80- Stopped(There is nothing to replicate)"},
			},
			{Call: showStatus(), Answer: are(nothingSwitched, "Stopped")},
			{Call: switchTraffic(reads()), Answer: done("SwitchTraffic", nothingSwitched, readsSwitched), After: State{Replica: switchedReads, Rdonly: switchedReads}},
			{Call: vdiff(firstUUID), Err: "not all streams are running in workflow conformance.rs"},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Workflows: none}},
		},
	}, {
		Name: "a table that the vschema lacks fails the copy until it is there",
		Base: split(),
		Steps: []Step{
			{
				Call:   vschema(func(v *vschemapb.Keyspace) { delete(v.Tables, "corder") }),
				Answer: `{"sharded":true,"tables":{"customer":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]}},"vindexes":{"xxhash":{"type":"xxhash"}}}`,
			},
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: "rs 0>-80,80- Error"}},
			{Call: showStatus(), Answer: are(nothingSwitched, "Error")},
			{Call: switchTraffic(reads()), Err: "cannot switch traffic for workflow rs at this time: workflow has errors"},
			{Call: vdiff(firstUUID), Err: "not all streams are running in workflow conformance.rs"},
			{Call: vschema(func(*vschemapb.Keyspace) {}), Answer: appliedVSchema, After: State{Workflows: running}},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
		},
	}, {
		Name: "rows that were kept meet the next copy",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{Call: with(deleteWorkflow(), func(r *vtctldatapb.WorkflowDeleteRequest) { r.KeepData = true }), Answer: cancelled, After: State{Workflows: none}},
			{Call: reshard(split()), Answer: begun, After: State{Workflows: "rs 0>-80,80- Error"}},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
		},
	}}
}

func refusedCreations() []Situation {
	shards := func(sources, targets []string) *vtctldatapb.ReshardCreateRequest {
		return reshard(Base{Sources: sources, Targets: targets})
	}
	one := func(names ...string) []string { return names }
	return []Situation{{
		Name: "a reshard to a shard without tablets is refused",
		Base: split(),
		Steps: []Step{
			{Call: createShard("-40"), Answer: "conformance conformance/-40:no-primary [,40)", After: State{Shards: "-40:no-primary -80 0:serving 80-"}},
			{Call: shards(one("0"), one("-40")), Err: "buildResharder: target shard -40 has no primary tablet"},
			{Call: shards(one("-40"), one("-80")), Err: "buildResharder: source shard -40 is not in serving state"},
			{Call: deleteShards("-40"), After: State{Shards: shardsBefore}},
		},
	}, {
		Name: "a reshard between shards that do not fit is refused",
		Base: split(),
		Steps: []Step{
			{Call: shards(one("c0-"), one("-80", "80-")), Err: "buildResharder: GetShard(c0-) failed: node doesn't exist: keyspaces/conformance/shards/c0-/Shard"},
			{Call: shards(one("0"), one("-80", "c0-")), Err: "buildResharder: GetShard(c0-) failed: node doesn't exist: keyspaces/conformance/shards/c0-/Shard"},
			{Call: shards(one("0"), one("-80")), Err: "buildResharder: ValidateForReshard: source and target keyranges don't match: - vs -80"},
			{Call: shards(one("0"), one("80-")), Err: "buildResharder: ValidateForReshard: source and target keyranges don't match: - vs 80-"},
			{Call: shards(one("0"), one("-80", "-80", "80-")), Err: "buildResharder: ValidateForReshard: shards don't form a contiguous keyrange"},
			{Call: shards(one("0"), one("80-", "-80")), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
			{Call: shards(one("0"), one("0")), Err: "buildResharder: target shard 0 is in serving state"},
			{Call: shards(one("-80", "80-"), one("0")), Err: "buildResharder: source shard -80 is not in serving state"},
			{Call: shards(one("0"), nil), Err: "buildResharder: ValidateForReshard: there are no shards to combine"},
			{Call: shards(nil, one("-80", "80-")), Err: "buildResharder: ValidateForReshard: there are no shards to combine"},
			{Call: shards(one("0", "0"), one("-80", "80-")), Err: "buildResharder: ValidateForReshard: shards don't form a contiguous keyrange"},
			{Call: shards(one("4-8"), one("-80", "80-")), Err: "buildResharder: GetShard(4-8) failed: encoding/hex: odd length hex string"},
			{Call: reshardWith(func(r *vtctldatapb.ReshardCreateRequest) { r.Cells = []string{"nowhere"} }), Err: "node doesn't exist: cells/nowhere/CellInfo"},
		},
	}}
}
