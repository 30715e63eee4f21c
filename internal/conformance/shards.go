package conformance

import vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"

func changingShards() []Situation {
	force := func(r *vtctldatapb.CreateShardRequest) { r.Force = true }
	return []Situation{{
		Name: "a shard is made once and deleted once",
		Base: split(),
		Steps: []Step{
			{Call: createShard("c0-"), Answer: "conformance conformance/c0-:no-primary [c0,)", After: State{Shards: "-80 0:serving 80- c0-:no-primary"}},
			{Call: createShard("c0-"), Err: "node already exists: keyspaces/conformance/shards/c0-/Shard"},
			{Call: with(createShard("c0-"), force), Answer: "conformance conformance/c0-:no-primary [c0,), which was there"},
			{Call: getShard("c0-"), Answer: "conformance/c0-:no-primary [c0,)"},
			{Call: deleteShards("c0-"), After: State{Shards: shardsBefore}},
			{
				Call: deleteShards("c0-"),
				Err:  "failed to lock conformance/c0-; if you really want to delete this shard, re-run with Force=true: node doesn't exist: keyspaces/conformance/shards/c0-",
			},
			{Call: with(deleteShards("c0-"), func(r *vtctldatapb.DeleteShardsRequest) { r.Force = true })},
			{Call: createShard("C0-"), Answer: "conformance conformance/C0-:no-primary [c0,)", After: State{Shards: "-80 0:serving 80- C0-:no-primary"}},
			{
				Call: deleteShards("c0-"),
				Err:  "failed to lock conformance/c0-; if you really want to delete this shard, re-run with Force=true: node doesn't exist: keyspaces/conformance/shards/c0-",
			},
			{Call: createShard("80-40"), Err: "out of order keys: 80 is not strictly smaller than 40"},
			{Call: createShard("4-8"), Err: "encoding/hex: odd length hex string"},
			{Call: createShard(""), Err: "empty name"},
		},
	}, {
		Name: "a shard without a primary fails whoever looks at all shards",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{Call: createShard("c0-"), Answer: "conformance conformance/c0-:no-primary [c0,)", After: State{Shards: "-80 0:serving 80- c0-:no-primary"}},
			{Call: getWorkflows(), Err: "no primary found for shard conformance/c0-"},
			{
				Call: with(getWorkflows(), func(r *vtctldatapb.GetWorkflowsRequest) { r.Shards = []string{"-80"} }),
				Answer: text(
					"rs: Reshard None from conformance [0] to conformance [-80], defer true, options none, up to date",
					`on -80 (serving false) in vt_conformance from conformance/0 UNKNOWN: Running, copying 0, tablets [REPLICA PRIMARY] INORDER, cells [""], rules /.* -80, on_ddl STOP, stop after copy false`,
				),
			},
			{Call: showStatus(), Err: `failed to get workflow state for conformance.rs workflow: shard conformance/key_range:{start:"\xc0"} doesn't have a primary set`},
			{Call: switchTraffic(reads()), Err: `shard conformance/key_range:{start:"\xc0"} doesn't have a primary set`},
			{Call: start(), Err: "no primary found for shard conformance/c0-"},
			{Call: deleteWorkflow(), Err: `shard conformance/key_range:{start:"\xc0"} doesn't have a primary set`},
			{Call: &vtctldatapb.ValidateKeyspaceRequest{Keyspace: Keyspace}, Answer: "c0-: no primary for shard conformance/c0-"},
			{Call: refresh("c0-")},
			{Call: rebuild()},
			{Call: deleteShards("c0-"), After: State{Shards: shardsBefore}},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
		},
	}, {
		Name: "what serves or has tablets is not deleted by the way",
		Base: split(),
		Steps: []Step{
			{Call: deleteShards("0"), Err: "shard conformance/0 is still serving; cannot delete it; use EvenIfServing = true to delete anyway"},
			{
				Call: with(deleteShards("-80"), func(r *vtctldatapb.DeleteShardsRequest) { r.Recursive = false }),
				Err:  "tablets in cell zone1; use Recursive = true or remove them manually",
			},
			{Call: createShard("c0-"), Answer: "conformance conformance/c0-:no-primary [c0,)", After: State{Shards: "-80 0:serving 80- c0-:no-primary"}},
			{Call: createShard("d0-"), Answer: "conformance conformance/d0-:no-primary [d0,)", After: State{Shards: "-80 0:serving 80- c0-:no-primary d0-:no-primary"}},
			{
				Call:  deleteShards("c0-", "e0-", "d0-"),
				Err:   "failed to lock conformance/e0-; if you really want to delete this shard, re-run with Force=true: node doesn't exist: keyspaces/conformance/shards/e0-",
				After: State{Shards: "-80 0:serving 80- d0-:no-primary"},
			},
			{Call: deleteShards("d0-"), After: State{Shards: shardsBefore}},
		},
	}, {
		Name: "the flag of a shard is in the serving graph when that is made anew",
		Base: split(),
		Steps: []Step{
			{Call: setServing("-80", true), Answer: "shard:serving", After: State{Shards: "-80:serving 0:serving 80-"}},
			{Call: rebuild(), Err: "shards with inconsistent KeyRanges for PRIMARY in cell zone1"},
			{Call: setServing("0", false), Answer: "shard", After: State{Shards: "-80:serving 0 80-"}},
			{Call: rebuild(), Err: "keyspace partition for PRIMARY in cell zone1 does not end with max key"},
			{Call: setServing("80-", true), Answer: "shard:serving", After: State{Shards: shardsSwitched}},
			{Call: rebuild(), After: State{Primary: targets, Replica: targets, Rdonly: targets}},
			{Call: deleteShards("-80"), Err: "shard conformance/-80 is still serving; cannot delete it; use EvenIfServing = true to delete anyway"},
			{Call: setServing("80-", false), Answer: "shard", After: State{Shards: "-80:serving 0 80-"}},
			{Call: setServing("-80", false), Answer: "shard", After: State{Shards: allShards}},
			{Call: rebuild(), After: State{Primary: "nothing", Replica: "nothing", Rdonly: "nothing"}},
			{Call: setServing("0", true), Answer: "shard:serving", After: State{Shards: shardsBefore}},
			{Call: rebuild(), After: State{Primary: sources, Replica: sources, Rdonly: sources}},
			{Call: refresh("0")},
			{Call: refresh("-80")},
		},
	}}
}
