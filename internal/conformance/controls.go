package conformance

import (
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

func controls() []Situation {
	remove := func(r *vtctldatapb.SetShardTabletControlRequest) { r.Remove = true }
	return []Situation{{
		Name: "a control stops a type and keeps the graph from being made anew",
		Base: split(),
		Steps: []Step{
			{
				Call:   setControl("0", topodatapb.TabletType_REPLICA, true),
				Answer: "shard:serving:REPLICA-control",
				After:  State{Replica: "0 [0:off]", Shards: "-80 0:serving:REPLICA-control 80-"},
			},
			{Call: setControl("0", topodatapb.TabletType_REPLICA, true), Answer: "shard:serving:REPLICA-control"},
			{Call: refresh("0")},
			{
				Call: rebuild(),
				Err:  "can't rebuild serving keyspace while a migration is on going. TabletControls is set for partition served_type:REPLICA",
			},
			{
				Call:   setControl("-80", topodatapb.TabletType_REPLICA, false),
				Answer: "shard:REPLICA-control",
				After:  State{Replica: "0 [-80:on 0:off]", Shards: "-80:REPLICA-control 0:serving:REPLICA-control 80-"},
			},
			{Call: setControl("0", topodatapb.TabletType_REPLICA, false), Answer: "shard:serving:REPLICA-control", After: State{Replica: "0 [-80:on 0:on]"}},
			{Call: rebuild(), After: State{Replica: sources}},
			{Call: with(setControl("0", topodatapb.TabletType_REPLICA, false), remove), Answer: "shard:serving", After: State{Shards: "-80:REPLICA-control 0:serving 80-"}},
			{Call: with(setControl("0", topodatapb.TabletType_REPLICA, false), remove), Answer: "shard:serving"},
			{Call: with(setControl("-80", topodatapb.TabletType_REPLICA, false), remove), Answer: "shard", After: State{Shards: shardsBefore}},
		},
	}, {
		Name: "a control of PRIMARY is of all cells",
		Base: split(),
		Steps: []Step{
			{
				Call: with(setControl("0", topodatapb.TabletType_PRIMARY, true), func(r *vtctldatapb.SetShardTabletControlRequest) { r.Cells = []string{"zone1"} }),
				Err:  "you cannot specify cells for a primary's tablet control",
			},
			{
				Call:   setControl("0", topodatapb.TabletType_PRIMARY, true),
				Answer: "shard:serving:PRIMARY-control",
				After:  State{Primary: "0 [0:off]", Shards: "-80 0:serving:PRIMARY-control 80-"},
			},
			{
				Call: rebuild(),
				Err:  "can't rebuild serving keyspace while a migration is on going. TabletControls is set for partition served_type:PRIMARY",
			},
			{Call: setControl("0", topodatapb.TabletType_PRIMARY, false), Answer: "shard:serving:PRIMARY-control", After: State{Primary: "0 [0:on]"}},
			{Call: rebuild(), After: State{Primary: sources}},
		},
	}, {
		Name: "a control is of one cell or all and of tables or of a type",
		Base: split(),
		Steps: []Step{
			{
				Call:   with(setControl("0", topodatapb.TabletType_RDONLY, true), func(r *vtctldatapb.SetShardTabletControlRequest) { r.Cells = []string{"zone1"} }),
				Answer: "shard:serving:RDONLY-control",
				After:  State{Rdonly: "0 [0:off]", Shards: "-80 0:serving:RDONLY-control 80-"},
			},
			{
				Call:   with(setControl("0", topodatapb.TabletType_RDONLY, false), func(r *vtctldatapb.SetShardTabletControlRequest) { r.Cells = []string{"zone1"} }),
				Answer: "shard:serving:RDONLY-control",
				After:  State{Rdonly: "0 [0:on]"},
			},
			{
				Call:   with(setControl("0", topodatapb.TabletType_RDONLY, true), func(r *vtctldatapb.SetShardTabletControlRequest) { r.Cells = []string{"nowhere"} }),
				Answer: "shard:serving:RDONLY-control",
			},
			{
				Call: with(setControl("0", topodatapb.TabletType_RDONLY, true), func(r *vtctldatapb.SetShardTabletControlRequest) { r.DeniedTables = []string{"customer"} }),
				Err:  "trying to use two different sets of denied tables for shard conformance/0: [] and [customer]",
			},
			{
				Call: with(setControl("0", topodatapb.TabletType_RDONLY, false), func(r *vtctldatapb.SetShardTabletControlRequest) { r.DeniedTables = []string{"customer"} }),
				Err:  "trying to use two different sets of denied tables for shard conformance/0: [] and [customer]",
			},
			{
				Call: with(setControl("0", topodatapb.TabletType_RDONLY, false), func(r *vtctldatapb.SetShardTabletControlRequest) {
					r.DeniedTables = []string{"customer"}
					r.Remove = true
				}),
				Answer: "shard:serving",
				After:  State{Shards: shardsBefore},
			},
			{Call: with(setControl("0", topodatapb.TabletType_RDONLY, false), remove), Answer: "shard:serving"},
			{Call: rebuild(), After: State{Rdonly: sources}},
		},
	}}
}
