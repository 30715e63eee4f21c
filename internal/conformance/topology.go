package conformance

import (
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

func readingTopology() []Situation {
	return []Situation{{
		Name: "the topology tells keyspaces shards tablets and tables",
		Base: split(),
		Steps: []Step{
			{Call: &vtctldatapb.GetKeyspacesRequest{}, Answer: "has it: true"},
			{Call: &vtctldatapb.GetKeyspaceRequest{Keyspace: Keyspace}, Answer: "conformance NORMAL"},
			{
				Call:   &vtctldatapb.FindAllShardsInKeyspaceRequest{Keyspace: Keyspace},
				Answer: text("conformance/-80 [,80)", "conformance/0:serving without a range", "conformance/80- [80,)"),
			},
			{Call: getShard("0"), Answer: "conformance/0:serving without a range"},
			{Call: getShard("-80"), Answer: "conformance/-80 [,80)"},
			{
				Call: &vtctldatapb.GetTabletsRequest{Keyspace: Keyspace, TabletType: topodatapb.TabletType_PRIMARY},
				Answer: text(
					"conformance/-80 PRIMARY [,80) term true",
					"conformance/0 PRIMARY [,) term true",
					"conformance/80- PRIMARY [80,) term true",
				),
			},
			{
				Call:   &vtctldatapb.GetTabletsRequest{Keyspace: Keyspace, Shard: "-80", TabletType: topodatapb.TabletType_PRIMARY, Strict: true},
				Answer: "conformance/-80 PRIMARY [,80) term true",
			},
			{
				Call: &vtctldatapb.GetTabletsRequest{Keyspace: Keyspace, Cells: []string{"nowhere"}},
				Err:  "GetTabletsByCell(nowhere) failed: node doesn't exist: cells/nowhere/CellInfo",
			},
			{
				Call: &vtctldatapb.GetTabletsRequest{Keyspace: Keyspace, Cells: []string{"nowhere"}, Strict: true},
				Err:  "GetTabletsByCell(nowhere) failed: node doesn't exist: cells/nowhere/CellInfo",
			},
			{Call: &vtctldatapb.GetTabletRequest{}, On: "80-", Answer: "conformance/80- PRIMARY [80,) term true"},
			{Call: &vtctldatapb.GetTabletsRequest{}, On: "80-", Answer: "conformance/80- PRIMARY [80,) term true"},
			{
				Call:   &vtctldatapb.GetSrvKeyspacesRequest{Keyspace: Keyspace},
				Answer: text("PRIMARY from 0", "RDONLY from 0", "REPLICA from 0"),
			},
			{Call: &vtctldatapb.GetSrvKeyspacesRequest{Keyspace: Keyspace, Cells: []string{"nowhere"}}, Answer: "nowhere has none"},
			{Call: &vtctldatapb.GetCellInfoRequest{Cell: "nowhere"}, Err: "node doesn't exist: cells/nowhere/CellInfo"},
			{
				Call:   &vtctldatapb.GetVSchemaRequest{Keyspace: Keyspace},
				Answer: appliedVSchema,
			},
			{
				Call: &vtctldatapb.GetSchemaRequest{}, On: "0",
				Answer: text(
					"corder: type \"BASE TABLE\", columns [\"order_id\" \"customer_id\" \"sku\"], key [\"order_id\" \"customer_id\"], fields [\"order_id INT64 \" \"customer_id INT64 \" \"sku VARCHAR \"], sized true, CREATE TABLE `corder` ( / `order_id` bigint NOT NULL, / `customer_id` bigint NOT NULL, / `sku` varchar(64) DEFAULT NULL, / PRIMARY KEY (`order_id`,`customer_id`) / ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci",
					"customer: type \"BASE TABLE\", columns [\"customer_id\" \"fullname\"], key [\"customer_id\"], fields [\"customer_id INT64 \" \"fullname VARCHAR \"], sized true, CREATE TABLE `customer` ( / `customer_id` bigint NOT NULL, / `fullname` varchar(64) DEFAULT NULL, / PRIMARY KEY (`customer_id`), / KEY `fullname` (`fullname`) / ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci",
				),
			},
			{
				Call: &vtctldatapb.GetSchemaRequest{TableSizesOnly: true}, On: "0",
				Answer: text(
					`corder: type "BASE TABLE", columns [], key [], fields [], sized true,`,
					`customer: type "BASE TABLE", columns [], key [], fields [], sized true,`,
				),
			},
			{
				Call: &vtctldatapb.GetSchemaRequest{TableSchemaOnly: true, Tables: []string{"customer"}}, On: "0",
				Answer: "customer: type \"BASE TABLE\", columns [], key [], fields [], sized true, CREATE TABLE `customer` ( / `customer_id` bigint NOT NULL, / `fullname` varchar(64) DEFAULT NULL, / PRIMARY KEY (`customer_id`), / KEY `fullname` (`fullname`) / ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci",
			},
			{
				Call: &vtctldatapb.GetSchemaRequest{TableNamesOnly: true, ExcludeTables: []string{"/^cust/"}}, On: "0",
				Answer: `corder: type "", columns [], key [], fields [], sized false,`,
			},
			{
				Call: &vtctldatapb.GetSchemaRequest{TableNamesOnly: true, Tables: []string{"/order$/", "nothing"}}, On: "0",
				Answer: `corder: type "", columns [], key [], fields [], sized false,`,
			},
			{
				Call: &vtctldatapb.GetSchemaRequest{Tables: []string{"/(/"}}, On: "0",
				Err: "cannot compile regexp ( for table: error parsing regexp: missing closing )",
			},
			{Call: &vtctldatapb.GetSchemaRequest{IncludeViews: true}, On: "-80"},
		},
	}}
}

func errorsOfNames() []Situation {
	const nowhere = "nowhere"
	stray := &topodatapb.TabletAlias{Cell: "zone1", Uid: 999_999}
	return []Situation{{
		Name: "what is not in the topology is an error or an empty answer",
		Base: split(),
		Steps: []Step{
			{Call: &vtctldatapb.GetKeyspaceRequest{Keyspace: nowhere}, Err: "node doesn't exist: keyspaces/nowhere/Keyspace"},
			{
				Call: &vtctldatapb.FindAllShardsInKeyspaceRequest{Keyspace: nowhere},
				Err:  "FindAllShardsInKeyspace(nowhere): List: node doesn't exist: keyspaces/nowhere/shards",
			},
			{Call: &vtctldatapb.GetShardRequest{Keyspace: nowhere, ShardName: "0"}, Err: "node doesn't exist: keyspaces/nowhere/shards/0/Shard"},
			{Call: getShard("c0-"), Err: "node doesn't exist: keyspaces/conformance/shards/c0-/Shard"},
			{Call: getShard("80-40"), Err: "out of order keys: 80 is not strictly smaller than 40"},
			{Call: getShard("4-8"), Err: "encoding/hex: odd length hex string"},
			{Call: &vtctldatapb.GetTabletsRequest{Keyspace: nowhere}},
			{Call: &vtctldatapb.GetTabletsRequest{Keyspace: nowhere, Strict: true}},
			{
				Call: &vtctldatapb.GetTabletsRequest{Keyspace: Keyspace, Shard: "c0-"},
				Err:  "GetTabletMapForShard(conformance, c0-) failed: node doesn't exist: keyspaces/conformance/shards/c0-/Shard",
			},
			{Call: &vtctldatapb.GetTabletsRequest{TabletAliases: []*topodatapb.TabletAlias{stray}}},
			{Call: &vtctldatapb.GetTabletsRequest{TabletAliases: []*topodatapb.TabletAlias{stray}, Strict: true}},
			{Call: &vtctldatapb.GetTabletRequest{TabletAlias: stray}, Err: "node doesn't exist: tablets/TABLET/Tablet"},
			{Call: &vtctldatapb.GetSrvKeyspacesRequest{Keyspace: nowhere}, Answer: "zone1 has none"},
			{Call: &vtctldatapb.GetVSchemaRequest{Keyspace: nowhere}, Err: "node doesn't exist: keyspaces/nowhere/VSchema"},
			{Call: &vtctldatapb.GetSchemaRequest{TabletAlias: stray}, Err: "GetTablet(TABLET) failed: node doesn't exist: tablets/TABLET/Tablet"},
			{Call: with(fetch("select 1"), func(r *vtctldatapb.ExecuteFetchAsDBARequest) { r.TabletAlias = stray }), Err: "node doesn't exist: tablets/TABLET/Tablet"},
			{Call: &vtctldatapb.GetUnresolvedTransactionsRequest{Keyspace: nowhere}, Err: "node doesn't exist: keyspaces/nowhere/shards"},
			{Call: &vtctldatapb.GetSchemaMigrationsRequest{Keyspace: nowhere}},
			{Call: createShardIn(nowhere), Err: "node doesn't exist: keyspaces/nowhere"},
			{
				Call: &vtctldatapb.DeleteShardsRequest{Shards: []*vtctldatapb.Shard{{Keyspace: nowhere, Name: "0"}}},
				Err:  "failed to lock nowhere/0; if you really want to delete this shard, re-run with Force=true: node doesn't exist: keyspaces/nowhere/shards/0",
			},
			{Call: &vtctldatapb.RebuildKeyspaceGraphRequest{Keyspace: nowhere}, Err: "node doesn't exist: keyspaces/nowhere"},
			{
				Call: with(rebuild(), func(r *vtctldatapb.RebuildKeyspaceGraphRequest) { r.Cells = []string{nowhere} }),
				Err:  "writing serving data failed: node doesn't exist: cells/nowhere/CellInfo",
			},
			{Call: setServing("c0-", true), Err: "node doesn't exist: keyspaces/conformance/shards/c0-/Shard"},
			{Call: setControl("c0-", topodatapb.TabletType_REPLICA, true), Err: "node doesn't exist: keyspaces/conformance/shards/c0-/Shard"},
			{Call: refresh("c0-"), Err: "failed to get shard conformance/c0-/: node doesn't exist: keyspaces/conformance/shards/c0-/Shard"},
			{Call: refresh(""), Err: "RefreshStateByShard requires a shard"},
			{Call: &vtctldatapb.RefreshStateByShardRequest{Shard: "0"}, Err: "RefreshStateByShard requires a keyspace"},
			{
				Call:   &vtctldatapb.ValidateKeyspaceRequest{Keyspace: nowhere},
				Answer: "TopologyServer.GetShardNames(nowhere) failed: node doesn't exist: keyspaces/nowhere/shards",
			},
			{
				Call:   &vtctldatapb.ValidateShardRequest{Keyspace: Keyspace, Shard: "c0-"},
				Answer: "TopologyServer.GetShard(conformance, c0-) failed: node doesn't exist: keyspaces/conformance/shards/c0-/Shard",
			},
		},
	}, {
		Name: "a workflow that is not there is an error or an empty answer",
		Base: split(),
		Steps: []Step{
			{Call: &vtctldatapb.GetWorkflowsRequest{Keyspace: nowhere}, Err: "node doesn't exist: keyspaces/nowhere/shards"},
			{Call: getWorkflows()},
			{Call: &vtctldatapb.GetWorkflowsRequest{Keyspace: Keyspace, Shards: []string{"c0-"}}, Err: "shard c0- not found in keyspace conformance"},
			{Call: showStatus(), Err: "failed to get workflow state for conformance.rs workflow: no streams found in keyspace conformance for rs"},
			{
				Call: with(showStatus(), func(r *vtctldatapb.WorkflowStatusRequest) { r.Keyspace = nowhere }),
				Err:  "failed to get workflow state for nowhere.rs workflow: FindAllShardsInKeyspace(nowhere): List: node doesn't exist: keyspaces/nowhere/shards",
			},
			{Call: switchTraffic(reads()), Err: "no streams found in keyspace conformance for rs"},
			{Call: reverseTraffic(primary()), Err: "no streams found in keyspace conformance for rs"},
			{
				Call: with(switchTraffic(primary()), func(r *vtctldatapb.WorkflowSwitchTrafficRequest) { r.Keyspace = nowhere }),
				Err:  "FindAllShardsInKeyspace(nowhere): List: node doesn't exist: keyspaces/nowhere/shards",
			},
			{Call: start(), Err: "the rs workflow does not exist in the conformance keyspace"},
			{
				Call: with(start(), func(r *vtctldatapb.WorkflowUpdateRequest) { r.Keyspace = nowhere }),
				Err:  "nowhere keyspace does not exist: node doesn't exist: keyspaces/nowhere/shards",
			},
			{Call: deleteWorkflow(), Err: "no streams found in keyspace conformance for rs"},
			{
				Call: with(deleteWorkflow(), func(r *vtctldatapb.WorkflowDeleteRequest) { r.Keyspace = nowhere }),
				Err:  "FindAllShardsInKeyspace(nowhere): List: node doesn't exist: keyspaces/nowhere/shards",
			},
			{Call: complete(), Err: "no streams found in keyspace conformance for rs"},
			{
				Call: with(complete(), func(r *vtctldatapb.MoveTablesCompleteRequest) { r.TargetKeyspace = nowhere }),
				Err:  "FindAllShardsInKeyspace(nowhere): List: node doesn't exist: keyspaces/nowhere/shards",
			},
			{Call: vdiff(firstUUID), Err: "no streams found in keyspace conformance for rs"},
			{Call: showVDiff("last"), Err: "no streams found in keyspace conformance for rs"},
			{Call: stopVDiff(firstUUID), Err: "no streams found in keyspace conformance for rs"},
			{Call: resumeVDiff(firstUUID), Err: "no streams found in keyspace conformance for rs"},
			{Call: deleteVDiff("all"), Err: "no streams found in keyspace conformance for rs"},
			{Call: with(reshard(split()), func(r *vtctldatapb.ReshardCreateRequest) { r.Keyspace = nowhere }), Err: "node doesn't exist: keyspaces/nowhere/SrvKeyspace"},
		},
	}}
}

func createShardIn(keyspace string) *vtctldatapb.CreateShardRequest {
	return &vtctldatapb.CreateShardRequest{Keyspace: keyspace, ShardName: "0"}
}
