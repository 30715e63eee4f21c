package conformance

import (
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// whenSwitched is the query by which shardform learns when writes were switched.
const whenSwitched = "select max(unix_timestamp(l.created_at)) as created from _vt.vreplication_log l join _vt.vreplication v on v.id = l.vrepl_id where v.workflow = 'rs_reverse' and l.type = 'Stream Created'"

func switchingWrites() []Situation {
	return []Situation{{
		Name: "reads then writes move and what was moved is final until reversed",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call: fetch(whenSwitched), On: "0",
				Answer: text("created", "NULL"),
			},
			{Call: switchTraffic(reads()), Answer: done("SwitchTraffic", nothingSwitched, readsSwitched), After: State{Replica: switchedReads, Rdonly: switchedReads}},
			{
				Call: dryRun(switchTraffic(primary())),
				Answer: text(
					"SwitchTraffic dry run results for workflow conformance.rs",
					"Lock keyspace conformance",
					"Stop writes on keyspace conformance for tables [/.*]: [keyspace:conformance;shard:0;position:POSITION]",
					"Wait for vreplication on stopped streams to catchup for up to 30s",
					"Create reverse vreplication workflow rs_reverse",
					"Create journal entries on source databases",
					"Enable writes on keyspace conformance for tables [/.*]",
					"Switch routing from keyspace conformance to keyspace conformance",
					"IsPrimaryServing will be set to false for: [shard:0;tablet:TABLET]",
					"IsPrimaryServing will be set to true for: [shard:-80;tablet:TABLET,shard:80-;tablet:TABLET]",
					"Switch writes completed, freeze and delete vreplication streams on: [tablet:TABLET,tablet:TABLET]",
					"Start reverse vreplication streams on: [tablet:TABLET]",
					"Mark vreplication streams frozen on: [keyspace:conformance;shard:-80;tablet:TABLET;workflow:rs;dbname:vt_conformance,keyspace:conformance;shard:80-;tablet:TABLET;workflow:rs;dbname:vt_conformance]",
					"Unlock keyspace conformance",
				),
			},
			{
				Call:   switchTraffic(primary()),
				Answer: done("SwitchTraffic", readsSwitched, allSwitched),
				After:  State{Primary: targets, Replica: targets, Rdonly: targets, Shards: shardsSwitched, Workflows: switched},
			},
			{Call: showStatus(), Answer: are(allSwitched, "Stopped")},
			{
				Call: getWorkflows(),
				Answer: text(
					"rs: Reshard None from conformance [0] to conformance [-80 80-], defer true, options none, up to date",
					`on -80 (serving true) in vt_conformance from conformance/0 UNKNOWN: Stopped(FROZEN), copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* -80, on_ddl STOP, stop after copy false`,
					`on 80- (serving true) in vt_conformance from conformance/0 UNKNOWN: Stopped(FROZEN), copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* 80-, on_ddl STOP, stop after copy false`,
					"rs_reverse: Reshard None from conformance [-80 80-] to conformance [0], defer false, options none, up to date",
					`on 0 (serving false) in vt_conformance from conformance/-80 UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] ANY, cells [""], rules /.* -, on_ddl STOP, stop after copy false`,
					`on 0 (serving false) in vt_conformance from conformance/80- UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] ANY, cells [""], rules /.* -, on_ddl STOP, stop after copy false`,
				),
			},
			{
				Call: fetch(whenSwitched), On: "0",
				Answer: text("created", "TIME"),
			},
			{
				Call: fetch("select count(*) from _vt.resharding_journal"), On: "0",
				Answer: text("count(*)", "1"),
			},
			{Call: switchTraffic(primary()), Answer: done("SwitchTraffic", allSwitched, allSwitched)},
			{Call: switchTraffic(allTypes()), Answer: done("SwitchTraffic", allSwitched, allSwitched), After: State{Replica: switchedReads, Rdonly: switchedReads}},
			{
				Call: dryRun(switchTraffic(allTypes())),
				Answer: text(
					"SwitchTraffic dry run results for workflow conformance.rs",
					"Lock keyspace conformance",
					"Switch reads from keyspace conformance to keyspace conformance for shards [0] to shards [-80,80-]",
					"Unlock keyspace conformance",
				),
			},
			{Call: vdiff(firstUUID), Err: "invalid VDiff run: writes have been already been switched for workflow conformance.rs"},
			{
				Call:   showVDiff("last"),
				Answer: text("-80: nothing (0 columns)", "80-: nothing (0 columns)"),
			},
			{Call: deleteWorkflow(), Err: "cannot delete workflow because you have already switched write traffic"},
			{Call: start(), Err: "cannot start a workflow when it is frozen"},
			{Call: stop(), Answer: updated(2), After: State{Workflows: "rs 0>-80,80- Stopped\nrs_reverse -80,80->0 Running"}},
			{Call: reshard(split()), Err: "buildResharder: source shard 0 is not in serving state"},
			{Call: reshard(merge()), Err: "buildResharder: validateTargets: some streams already exist in the target shards, please clean them up and retry the command"},
			{
				Call: rebuild(),
				Err:  "can't rebuild serving keyspace while a migration is on going. TabletControls is set for partition served_type:REPLICA",
			},
			{Call: deleteShards("-80"), Err: "shard conformance/-80 is still serving; cannot delete it; use EvenIfServing = true to delete anyway"},
			{Call: &vtctldatapb.ValidateKeyspaceRequest{Keyspace: Keyspace}},
		},
	}, {
		Name: "a frozen workflow thaws when it is stopped and then a switch freezes it again",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call:   switchTraffic(allTypes()),
				Answer: done("SwitchTraffic", nothingSwitched, allSwitched),
				After:  State{Primary: targets, Replica: targets, Rdonly: targets, Shards: shardsSwitched, Workflows: switched},
			},
			{Call: stop(), Answer: updated(2), After: State{Workflows: "rs 0>-80,80- Stopped\nrs_reverse -80,80->0 Running"}},
			{Call: showStatus(), Answer: are(allSwitched, "Stopped")},
			{Call: deleteWorkflow(), Err: "cannot delete workflow because you have already switched write traffic"},
			{Call: vdiff(firstUUID), Err: "not all streams are running in workflow conformance.rs"},
			{Call: switchTraffic(primary()), Answer: done("SwitchTraffic", allSwitched, allSwitched), After: State{Workflows: switched}},
			{Call: showStatus(), Answer: are(allSwitched, "Stopped")},
			{Call: complete(), Answer: completed, After: State{Workflows: none}},
		},
	}, {
		Name: "a frozen workflow that was stopped runs again when it is started",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call:   switchTraffic(allTypes()),
				Answer: done("SwitchTraffic", nothingSwitched, allSwitched),
				After:  State{Primary: targets, Replica: targets, Rdonly: targets, Shards: shardsSwitched, Workflows: switched},
			},
			{Call: stop(), Answer: updated(2), After: State{Workflows: "rs 0>-80,80- Stopped\nrs_reverse -80,80->0 Running"}},
			{Call: start(), Answer: updated(2), After: State{Workflows: "rs 0>-80,80- Running\nrs_reverse -80,80->0 Running"}},
			{Call: stop(), Answer: updated(2), After: State{Workflows: "rs 0>-80,80- Stopped\nrs_reverse -80,80->0 Running"}},
			{Call: complete(), Answer: completed, After: State{Workflows: none}},
		},
	}, {
		Name: "everything moves at once",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call: dryRun(switchTraffic(allTypes())),
				Answer: text(
					"SwitchTraffic dry run results for workflow conformance.rs",
					"Lock keyspace conformance",
					"Switch reads from keyspace conformance to keyspace conformance for shards [0] to shards [-80,80-]",
					"Unlock keyspace conformance",
					"Lock keyspace conformance",
					"Stop writes on keyspace conformance for tables [/.*]: [keyspace:conformance;shard:0;position:POSITION]",
					"Wait for vreplication on stopped streams to catchup for up to 30s",
					"Create reverse vreplication workflow rs_reverse",
					"Create journal entries on source databases",
					"Enable writes on keyspace conformance for tables [/.*]",
					"Switch routing from keyspace conformance to keyspace conformance",
					"IsPrimaryServing will be set to false for: [shard:0;tablet:TABLET]",
					"IsPrimaryServing will be set to true for: [shard:-80;tablet:TABLET,shard:80-;tablet:TABLET]",
					"Switch writes completed, freeze and delete vreplication streams on: [tablet:TABLET,tablet:TABLET]",
					"Start reverse vreplication streams on: [tablet:TABLET]",
					"Mark vreplication streams frozen on: [keyspace:conformance;shard:-80;tablet:TABLET;workflow:rs;dbname:vt_conformance,keyspace:conformance;shard:80-;tablet:TABLET;workflow:rs;dbname:vt_conformance]",
					"Unlock keyspace conformance",
				),
			},
			{
				Call:   switchTraffic(allTypes()),
				Answer: done("SwitchTraffic", nothingSwitched, allSwitched),
				After:  State{Primary: targets, Replica: targets, Rdonly: targets, Shards: shardsSwitched, Workflows: switched},
			},
			{Call: showStatus(), Answer: are(allSwitched, "Stopped")},
		},
	}, {
		Name: "writes that move before reads leave controls for good",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call:   switchTraffic(primary()),
				Answer: done("SwitchTraffic", nothingSwitched, writesSwitched),
				After:  State{Primary: targets, Shards: shardsSwitched, Workflows: switched},
			},
			{Call: showStatus(), Answer: are(writesSwitched, "Stopped")},
			{Call: complete(), Err: "cannot complete workflow because you have not yet switched all read and write traffic"},
			{Call: switchTraffic(reads()), Answer: done("SwitchTraffic", writesSwitched, allSwitched), After: State{Replica: switchedReads, Rdonly: switchedReads}},
			{Call: complete(), Answer: completed, After: State{Workflows: none}},
			{
				Call: rebuild(),
				Err:  "can't rebuild serving keyspace while a migration is on going. TabletControls is set for partition served_type:REPLICA",
			},
			{
				Call:   setControl("0", topodatapb.TabletType_REPLICA, false),
				Answer: "shard:REPLICA-control",
				After:  State{Replica: "-80 80- [-80:on 0:on 80-:on]", Shards: "-80:serving 0:REPLICA-control 80-:serving"},
			},
			{
				Call:   setControl("0", topodatapb.TabletType_RDONLY, false),
				Answer: "shard:REPLICA-control:RDONLY-control",
				After:  State{Rdonly: "-80 80- [-80:on 0:on 80-:on]", Shards: "-80:serving 0:REPLICA-control:RDONLY-control 80-:serving"},
			},
			{Call: rebuild(), After: State{Replica: targets, Rdonly: targets}},
		},
	}, {
		Name: "without reverse replication the way back does not run",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call:   with(switchTraffic(allTypes()), func(r *vtctldatapb.WorkflowSwitchTrafficRequest) { r.EnableReverseReplication = false }),
				Answer: done("SwitchTraffic", nothingSwitched, allSwitched),
				After:  State{Primary: targets, Replica: targets, Rdonly: targets, Shards: shardsSwitched, Workflows: "rs 0>-80,80- Stopped(FROZEN)\nrs_reverse -80,80->0 Stopped"},
			},
			{Call: showStatus(), Answer: are(allSwitched, "Stopped")},
			{
				Call: fetch(whenSwitched), On: "0",
				Answer: text("created", "TIME"),
			},
			{
				Call:  reverseTraffic(allTypes()),
				Err:   "failed to sync up replication between the source and target: replication has stopped at POSITION before reaching position POSITION, message:",
				After: State{Primary: "-80 80- [-80:on 80-:on]", Replica: reversedReads, Rdonly: reversedReads, Workflows: "rs_reverse -80,80->0 Running"},
			},
			{Call: showStatus(), Err: "failed to get workflow state for conformance.rs workflow: no streams found in keyspace conformance for rs"},
			{
				Call: with(switchTraffic(primary()), func(r *vtctldatapb.WorkflowSwitchTrafficRequest) { r.Workflow = "rs_reverse" }),
				Answer: text(
					"SwitchTraffic was successful for workflow conformance.rs_reverse",
					"Reads Not Switched. Writes Switched -> Reads Not Switched. Writes Not Switched",
				),
				After: State{Primary: sources, Replica: sources, Rdonly: sources, Shards: shardsBefore, Workflows: reversed},
			},
			{Call: showStatus(), Answer: are(nothingSwitched, "Running")},
		},
	}}
}
