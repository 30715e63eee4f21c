package sandbox

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"vitess.io/vitess/go/vt/sqlparser"

	querypb "vitess.io/vitess/go/vt/proto/query"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
)

// probedTable returns the table of a query of the form "select 1 from `t` limit 1", which asks whether the table has rows;
// "" if the query is none.
func probedTable(query string) string {
	parser, err := sqlparser.New(sqlparser.Options{})
	if err != nil {
		return ""
	}
	parsed, err := parser.Parse(query)
	if err != nil {
		return ""
	}
	s, ok := parsed.(*sqlparser.Select)
	if !ok || len(s.From) != 1 {
		return ""
	}
	from, ok := s.From[0].(*sqlparser.AliasedTableExpr)
	if !ok {
		return ""
	}
	name, ok := from.Expr.(sqlparser.TableName)
	if !ok || name.Qualifier.NotEmpty() || sqlparser.String(s) != fmt.Sprintf("select 1 from %s limit 1", sqlparser.String(name)) {
		return ""
	}
	return name.Name.String()
}

// probe answers such a query.
func (e *engine) probe(ctx context.Context, alias *topodatapb.TabletAlias, name string) (*querypb.QueryResult, error) {
	var tablet *topodatapb.Tablet
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		tablet, err = tx.tablet(alias)
		return err
	})
	if err != nil {
		return nil, err
	}
	f, err := e.file(ctx, tablet.Keyspace, tablet.Shard)
	if err != nil {
		return nil, err
	}
	result := &querypb.QueryResult{}
	return result, f.view(ctx, func(tx *sql.Tx) error {
		all, err := tables(tx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(all, func(t *table) bool { return t.Name == name }) {
			return fmt.Errorf("Table '%s.%s' doesn't exist (errno 1146) (sqlstate 42S02) during query: select 1 from %s limit 1", dbName(tablet.Keyspace), name, showName(name))
		}
		return queryInto(tx, "SELECT 1 FROM "+quoteName(name)+" LIMIT 1", result)
	})
}
