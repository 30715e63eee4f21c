package conformance

import (
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"
)

func switchingReads() []Situation {
	cells := func(names ...string) func(*vtctldatapb.WorkflowSwitchTrafficRequest) {
		return func(r *vtctldatapb.WorkflowSwitchTrafficRequest) { r.Cells = names }
	}
	return []Situation{{
		Name: "reads move and move back once and leave controls",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{
				Call: dryRun(switchTraffic(reads())),
				Answer: text(
					"SwitchTraffic dry run results for workflow conformance.rs",
					"Lock keyspace conformance",
					"Switch reads from keyspace conformance to keyspace conformance for shards [0] to shards [-80,80-]",
					"Unlock keyspace conformance",
				),
			},
			{Call: switchTraffic(reads()), Answer: done("SwitchTraffic", nothingSwitched, readsSwitched), After: State{Replica: switchedReads, Rdonly: switchedReads}},
			{Call: showStatus(), Answer: are(readsSwitched, "Running")},
			{Call: switchTraffic(reads()), Answer: done("SwitchTraffic", readsSwitched, readsSwitched)},
			{
				Call: dryRun(switchTraffic(reads())),
				Answer: text(
					"SwitchTraffic dry run results for workflow conformance.rs",
					"Lock keyspace conformance",
					"Switch reads from keyspace conformance to keyspace conformance for shards [0] to shards [-80,80-]",
					"Unlock keyspace conformance",
				),
			},
			{
				Call: rebuild(),
				Err:  "can't rebuild serving keyspace while a migration is on going. TabletControls is set for partition served_type:REPLICA",
			},
			{Call: complete(), Err: "cannot complete workflow because you have not yet switched all read and write traffic"},
			{Call: completeAndDrop(), Err: "cannot complete workflow because you have not yet switched all read and write traffic"},
			{
				Call: dryRun(reverseTraffic(reads())),
				Answer: text(
					"ReverseTraffic dry run results for workflow conformance.rs",
					"Lock keyspace conformance",
					"Switch reads from keyspace conformance to keyspace conformance for shards [-80,80-] to shards [0]",
					"Unlock keyspace conformance",
				),
			},
			{Call: reverseTraffic(reads()), Answer: done("ReverseTraffic", readsSwitched, nothingSwitched), After: State{Replica: reversedReads, Rdonly: reversedReads}},
			{Call: showStatus(), Answer: are(nothingSwitched, "Running")},
			{Call: reverseTraffic(reads()), Err: "invalid request: requesting reversal of read traffic for REPLICAs but REPLICA reads have not been switched"},
			{Call: reverseTraffic(replica()), Err: "invalid request: requesting reversal of read traffic for REPLICAs but REPLICA reads have not been switched"},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
			{
				Call: rebuild(),
				Err:  "can't rebuild serving keyspace while a migration is on going. TabletControls is set for partition served_type:REPLICA",
			},
			{
				Call:   setControl("-80", topodatapb.TabletType_REPLICA, false),
				Answer: "shard:REPLICA-control",
				After:  State{Replica: "0 [-80:on 0:on 80-:off]", Shards: "-80:REPLICA-control 0:serving 80-"},
			},
			{
				Call:   setControl("80-", topodatapb.TabletType_REPLICA, false),
				Answer: "shard:REPLICA-control",
				After:  State{Replica: "0 [-80:on 0:on 80-:on]", Shards: "-80:REPLICA-control 0:serving 80-:REPLICA-control"},
			},
			{
				Call:   setControl("-80", topodatapb.TabletType_RDONLY, false),
				Answer: "shard:REPLICA-control:RDONLY-control",
				After:  State{Rdonly: "0 [-80:on 0:on 80-:off]", Shards: "-80:REPLICA-control:RDONLY-control 0:serving 80-:REPLICA-control"},
			},
			{
				Call: rebuild(),
				Err:  "can't rebuild serving keyspace while a migration is on going. TabletControls is set for partition served_type:RDONLY",
			},
			{
				Call:   setControl("80-", topodatapb.TabletType_RDONLY, false),
				Answer: "shard:REPLICA-control:RDONLY-control",
				After:  State{Rdonly: "0 [-80:on 0:on 80-:on]", Shards: "-80:REPLICA-control:RDONLY-control 0:serving 80-:REPLICA-control:RDONLY-control"},
			},
			{Call: rebuild(), After: State{Replica: sources, Rdonly: sources}},
		},
	}, {
		Name: "one type of reads moves without the other",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{Call: switchTraffic(replica()), Answer: done("SwitchTraffic", nothingSwitched, replicaSwitched), After: State{Replica: switchedReads}},
			{Call: showStatus(), Answer: are(replicaSwitched, "Running")},
			{Call: complete(), Err: "cannot complete workflow because you have not yet switched all read and write traffic"},
			{Call: reverseTraffic(rdonly()), Err: "invalid request: requesting reversal of read traffic for RDONLYs but RDONLY reads have not been switched"},
			{Call: with(switchTraffic(rdonly()), cells("zone1")), Answer: done("SwitchTraffic", replicaSwitched, readsSwitched), After: State{Rdonly: switchedReads}},
			{Call: showStatus(), Answer: are(readsSwitched, "Running")},
			{Call: reverseTraffic(replica()), Answer: done("ReverseTraffic", readsSwitched, rdonlySwitched), After: State{Replica: reversedReads}},
			{Call: showStatus(), Answer: are(rdonlySwitched, "Running")},
			{Call: reverseTraffic(reads()), Err: "invalid request: requesting reversal of read traffic for REPLICAs but REPLICA reads have not been switched"},
			{Call: reverseTraffic(rdonly()), Answer: done("ReverseTraffic", rdonlySwitched, nothingSwitched), After: State{Rdonly: reversedReads}},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
		},
	}, {
		Name: "a switch of reads that cannot be is refused",
		Base: split(),
		Steps: []Step{
			{Call: reshard(split()), Answer: begun, After: State{Tables: allShards, Workflows: running}},
			{Call: reverseTraffic(reads()), Err: "invalid request: requesting reversal of read traffic for REPLICAs but REPLICA reads have not been switched"},
			{Call: switchTraffic(nil), Answer: done("SwitchTraffic", nothingSwitched, nothingSwitched)},
			{
				Call:   dryRun(switchTraffic(nil)),
				Answer: text("SwitchTraffic dry run results for workflow conformance.rs", "No changes required"),
			},
			{Call: switchTraffic([]topodatapb.TabletType{topodatapb.TabletType_SPARE}), Err: "invalid tablet type passed SPARE"},
			{Call: with(switchTraffic(reads()), func(r *vtctldatapb.WorkflowSwitchTrafficRequest) {
				r.Timeout = &vttimepb.Duration{Nanos: 500_000_000}
			})},
			{
				Call: with(switchTraffic(reads()), cells("nowhere")),
				Err:  "failed to switch read traffic for the shards: Before switching shard reads, found SrvKeyspace for conformance is corrupt in cell nowhere: node doesn't exist: cells/nowhere/CellInfo",
			},
			{Call: stop(), Answer: updated(2), After: State{Workflows: stopped}},
			{
				Call: with(dryRun(switchTraffic(reads())), func(r *vtctldatapb.WorkflowSwitchTrafficRequest) {
					r.MaxReplicationLagAllowed = &vttimepb.Duration{Seconds: 1}
				}), Later: true,
				Err: "s is higher than allowed lag 1s",
			},
			{Call: switchTraffic(reads()), Answer: done("SwitchTraffic", nothingSwitched, readsSwitched), After: State{Replica: switchedReads, Rdonly: switchedReads}},
			{Call: start(), Answer: updated(2), After: State{Workflows: running}},
			{Call: reverseTraffic(reads()), Answer: done("ReverseTraffic", readsSwitched, nothingSwitched), After: State{Replica: reversedReads, Rdonly: reversedReads}},
			{Call: deleteWorkflow(), Answer: cancelled, After: State{Tables: sources, Workflows: none}},
		},
	}}
}
