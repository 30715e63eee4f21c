package conformance

func merging() []Situation {
	return []Situation{{
		Name: "two shards become one",
		Base: merge(),
		Steps: []Step{
			{
				Call: reshard(merge()),
				Answer: text(
					"Reads Not Switched. Writes Not Switched",
					"conformance/0 from conformance/-80",
					"conformance/0 from conformance/80-",
				),
				After: State{Tables: allShards, Workflows: "rs -80,80->0 Running"},
			},
			{
				Call: getWorkflows(),
				Answer: text(
					"rs: Reshard None from conformance [-80 80-] to conformance [0], defer true, options none, up to date",
					`on 0 (serving false) in vt_conformance from conformance/-80 UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* -, on_ddl STOP, stop after copy false`,
					`on 0 (serving false) in vt_conformance from conformance/80- UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* -, on_ddl STOP, stop after copy false`,
				),
			},
			{
				Call: showStatus(),
				Answer: text(
					"Reads Not Switched. Writes Not Switched",
					"conformance/0 from conformance/-80 Running",
					"conformance/0 from conformance/80- Running",
				),
			},
			{Call: vdiff(firstUUID), Answer: firstUUID},
			{
				Call: showVDiff(firstUUID), Later: true,
				Answer: text(
					equal("0", "corder", firstUUID, 20),
					equal("0", "customer", firstUUID, 20),
				),
			},
			{Call: switchTraffic(reads()), Answer: done("SwitchTraffic", nothingSwitched, readsSwitched), After: State{Replica: reversedReads, Rdonly: reversedReads}},
			{
				Call: dryRun(switchTraffic(primary())),
				Answer: text(
					"SwitchTraffic dry run results for workflow conformance.rs",
					"Lock keyspace conformance",
					"Stop writes on keyspace conformance for tables [/.*]: [keyspace:conformance;shard:-80;position:POSITION,keyspace:conformance;shard:80-;position:POSITION]",
					"Wait for vreplication on stopped streams to catchup for up to 30s",
					"Create reverse vreplication workflow rs_reverse",
					"Create journal entries on source databases",
					"Enable writes on keyspace conformance for tables [/.*]",
					"Switch routing from keyspace conformance to keyspace conformance",
					"IsPrimaryServing will be set to false for: [shard:-80;tablet:TABLET,shard:80-;tablet:TABLET]",
					"IsPrimaryServing will be set to true for: [shard:0;tablet:TABLET]",
					"Switch writes completed, freeze and delete vreplication streams on: [tablet:TABLET]",
					"Start reverse vreplication streams on: [tablet:TABLET,tablet:TABLET]",
					"Mark vreplication streams frozen on: [keyspace:conformance;shard:0;tablet:TABLET;workflow:rs;dbname:vt_conformance]",
					"Unlock keyspace conformance",
				),
			},
			{
				Call:   switchTraffic(primary()),
				Answer: done("SwitchTraffic", readsSwitched, allSwitched),
				After:  State{Primary: sources, Replica: sources, Rdonly: sources, Shards: shardsBefore, Workflows: "rs -80,80->0 Stopped(FROZEN)\nrs_reverse 0>-80,80- Running"},
			},
			{
				Call: getWorkflows(),
				Answer: text(
					"rs: Reshard None from conformance [-80 80-] to conformance [0], defer true, options none, up to date",
					`on 0 (serving true) in vt_conformance from conformance/-80 UNKNOWN: Stopped(FROZEN), copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* -, on_ddl STOP, stop after copy false`,
					`on 0 (serving true) in vt_conformance from conformance/80- UNKNOWN: Stopped(FROZEN), copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* -, on_ddl STOP, stop after copy false`,
					"rs_reverse: Reshard None from conformance [0] to conformance [-80 80-], defer false, options none, up to date",
					`on -80 (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] ANY, cells [""], rules /.* -80, on_ddl STOP, stop after copy false`,
					`on 80- (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] ANY, cells [""], rules /.* 80-, on_ddl STOP, stop after copy false`,
				),
			},
			{
				Call: fetch(whenSwitched), On: "80-",
				Answer: text("created", "TIME"),
			},
			{
				Call:   reverseTraffic(allTypes()),
				Answer: done("ReverseTraffic", allSwitched, nothingSwitched),
				After:  State{Primary: targets, Replica: targets, Rdonly: targets, Shards: shardsSwitched, Workflows: "rs -80,80->0 Running\nrs_reverse 0>-80,80- Stopped(FROZEN)"},
			},
			{
				Call: getWorkflows(),
				Answer: text(
					"rs: Reshard None from conformance [-80 80-] to conformance [0], defer false, options none, up to date",
					`on 0 (serving false) in vt_conformance from conformance/-80 UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] ANY, cells [""], rules /.* -, on_ddl STOP, stop after copy false`,
					`on 0 (serving false) in vt_conformance from conformance/80- UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] ANY, cells [""], rules /.* -, on_ddl STOP, stop after copy false`,
					"rs_reverse: Reshard None from conformance [0] to conformance [-80 80-], defer false, options none, up to date",
					`on -80 (serving true) in vt_conformance from conformance/0 UNKNOWN: Stopped(FROZEN), copying 0, tablets [REPLICA PRIMARY] ANY, cells [""], rules /.* -80, on_ddl STOP, stop after copy false`,
					`on 80- (serving true) in vt_conformance from conformance/0 UNKNOWN: Stopped(FROZEN), copying 0, tablets [REPLICA PRIMARY] ANY, cells [""], rules /.* 80-, on_ddl STOP, stop after copy false`,
				),
			},
			{
				Call:   switchTraffic(allTypes()),
				Answer: done("SwitchTraffic", nothingSwitched, allSwitched),
				After:  State{Primary: sources, Replica: sources, Rdonly: sources, Shards: shardsBefore, Workflows: "rs -80,80->0 Stopped(FROZEN)\nrs_reverse 0>-80,80- Running"},
			},
			{Call: complete(), Answer: completed, After: State{Workflows: none}},
			{Call: rebuild()},
		},
	}, {
		Name: "two shards do not become one while writes come first",
		Base: merge(),
		Steps: []Step{
			{
				Call: reshard(merge()),
				Answer: text(
					"Reads Not Switched. Writes Not Switched",
					"conformance/0 from conformance/-80",
					"conformance/0 from conformance/80-",
				),
				After: State{Tables: allShards, Workflows: "rs -80,80->0 Running"},
			},
			{Call: switchTraffic(reads()), Answer: done("SwitchTraffic", nothingSwitched, readsSwitched), After: State{Replica: reversedReads, Rdonly: reversedReads}},
			{Call: setServing("-80", false), Answer: "shard", After: State{Shards: "-80 0 80-:serving"}},
			{Call: setServing("80-", false), Answer: "shard", After: State{Shards: allShards}},
			{
				Call:   switchTraffic(primary()),
				Answer: done("SwitchTraffic", allSwitched, allSwitched),
				After:  State{Primary: sources, Replica: sources, Rdonly: sources, Shards: shardsBefore, Workflows: "rs -80,80->0 Stopped(FROZEN)\nrs_reverse 0>-80,80- Running"},
			},
			{Call: reverseTraffic(reads()), Answer: done("ReverseTraffic", allSwitched, writesSwitched), After: State{Replica: switchedReads, Rdonly: switchedReads}},
			{
				Call:   reverseTraffic(primary()),
				Answer: done("ReverseTraffic", writesSwitched, nothingSwitched),
				After:  State{Primary: targets, Replica: targets, Rdonly: targets, Shards: shardsSwitched, Workflows: "rs -80,80->0 Running\nrs_reverse 0>-80,80- Stopped(FROZEN)"},
			},
			{
				Call:   deleteWorkflow(),
				Answer: text("Successfully cancelled the rs workflow in the conformance keyspace", "3 tablets, deleted on 1"),
				After:  State{Tables: "-80 80-", Workflows: none},
			},
		},
	}}
}
