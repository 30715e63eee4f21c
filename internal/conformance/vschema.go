package conformance

import (
	vschemapb "vitess.io/vitess/go/vt/proto/vschema"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// appliedVSchema is VSchema as the server tells it.
const appliedVSchema = `{"sharded":true,"tables":{"corder":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]},"customer":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]}},"vindexes":{"xxhash":{"type":"xxhash"}}}`

// vindex and table are what a vschema is made of here.
func vindex(kind string) *vschemapb.Vindex { return &vschemapb.Vindex{Type: kind} }

func table(vindex string) *vschemapb.Table {
	return &vschemapb.Table{ColumnVindexes: []*vschemapb.ColumnVindex{{Column: "customer_id", Name: vindex}}}
}

func vschema(change func(*vschemapb.Keyspace)) *vtctldatapb.ApplyVSchemaRequest {
	v := &vschemapb.Keyspace{
		Sharded:  true,
		Vindexes: map[string]*vschemapb.Vindex{"xxhash": vindex("xxhash")},
		Tables:   map[string]*vschemapb.Table{"customer": table("xxhash"), "corder": table("xxhash")},
	}
	change(v)
	return &vtctldatapb.ApplyVSchemaRequest{Keyspace: Keyspace, VSchema: v}
}

func vschemas() []Situation {
	unchanged := func(*vschemapb.Keyspace) {}
	other := func(v *vschemapb.Keyspace) { v.Tables["other"] = table("xxhash") }
	read := &vtctldatapb.GetVSchemaRequest{Keyspace: Keyspace}
	return []Situation{{
		Name: "a vschema replaces the one before",
		Base: split(),
		Steps: []Step{
			{
				Call:   with(vschema(other), func(r *vtctldatapb.ApplyVSchemaRequest) { r.DryRun = true }),
				Answer: `{"sharded":true,"tables":{"corder":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]},"customer":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]},"other":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]}},"vindexes":{"xxhash":{"type":"xxhash"}}}`,
			},
			{
				Call:   read,
				Answer: appliedVSchema,
			},
			{
				Call:   vschema(other),
				Answer: `{"sharded":true,"tables":{"corder":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]},"customer":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]},"other":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]}},"vindexes":{"xxhash":{"type":"xxhash"}}}`,
			},
			{
				Call:   read,
				Answer: `{"sharded":true,"tables":{"corder":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]},"customer":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]},"other":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]}},"vindexes":{"xxhash":{"type":"xxhash"}}}`,
			},
			{
				Call:   vschema(other),
				Answer: `{"sharded":true,"tables":{"corder":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]},"customer":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]},"other":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]}},"vindexes":{"xxhash":{"type":"xxhash"}}}`,
			},
			{Call: vschema(func(v *vschemapb.Keyspace) { v.Tables = nil }), Answer: `{"sharded":true,"vindexes":{"xxhash":{"type":"xxhash"}}}`},
			{Call: read, Answer: `{"sharded":true,"vindexes":{"xxhash":{"type":"xxhash"}}}`},
			{Call: vschema(func(v *vschemapb.Keyspace) { *v = vschemapb.Keyspace{Sharded: true} }), Answer: `{"sharded":true}`},
			{Call: read, Answer: `{"sharded":true}`},
			{
				Call:   vschema(unchanged),
				Answer: appliedVSchema,
			},
			{
				Call:   read,
				Answer: appliedVSchema,
			},
		},
	}, {
		Name: "a vschema that cannot be is refused",
		Base: split(),
		Steps: []Step{
			{Call: &vtctldatapb.ApplyVSchemaRequest{Keyspace: Keyspace}, Err: "must pass exactly one of req.VSchema and req.Sql"},
			{
				Call: with(vschema(unchanged), func(r *vtctldatapb.ApplyVSchemaRequest) { r.Sql = "alter vschema drop vindex xxhash" }),
				Err:  "must pass exactly one of req.VSchema and req.Sql",
			},
			{
				Call: with(vschema(unchanged), func(r *vtctldatapb.ApplyVSchemaRequest) { r.Keyspace = "nowhere" }),
				Err:  "keyspace(nowhere) doesn't exist, check if the keyspace is initialized: node doesn't exist: keyspaces/nowhere/Keyspace",
			},
			{
				Call: vschema(func(v *vschemapb.Keyspace) { v.Tables["customer"] = table("other") }),
				Err:  "BuildKeyspace(conformance): vindex other not found for table customer",
			},
			{
				Call: vschema(func(v *vschemapb.Keyspace) { v.Vindexes["xxhash"] = vindex("no_such_vindex") }),
				Err:  `BuildKeyspace(conformance): vindexType "no_such_vindex" not found`,
			},
			{
				Call: vschema(func(v *vschemapb.Keyspace) { v.Tables["customer"] = &vschemapb.Table{} }),
				Err:  "BuildKeyspace(conformance): missing primary col vindex for table: customer",
			},
			{
				Call: vschema(func(v *vschemapb.Keyspace) { v.Tables["customer"].ColumnVindexes[0].Column = "" }),
				Err:  "BuildKeyspace(conformance): must specify at least one column for vindex (xxhash) and table (customer)",
			},
			{
				Call:   vschema(func(v *vschemapb.Keyspace) { v.Vindexes["xxhash"].Params = map[string]string{"unknown": "1"} }),
				Answer: text(`{"sharded":true,"tables":{"corder":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]},"customer":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]}},"vindexes":{"xxhash":{"params":{"unknown":"1"},"type":"xxhash"}}}`, "vindex xxhash does not know [unknown]"),
			},
			{
				Call: with(vschema(func(v *vschemapb.Keyspace) { v.Vindexes["xxhash"].Params = map[string]string{"unknown": "1"} }),
					func(r *vtctldatapb.ApplyVSchemaRequest) { r.Strict = true }),
				Err: "unknown vindex params: xxhash (unknown)",
			},
			{
				Call: vschema(func(v *vschemapb.Keyspace) {
					v.Tables["customer"].AutoIncrement = &vschemapb.AutoIncrement{Column: "customer_id", Sequence: "seq"}
				}),
				Answer: `{"sharded":true,"tables":{"corder":{"columnVindexes":[{"column":"customer_id","name":"xxhash"}]},"customer":{"autoIncrement":{"column":"customer_id","sequence":"seq"},"columnVindexes":[{"column":"customer_id","name":"xxhash"}]}},"vindexes":{"xxhash":{"type":"xxhash"}}}`,
			},
			{
				Call:   vschema(unchanged),
				Answer: appliedVSchema,
			},
			{
				Call:   &vtctldatapb.GetVSchemaRequest{Keyspace: Keyspace},
				Answer: appliedVSchema,
			},
		},
	}}
}
