package conformance

import (
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"
)

func interrupted() []Situation {
	return []Situation{{
		Name: "a switch of writes that does not catch up undoes itself and starts the streams",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{Call: stop(), Answer: updated(2), After: State{Workflows: stopped}},
			{On: "0", SQL: lateCustomer},
			{
				Call:  with(switchTraffic(primary()), func(r *vtctldatapb.WorkflowSwitchTrafficRequest) { r.Timeout = &vttimepb.Duration{Seconds: 1} }),
				Err:   "failed to sync up replication between the source and target: replication has stopped at POSITION before reaching position POSITION, message:",
				After: State{Primary: "0 [0:on]", Workflows: running},
			},
			{Call: showStatus(), Answer: are(nothingSwitched, "Running")},
			{
				Call:   switchTraffic(primary()),
				Answer: done("SwitchTraffic", nothingSwitched, writesSwitched),
				After:  State{Primary: targets, Shards: shardsSwitched, Workflows: switched},
			},
		},
	}, {
		Name: "a switch that stands half way goes on when it is made again",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{Call: switchTraffic(reads()), Answer: done("SwitchTraffic", nothingSwitched, readsSwitched), After: State{Replica: switchedReads, Rdonly: switchedReads}},
			{Call: setServing("0", false), Answer: "shard", After: State{Shards: allShards}},
			{Call: showStatus(), Answer: are(allSwitched, "Running")},
			{
				Call:   switchTraffic(primary()),
				Answer: done("SwitchTraffic", allSwitched, allSwitched),
				After:  State{Primary: targets, Replica: targets, Rdonly: targets, Shards: shardsSwitched, Workflows: switched},
			},
			{Call: showStatus(), Answer: are(allSwitched, "Stopped")},
			{Call: complete(), Answer: completed, After: State{Workflows: none}},
		},
	}}
}
