package conformance

import (
	vschemapb "vitess.io/vitess/go/vt/proto/vschema"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

func validation() []Situation {
	return []Situation{{
		Name: "validation finds what is wrong and is no error",
		Base: split(),
		Steps: []Step{
			{Call: &vtctldatapb.ValidateKeyspaceRequest{Keyspace: Keyspace}},
			{Call: &vtctldatapb.ValidateKeyspaceRequest{Keyspace: Keyspace, PingTablets: true}},
			{Call: &vtctldatapb.ValidateShardRequest{Keyspace: Keyspace, Shard: "0", PingTablets: true}},
			{
				Call:   &vtctldatapb.ValidateSchemaKeyspaceRequest{Keyspace: Keyspace},
				Answer: text("TABLET has an extra table named corder", "TABLET has an extra table named customer"),
			},
			{Call: &vtctldatapb.ValidateSchemaKeyspaceRequest{Keyspace: Keyspace, Shards: []string{"0"}}},
			{Call: &vtctldatapb.ValidateSchemaKeyspaceRequest{Keyspace: Keyspace, Shards: []string{"0"}, IncludeVschema: true}},
			{Call: &vtctldatapb.ValidateVSchemaRequest{Keyspace: Keyspace, Shards: []string{"0", "-80"}}},
			{Call: &vtctldatapb.ValidateVSchemaRequest{Keyspace: Keyspace}},
			{
				Call:   vschema(func(v *vschemapb.Keyspace) { delete(v.Tables, "corder") }),
				Answer: `{"sharded":true,"tables":{"customer":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]}},"vindexes":{"xxhash":{"type":"xxhash"}}}`,
			},
			{
				Call: &vtctldatapb.ValidateVSchemaRequest{Keyspace: Keyspace, Shards: []string{"0"}},
				Answer: text(
					"conformance/0 has tables that are not in the vschema: [corder]",
					"0: conformance/0 has tables that are not in the vschema: [corder]",
				),
			},
			{
				Call:   &vtctldatapb.ValidateSchemaKeyspaceRequest{Keyspace: Keyspace, Shards: []string{"0"}, IncludeVschema: true},
				Answer: "conformance/0 has tables that are not in the vschema: [corder]",
			},
			{
				Call:   vschema(func(*vschemapb.Keyspace) {}),
				Answer: appliedVSchema,
			},
		},
	}, {
		Name: "nothing is unresolved and nothing migrates",
		Base: split(),
		Steps: []Step{
			{Call: &vtctldatapb.GetUnresolvedTransactionsRequest{Keyspace: Keyspace}},
			{Call: &vtctldatapb.GetSchemaMigrationsRequest{Keyspace: Keyspace}},
			{
				Call: fetch("select count(*) as n from _vt.dt_state"), On: "0",
				Answer: text("n", "0"),
			},
			{
				Call: fetch("select count(*) as n from _vt.vreplication"), On: "0",
				Answer: text("n", "0"),
			},
			{Call: fetch("select table_name as name, n_rows as n from mysql.innodb_table_stats where database_name = 'nothing'"), On: "0", Answer: "name | n"},
			{Call: fetch("select id from _vt.resharding_journal where id = 1"), On: "0", Answer: "id"},
			{Call: fetch("select database() as name"), On: "0", Answer: text("name", "vt_conformance")},
		},
	}}
}
