package conformance

import (
	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

func reversing() []Situation {
	ofReverse := func(r *vtctldatapb.WorkflowStatusRequest) { r.Workflow = "rs_reverse" }
	return []Situation{{
		Name: "everything moves back and forth",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call:   switchTraffic(allTypes()),
				Answer: done("SwitchTraffic", nothingSwitched, allSwitched),
				After:  State{Primary: targets, Replica: targets, Rdonly: targets, Shards: shardsSwitched, Workflows: switched},
			},
			{
				Call: with(showStatus(), ofReverse),
				Answer: text(
					"All Reads Switched. Writes Switched",
					"conformance/0 from conformance/-80 Running",
					"conformance/0 from conformance/80- Running",
				),
			},
			{
				Call: dryRun(reverseTraffic(allTypes())),
				Answer: text(
					"ReverseTraffic dry run results for workflow conformance.rs",
					"Lock keyspace conformance",
					"Switch reads from keyspace conformance to keyspace conformance for shards [-80,80-] to shards [0]",
					"Unlock keyspace conformance",
					"Lock keyspace conformance",
					"Stop writes on keyspace conformance for tables [/.*]: [keyspace:conformance;shard:-80;position:POSITION,keyspace:conformance;shard:80-;position:POSITION]",
					"Wait for vreplication on stopped streams to catchup for up to 30s",
					"Create reverse vreplication workflow rs",
					"Create journal entries on source databases",
					"Enable writes on keyspace conformance for tables [/.*]",
					"Switch routing from keyspace conformance to keyspace conformance",
					"IsPrimaryServing will be set to false for: [shard:-80;tablet:TABLET,shard:80-;tablet:TABLET]",
					"IsPrimaryServing will be set to true for: [shard:0;tablet:TABLET]",
					"Switch writes completed, freeze and delete vreplication streams on: [tablet:TABLET]",
					"Start reverse vreplication streams on: [tablet:TABLET,tablet:TABLET]",
					"Mark vreplication streams frozen on: [keyspace:conformance;shard:0;tablet:TABLET;workflow:rs_reverse;dbname:vt_conformance]",
					"Unlock keyspace conformance",
				),
			},
			{
				Call:   reverseTraffic(allTypes()),
				Answer: done("ReverseTraffic", allSwitched, nothingSwitched),
				After:  State{Primary: sources, Replica: sources, Rdonly: sources, Shards: shardsBefore, Workflows: reversed},
			},
			{Call: showStatus(), Answer: are(nothingSwitched, "Running")},
			{
				Call: with(showStatus(), ofReverse),
				Answer: text(
					"Reads Not Switched. Writes Not Switched",
					"conformance/0 from conformance/-80 Stopped",
					"conformance/0 from conformance/80- Stopped",
				),
			},
			{
				Call: getWorkflows(),
				Answer: text(
					"rs: Reshard None from conformance [0] to conformance [-80 80-], defer false, options none, up to date",
					`on -80 (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] ANY, cells [""], rules /.* -80, on_ddl STOP, stop after copy false`,
					`on 80- (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] ANY, cells [""], rules /.* 80-, on_ddl STOP, stop after copy false`,
					"rs_reverse: Reshard None from conformance [-80 80-] to conformance [0], defer false, options none, up to date",
					`on 0 (serving true) in vt_conformance from conformance/-80 UNKNOWN: Stopped(FROZEN), copying 0, tablets [REPLICA PRIMARY] ANY, cells [""], rules /.* -, on_ddl STOP, stop after copy false`,
					`on 0 (serving true) in vt_conformance from conformance/80- UNKNOWN: Stopped(FROZEN), copying 0, tablets [REPLICA PRIMARY] ANY, cells [""], rules /.* -, on_ddl STOP, stop after copy false`,
				),
			},
			{
				Call:   reverseTraffic(allTypes()),
				Answer: done("ReverseTraffic", nothingSwitched, nothingSwitched),
				After:  State{Replica: reversedReads, Rdonly: reversedReads},
			},
			{Call: reverseTraffic(primary()), Answer: done("ReverseTraffic", nothingSwitched, nothingSwitched)},
			{Call: reverseTraffic(reads()), Err: "invalid request: requesting reversal of read traffic for REPLICAs but REPLICA reads have not been switched"},
			{
				Call: fetch(whenSwitched), On: "0",
				Answer: text("created", "TIME"),
			},
			{
				Call:   switchTraffic(allTypes()),
				Answer: done("SwitchTraffic", nothingSwitched, allSwitched),
				After:  State{Primary: targets, Replica: targets, Rdonly: targets, Shards: shardsSwitched, Workflows: switched},
			},
			{
				Call: fetch(whenSwitched), On: "0",
				Answer: text("created", "TIME"),
			},
			{
				Call:   reverseTraffic(allTypes()),
				Answer: done("ReverseTraffic", allSwitched, nothingSwitched),
				After:  State{Primary: sources, Replica: sources, Rdonly: sources, Shards: shardsBefore, Workflows: reversed},
			},
			{Call: complete(), Err: "cannot complete workflow because you have not yet switched all read and write traffic"},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
			{Call: getWorkflows()},
			{Call: rebuild()},
		},
	}, {
		Name: "reads back before writes is clean",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call:   switchTraffic(allTypes()),
				Answer: done("SwitchTraffic", nothingSwitched, allSwitched),
				After:  State{Primary: targets, Replica: targets, Rdonly: targets, Shards: shardsSwitched, Workflows: switched},
			},
			{Call: reverseTraffic(reads()), Answer: done("ReverseTraffic", allSwitched, writesSwitched), After: State{Replica: reversedReads, Rdonly: reversedReads}},
			{Call: showStatus(), Answer: are(writesSwitched, "Stopped")},
			{
				Call:   reverseTraffic(primary()),
				Answer: done("ReverseTraffic", writesSwitched, nothingSwitched),
				After:  State{Primary: sources, Replica: sources, Rdonly: sources, Shards: shardsBefore, Workflows: reversed},
			},
			{Call: showStatus(), Answer: are(nothingSwitched, "Running")},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
			{Call: rebuild()},
		},
	}, {
		Name: "writes back before reads leaves controls",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call:   switchTraffic(allTypes()),
				Answer: done("SwitchTraffic", nothingSwitched, allSwitched),
				After:  State{Primary: targets, Replica: targets, Rdonly: targets, Shards: shardsSwitched, Workflows: switched},
			},
			{
				Call:   reverseTraffic(primary()),
				Answer: done("ReverseTraffic", allSwitched, readsSwitched),
				After:  State{Primary: sources, Shards: shardsBefore, Workflows: reversed},
			},
			{Call: showStatus(), Answer: are(readsSwitched, "Running")},
			{Call: reverseTraffic(reads()), Answer: done("ReverseTraffic", readsSwitched, nothingSwitched), After: State{Replica: reversedReads, Rdonly: reversedReads}},
			{Call: showStatus(), Answer: are(nothingSwitched, "Running")},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
			{
				Call: rebuild(),
				Err:  "can't rebuild serving keyspace while a migration is on going. TabletControls is set for partition served_type:REPLICA",
			},
		},
	}, {
		Name: "the way back is a workflow of its own",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call:   switchTraffic(allTypes()),
				Answer: done("SwitchTraffic", nothingSwitched, allSwitched),
				After:  State{Primary: targets, Replica: targets, Rdonly: targets, Shards: shardsSwitched, Workflows: switched},
			},
			{On: "-80", SQL: lateCustomer},
			{Call: with(vdiff(firstUUID), func(r *vtctldatapb.VDiffCreateRequest) { r.Workflow = "rs_reverse" }), Answer: firstUUID},
			{
				Call: with(showVDiff("last"), func(r *vtctldatapb.VDiffShowRequest) { r.Workflow = "rs_reverse" }), Later: true,
				Answer: text(
					equal("0", "corder", firstUUID, 20),
					equal("0", "customer", firstUUID, 21),
				),
			},
			{
				Call: setState("rs_reverse", binlogdatapb.VReplicationWorkflowState_Stopped, ""),
				Answer: text(
					"Successfully updated the rs_reverse workflow on (1) target primary tablets in the conformance keyspace",
					"1 tablets, changed on 1",
				),
				After: State{Workflows: "rs 0>-80,80- Stopped(FROZEN)\nrs_reverse -80,80->0 Stopped"},
			},
			{
				Call:   reverseTraffic(primary()),
				Answer: done("ReverseTraffic", allSwitched, readsSwitched),
				After:  State{Primary: sources, Shards: shardsBefore, Workflows: reversed},
			},
			{Call: setState("rs_reverse", binlogdatapb.VReplicationWorkflowState_Running, ""), Err: "cannot start a workflow when it is frozen"},
			{
				Call: with(completeAndDrop(), func(r *vtctldatapb.MoveTablesCompleteRequest) { r.Workflow = "rs_reverse"; r.KeepData = true }),
				Err:  "cannot complete workflow because you have not yet switched all read and write traffic",
			},
			{
				Call: with(switchTraffic(primary()), func(r *vtctldatapb.WorkflowSwitchTrafficRequest) { r.Workflow = "rs_reverse" }),
				Err:  "cannot switch traffic for workflow rs_reverse at this time: workflow is frozen",
			},
			{Call: showStatus(), Answer: are(readsSwitched, "Running")},
		},
	}, {
		Name: "the way back is not deleted or completed while writes are on the targets",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call:   switchTraffic(allTypes()),
				Answer: done("SwitchTraffic", nothingSwitched, allSwitched),
				After:  State{Primary: targets, Replica: targets, Rdonly: targets, Shards: shardsSwitched, Workflows: switched},
			},
			{
				Call: with(deleteWorkflow(), func(r *vtctldatapb.WorkflowDeleteRequest) { r.Workflow = "rs_reverse" }),
				Err:  "cannot delete workflow because you have already switched write traffic",
			},
			{
				Call: with(complete(), func(r *vtctldatapb.MoveTablesCompleteRequest) { r.Workflow = "rs_reverse" }),
				Err:  "is still serving",
			},
			{Call: showStatus(), Answer: are(allSwitched, "Stopped")},
		},
	}}
}
