package conformance

import vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"

func completing() []Situation {
	return []Situation{{
		Name: "a completion that keeps the shards ends the workflow once",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{Call: complete(), Err: "cannot complete workflow because you have not yet switched all read and write traffic"},
			{
				Call:   switchTraffic(allTypes()),
				Answer: done("SwitchTraffic", nothingSwitched, allSwitched),
				After:  State{Primary: targets, Replica: targets, Rdonly: targets, Shards: shardsSwitched, Workflows: switched},
			},
			{
				Call: with(complete(), func(r *vtctldatapb.MoveTablesCompleteRequest) { r.DryRun = true }),
				Answer: text(
					"Complete dry run results for workflow conformance.rs",
					"Lock keyspace conformance",
					"Delete reverse vreplication streams on sources: [keyspace:conformance;shard:0;workflow:rs_reverse;dbname:vt_conformance;tablet:TABLET]",
					"Delete vreplication streams on targets: [keyspace:conformance;shard:-80;workflow:rs;dbname:vt_conformance;tablet:TABLET,keyspace:conformance;shard:80-;workflow:rs;dbname:vt_conformance;tablet:TABLET]",
					"Routing rules for participating tables will be deleted",
					"Unlock keyspace conformance",
				),
			},
			{
				Call: with(completeAndDrop(), func(r *vtctldatapb.MoveTablesCompleteRequest) { r.DryRun = true }),
				Answer: text(
					"Complete dry run results for workflow conformance.rs",
					"Lock keyspace conformance",
					"Delete shards (and all related tablets): [cell:zone1;keyspace:conformance;shards:[0],TABLETS]",
					"Delete reverse vreplication streams on sources: [keyspace:conformance;shard:0;workflow:rs_reverse;dbname:vt_conformance;tablet:TABLET]",
					"Delete vreplication streams on targets: [keyspace:conformance;shard:-80;workflow:rs;dbname:vt_conformance;tablet:TABLET,keyspace:conformance;shard:80-;workflow:rs;dbname:vt_conformance;tablet:TABLET]",
					"Routing rules for participating tables will be deleted",
					"Unlock keyspace conformance",
				),
			},
			{Call: complete(), Answer: completed, After: State{Workflows: none}},
			{Call: complete(), Err: "no streams found in keyspace conformance for rs"},
			{Call: showStatus(), Err: "failed to get workflow state for conformance.rs workflow: no streams found in keyspace conformance for rs"},
			{Call: deleteWorkflow(), Err: "no streams found in keyspace conformance for rs"},
			{Call: reverseTraffic(primary()), Err: "no streams found in keyspace conformance for rs"},
			{Call: getWorkflows()},
			{
				Call: fetch("select count(*) from _vt.vreplication"), On: "0",
				Answer: text("count(*)", "0"),
			},
			{
				Call: fetch("select count(*) from _vt.vreplication"), On: "-80",
				Answer: text("count(*)", "0"),
			},
			{Call: rebuild()},
		},
	}}
}

// droppingShards has the situations in which the source shard goes.
func droppingShards() []Situation {
	return []Situation{{
		Name: "controls that writes before reads leave stay on a shard that is gone",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call:   switchTraffic(primary()),
				Answer: done("SwitchTraffic", nothingSwitched, writesSwitched),
				After:  State{Primary: targets, Shards: shardsSwitched, Workflows: switched},
			},
			{Call: switchTraffic(reads()), Answer: done("SwitchTraffic", writesSwitched, allSwitched), After: State{Replica: switchedReads, Rdonly: switchedReads}},
			{Call: completeAndDrop(), Answer: completed, After: State{Shards: "-80:serving 80-:serving", Tables: "-80 80-", Workflows: none}},
			{Call: completeAndDrop(), Err: "no streams found in keyspace conformance for rs"},
			{
				Call: rebuild(),
				Err:  "can't rebuild serving keyspace while a migration is on going. TabletControls is set for partition served_type:REPLICA",
			},
			{Call: setControl("0", replica()[0], false), Err: "node doesn't exist: keyspaces/conformance/shards/0/Shard"},
			{Call: createShard("0"), Answer: "conformance conformance/0:no-primary without a range", After: State{Shards: "-80:serving 0:no-primary 80-:serving"}},
			{
				Call:   setControl("0", replica()[0], false),
				Answer: "shard:no-primary:REPLICA-control",
				After:  State{Replica: "-80 80- [-80:on 0:on 80-:on]", Shards: "-80:serving 0:no-primary:REPLICA-control 80-:serving"},
			},
			{
				Call:   setControl("0", rdonly()[0], false),
				Answer: "shard:no-primary:REPLICA-control:RDONLY-control",
				After:  State{Rdonly: "-80 80- [-80:on 0:on 80-:on]", Shards: "-80:serving 0:no-primary:REPLICA-control:RDONLY-control 80-:serving"},
			},
			{Call: deleteShards("0"), After: State{Shards: "-80:serving 80-:serving"}},
			{Call: rebuild(), After: State{Replica: targets, Rdonly: targets}},
			{Call: &vtctldatapb.ValidateKeyspaceRequest{Keyspace: Keyspace, PingTablets: true}},
		},
	}, {
		Name: "a workflow whose source is gone cannot be ended but by its rows",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call:   switchTraffic(allTypes()),
				Answer: done("SwitchTraffic", nothingSwitched, allSwitched),
				After:  State{Primary: targets, Replica: targets, Rdonly: targets, Shards: shardsSwitched, Workflows: switched},
			},
			{Call: deleteShards("0"), After: State{Shards: "-80:serving 80-:serving", Tables: "-80 80-", Workflows: "rs 0>-80,80- Stopped(FROZEN)"}},
			{Call: complete(), Err: "node doesn't exist: keyspaces/conformance/shards/0/Shard"},
			{Call: completeAndDrop(), Err: "node doesn't exist: keyspaces/conformance/shards/0/Shard"},
			{Call: deleteWorkflow(), Err: "node doesn't exist: keyspaces/conformance/shards/0/Shard"},
			{Call: showStatus(), Err: "failed to get workflow state for conformance.rs workflow: node doesn't exist: keyspaces/conformance/shards/0/Shard"},
			{Call: reverseTraffic(allTypes()), Err: "node doesn't exist: keyspaces/conformance/shards/0/Shard"},
			{Call: vdiff(firstUUID), Err: "node doesn't exist: keyspaces/conformance/shards/0/Shard"},
			{
				Call: getWorkflows(),
				Answer: text(
					"rs: Reshard None from conformance [0] to conformance [-80 80-], defer true, options none, up to date",
					`on -80 (serving true) in vt_conformance from conformance/0 UNKNOWN: Stopped(FROZEN), copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* -80, on_ddl STOP, stop after copy false`,
					`on 80- (serving true) in vt_conformance from conformance/0 UNKNOWN: Stopped(FROZEN), copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* 80-, on_ddl STOP, stop after copy false`,
				),
			},
			{
				Call: fetch("delete from _vt.vreplication where workflow = 'rs' and db_name = 'vt_conformance'"), On: "-80",
				After: State{Workflows: "rs 0>80- Stopped(FROZEN)"},
			},
			{Call: fetch("delete from _vt.vreplication where workflow = 'rs' and db_name = 'vt_conformance'"), On: "80-", After: State{Workflows: none}},
			{Call: showStatus(), Err: "failed to get workflow state for conformance.rs workflow: no streams found in keyspace conformance for rs"},
		},
	}, {
		Name: "a target that is deleted leaves the workflow to the others",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{Call: deleteShards("-80"), After: State{Shards: "0:serving 80-", Tables: "0 80-", Workflows: "rs 0>80- Running"}},
			{
				Call: getWorkflows(),
				Answer: text(
					"rs: Reshard None from conformance [0] to conformance [80-], defer true, options none, up to date",
					`on 80- (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* 80-, on_ddl STOP, stop after copy false`,
				),
			},
			{
				Call:   deleteWorkflow(),
				Answer: text("Successfully cancelled the rs workflow in the conformance keyspace", "2 tablets, deleted on 1"),
				After:  State{Tables: sources, Workflows: none},
			},
		},
	}, {
		Name: "a completion that keeps the shards lets them be deleted afterwards",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{Call: switchTraffic(reads()), Answer: done("SwitchTraffic", nothingSwitched, readsSwitched), After: State{Replica: switchedReads, Rdonly: switchedReads}},
			{
				Call:   switchTraffic(primary()),
				Answer: done("SwitchTraffic", readsSwitched, allSwitched),
				After:  State{Primary: targets, Replica: targets, Rdonly: targets, Shards: shardsSwitched, Workflows: switched},
			},
			{Call: complete(), Answer: completed, After: State{Workflows: none}},
			{Call: deleteShards("0"), After: State{Shards: "-80:serving 80-:serving", Tables: "-80 80-"}},
			{
				Call: deleteShards("0"),
				Err:  "failed to lock conformance/0; if you really want to delete this shard, re-run with Force=true: node doesn't exist: keyspaces/conformance/shards/0",
			},
			{Call: rebuild()},
			{Call: &vtctldatapb.ValidateKeyspaceRequest{Keyspace: Keyspace, PingTablets: true}},
		},
	}}
}
