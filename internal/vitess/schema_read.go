package vitess

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/ddl"
	"shardform/internal/diag"
)

// Schema reads the tables of a shard's primary, views included, by name. Vitess's own tables (those that Online DDL and
// its garbage collection make) are left out, as a reshard leaves them out.
func (c *Client) Schema(ctx context.Context, keyspace, shard string) ([]TableSchema, error) {
	return c.schema(ctx, keyspace, shard, &vtctldatapb.GetSchemaRequest{IncludeViews: true})
}

// TableSizes is Schema with names, rows and bytes only.
func (c *Client) TableSizes(ctx context.Context, keyspace, shard string) ([]TableSchema, error) {
	request := &vtctldatapb.GetSchemaRequest{TableSizesOnly: true}
	tables, err := c.schema(ctx, keyspace, shard, request)
	if err == nil {
		c.freshRows(ctx, request.TabletAlias, tables)
	}
	return tables, err
}

// freshRows takes the numbers of rows from InnoDB's own statistics. What GetSchema reads is a copy that MySQL keeps for
// a day (information_schema_stats_expiry): on a target that was looked at while it was empty it says 0 long after the
// copy. Both are estimates, so where these cannot be had the others stand.
func (c *Client) freshRows(ctx context.Context, primary *topodatapb.TabletAlias, tables []TableSchema) {
	rows, err := c.fetch(ctx, primary, "read the table statistics of InnoDB",
		"select table_name as name, n_rows as n from mysql.innodb_table_stats where database_name = database()")
	if err != nil {
		return
	}
	fresh := make(map[string]int64, len(rows))
	for _, r := range rows {
		fresh[r["name"]] = r.int("n")
	}
	for i := range tables {
		if n, ok := fresh[tables[i].Name]; ok {
			tables[i].Rows = n
		}
	}
}

// Shape is the CREATE statement without the next value of AUTO_INCREMENT: equal for tables that are made alike. Of a
// statement that cannot be read it is the whole text.
func (t TableSchema) Shape() string {
	shape, err := ddl.Shape(t.Create)
	if err != nil {
		return t.Create
	}
	return shape
}

// ownTable matches the tables that Vitess makes for itself.
var ownTable = regexp.MustCompile(`^_vt_[A-Za-z0-9]{3}_[0-9a-f]{32}_[0-9]{14}_$|^_vt_(HOLD|PURGE|EVAC|DROP)_[0-9a-f]{32}_[0-9]{14}$|^_[0-9a-f]{8}(_[0-9a-f]{4}){3}_[0-9a-f]{12}_[0-9]{14}_(gho|ghc|del|new|vrepl)$`)

func (c *Client) schema(ctx context.Context, keyspace, shard string, request *vtctldatapb.GetSchemaRequest) ([]TableSchema, error) {
	what := fmt.Sprintf("read the tables of %s/%s", keyspace, shard)
	primary, err := c.primary(ctx, keyspace, shard, what)
	if err != nil {
		return nil, err
	}
	request.TabletAlias = primary
	var tables []TableSchema
	err = c.read(ctx, what, func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		answer, err := vtctld.GetSchema(ctx, request)
		for _, t := range answer.GetSchema().GetTableDefinitions() {
			if ownTable.MatchString(t.GetName()) {
				continue
			}
			tables = append(tables, TableSchema{
				Name: t.GetName(), Create: t.GetSchema(), Type: t.GetType(),
				Columns: t.GetColumns(), PrimaryKey: t.GetPrimaryKeyColumns(),
				Rows: int64(t.GetRowCount()), Bytes: int64(t.GetDataLength()),
			})
		}
		return err
	})
	slices.SortFunc(tables, func(a, b TableSchema) int { return cmp.Compare(a.Name, b.Name) })
	return tables, err
}

// primary is the alias of a shard's primary.
func (c *Client) primary(ctx context.Context, keyspace, shard, what string) (*topodatapb.TabletAlias, error) {
	var alias *topodatapb.TabletAlias
	err := c.read(ctx, what, func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		answer, err := vtctld.GetShard(ctx, &vtctldatapb.GetShardRequest{Keyspace: keyspace, ShardName: shard})
		alias = answer.GetShard().GetShard().GetPrimaryAlias()
		return err
	})
	if err == nil && aliasOf(alias) == "" {
		return nil, &diag.Diagnostic{
			Severity: diag.Error, Summary: "cannot " + what, Temporary: true,
			Detail: fmt.Sprintf("shard %s/%s has no primary tablet", keyspace, shard),
			Hint:   "start its tablets and make one the primary:\n" + CommandReparent(keyspace, shard),
		}
	}
	return alias, err
}

// VSchema is the keyspace's vschema as canonical JSON, "" if there is none.
func (c *Client) VSchema(ctx context.Context, keyspace string) (string, error) {
	what := "read the vschema of keyspace " + keyspace
	var text string
	err := c.read(ctx, what, func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		answer, err := vtctld.GetVSchema(ctx, &vtctldatapb.GetVSchemaRequest{Keyspace: keyspace})
		if err != nil || answer.GetVSchema() == nil {
			return err
		}
		text, err = canonicalVSchema(answer.GetVSchema())
		return err
	})
	return text, absentIsEmpty(err)
}
