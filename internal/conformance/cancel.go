package conformance

import (
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

func cancelling() []Situation {
	keep := func(r *vtctldatapb.WorkflowDeleteRequest) { r.KeepData = true }
	return []Situation{{
		Name: "a workflow is deleted once with its tables or without",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{Call: with(deleteWorkflow(), keep), Answer: cancelled, After: State{Workflows: none}},
			{Call: with(deleteWorkflow(), keep), Err: "no streams found in keyspace conformance for rs"},
			{Call: getWorkflows()},
		},
	}, {
		Name: "a workflow can be deleted of one target alone",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call:   with(deleteWorkflow(), func(r *vtctldatapb.WorkflowDeleteRequest) { r.Shards = []string{"-80"} }),
				Answer: text("Successfully cancelled the rs workflow in the conformance keyspace", "1 tablets, deleted on 1"),
				After:  State{Tables: sources, Workflows: "rs 0>80- Stopped"},
			},
			{
				Call:   showStatus(),
				Answer: text("Reads Not Switched. Writes Not Switched", "conformance/80- from conformance/0 Stopped"),
			},
			{
				Call:  switchTraffic(reads()),
				Err:   "failed to switch read traffic for the shards: partial result: keyspace partition for RDONLY in cell zone1 does not start with min key",
				After: State{Rdonly: "0 [0:off 80-:on]"},
			},
			{
				Call:   deleteWorkflow(),
				Answer: text("Successfully cancelled the rs workflow in the conformance keyspace", "3 tablets, deleted on 1"),
				After:  State{Workflows: none},
			},
		},
	}, {
		Name: "deleting a workflow whose reads were switched leaves them where nothing is",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{Call: switchTraffic(reads()), Answer: done("SwitchTraffic", nothingSwitched, readsSwitched), After: State{Replica: switchedReads, Rdonly: switchedReads}},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
			{
				Call: rebuild(),
				Err:  "can't rebuild serving keyspace while a migration is on going. TabletControls is set for partition served_type:REPLICA",
			},
			{Call: reverseTraffic(reads()), Err: "no streams found in keyspace conformance for rs"},
			{
				Call:   setControl("0", topodatapb.TabletType_REPLICA, false),
				Answer: "shard:serving:REPLICA-control",
				After:  State{Replica: "-80 80- [-80:on 0:on 80-:on]", Shards: "-80 0:serving:REPLICA-control 80-"},
			},
			{
				Call:   setControl("0", topodatapb.TabletType_RDONLY, false),
				Answer: "shard:serving:REPLICA-control:RDONLY-control",
				After:  State{Rdonly: "-80 80- [-80:on 0:on 80-:on]", Shards: "-80 0:serving:REPLICA-control:RDONLY-control 80-"},
			},
			{Call: rebuild(), After: State{Replica: sources, Rdonly: sources}},
		},
	}, {
		Name: "deleting a workflow while writes are stopped leaves them stopped",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call:   setControl("0", topodatapb.TabletType_PRIMARY, true),
				Answer: "shard:serving:PRIMARY-control",
				After:  State{Primary: "0 [0:off]", Shards: "-80 0:serving:PRIMARY-control 80-"},
			},
			{Call: showStatus(), Answer: are(nothingSwitched, "Running")},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
			{Call: setControl("0", topodatapb.TabletType_PRIMARY, false), Answer: "shard:serving:PRIMARY-control", After: State{Primary: "0 [0:on]"}},
			{Call: rebuild(), After: State{Primary: sources}},
		},
	}, {
		Name: "a workflow is not deleted while its sources do not serve writes",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{Call: setServing("0", false), Answer: "shard", After: State{Shards: allShards}},
			{Call: showStatus(), Answer: are(writesSwitched, "Running")},
			{Call: deleteWorkflow(), Err: "cannot delete workflow because you have already switched write traffic"},
			{Call: setServing("0", true), Answer: "shard:serving", After: State{Shards: shardsBefore}},
			{
				Call: with(deleteWorkflow(), func(r *vtctldatapb.WorkflowDeleteRequest) { r.IgnoreSourceKeyspace = true }),
				Err:  "uncaught panic: runtime error: index out of range [0] with length 0",
			},
			{
				Call: with(complete(), func(r *vtctldatapb.MoveTablesCompleteRequest) { r.IgnoreSourceKeyspace = true }),
				Err:  "uncaught panic: runtime error: index out of range [0] with length 0",
			},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
		},
	}}
}
