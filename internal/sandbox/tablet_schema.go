package sandbox

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"

	querypb "vitess.io/vitess/go/vt/proto/query"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	"vitess.io/vitess/go/vt/sqlparser"
)

// GetSchema implements vtctld.Tablets. Row counts are exact, sizes those of SQLite's rows.
func (t tablets) GetSchema(ctx context.Context, tablet *topodatapb.Tablet, req *tabletmanagerdatapb.GetSchemaRequest) (*tabletmanagerdatapb.SchemaDefinition, error) {
	f, err := t.file(ctx, tablet.Keyspace, tablet.Shard)
	if err != nil {
		return nil, err
	}
	schema := &tabletmanagerdatapb.SchemaDefinition{DatabaseSchema: "CREATE DATABASE `{{.DatabaseName}}`"}
	err = f.view(ctx, func(tx *sql.Tx) error {
		all, err := tables(tx)
		if err != nil {
			return err
		}
		for _, one := range all {
			wanted, err := selected(one.Name, req.Tables, req.ExcludeTables)
			if err != nil {
				return err
			}
			if !wanted {
				continue
			}
			def, err := describe(tx, one, req.TableSchemaOnly)
			if err != nil {
				return fmt.Errorf("table %s: %w", one.Name, err)
			}
			schema.TableDefinitions = append(schema.TableDefinitions, def)
		}
		return nil
	})
	return schema, err
}

// selected reports whether a request's table lists select a table; entries in slashes are regular expressions.
func selected(name string, include, exclude []string) (bool, error) {
	matches := func(patterns []string) (bool, error) {
		for _, p := range patterns {
			if pattern, ok := strings.CutPrefix(p, "/"); ok {
				pattern = strings.TrimSuffix(pattern, "/")
				re, err := regexp.Compile(pattern)
				if err != nil {
					return false, fmt.Errorf("cannot compile regexp %v for table: %w", pattern, err)
				}
				if re.MatchString(name) {
					return true, nil
				}
			} else if p == name {
				return true, nil
			}
		}
		return false, nil
	}
	out, err := matches(exclude)
	if err != nil || out {
		return false, err
	}
	if len(include) == 0 {
		return true, nil
	}
	return matches(include)
}

func describe(tx *sql.Tx, t *table, schemaOnly bool) (*tabletmanagerdatapb.TableDefinition, error) {
	def := &tabletmanagerdatapb.TableDefinition{Name: t.Name, Type: "BASE TABLE", Schema: t.show()}
	var bytes []string
	for _, c := range t.Columns {
		bytes = append(bytes, "coalesce(length(CAST("+quoteName(c.Name)+" AS BLOB)), 0)")
	}
	query := fmt.Sprintf("SELECT count(*), coalesce(sum(%s), 0) FROM %s", strings.Join(bytes, " + "), quoteName(t.Name))
	if err := tx.QueryRow(query).Scan(&def.RowCount, &def.DataLength); err != nil || schemaOnly {
		return def, err
	}
	def.Columns = t.names()
	def.PrimaryKeyColumns = t.PrimaryKey
	for i := range t.Columns {
		c := &t.Columns[i]
		def.Fields = append(def.Fields, &querypb.Field{Name: c.Name, Type: fieldType(c), Table: t.Name, OrgTable: t.Name, OrgName: c.Name})
	}
	return def, nil
}

// fieldTypes are the query types of MySQL's types.
var fieldTypes = map[string]querypb.Type{
	"tinyint": querypb.Type_INT8, "bool": querypb.Type_INT8, "boolean": querypb.Type_INT8, "smallint": querypb.Type_INT16, "mediumint": querypb.Type_INT24,
	"int": querypb.Type_INT32, "integer": querypb.Type_INT32, "bigint": querypb.Type_INT64, "bit": querypb.Type_BIT, "year": querypb.Type_YEAR,
	"float": querypb.Type_FLOAT32, "double": querypb.Type_FLOAT64, "real": querypb.Type_FLOAT64, "decimal": querypb.Type_DECIMAL, "numeric": querypb.Type_DECIMAL,
	"dec": querypb.Type_DECIMAL, "fixed": querypb.Type_DECIMAL, "char": querypb.Type_CHAR, "varchar": querypb.Type_VARCHAR, "binary": querypb.Type_BINARY,
	"varbinary": querypb.Type_VARBINARY, "date": querypb.Type_DATE, "time": querypb.Type_TIME, "datetime": querypb.Type_DATETIME,
	"timestamp": querypb.Type_TIMESTAMP, "enum": querypb.Type_ENUM, "set": querypb.Type_SET, "json": querypb.Type_JSON,
}

var unsignedTypes = map[querypb.Type]querypb.Type{
	querypb.Type_INT8: querypb.Type_UINT8, querypb.Type_INT16: querypb.Type_UINT16, querypb.Type_INT24: querypb.Type_UINT24,
	querypb.Type_INT32: querypb.Type_UINT32, querypb.Type_INT64: querypb.Type_UINT64,
}

func fieldType(c *column) querypb.Type {
	kind, ok := fieldTypes[c.baseType()]
	switch {
	case !ok && c.affinity() == "BLOB":
		return querypb.Type_BLOB
	case !ok:
		return querypb.Type_TEXT
	case c.unsigned() && unsignedTypes[kind] != 0:
		return unsignedTypes[kind]
	}
	return kind
}

// ApplySchema implements vtctld.Tablets for CREATE TABLE; the database is always there.
func (t tablets) ApplySchema(ctx context.Context, tablet *topodatapb.Tablet, change string) error {
	parser, err := sqlParser()
	if err != nil {
		return err
	}
	statements, err := parser.SplitStatementToPieces(change)
	if err != nil {
		return err
	}
	var made []*table
	for _, text := range statements {
		statement, err := parser.Parse(text)
		if err != nil {
			return err
		}
		switch statement.(type) {
		case *sqlparser.CreateDatabase:
			continue
		case *sqlparser.CreateTable:
		default:
			return unsupported(fmt.Sprintf("ApplySchema of %q", text))
		}
		one, err := parseSchema(text)
		if err != nil {
			return err
		}
		made = append(made, one...)
	}
	if len(made) == 0 {
		return nil
	}
	f, err := t.file(ctx, tablet.Keyspace, tablet.Shard)
	if err != nil {
		return err
	}
	err = f.update(ctx, func(tx *sql.Tx) error {
		all, err := tables(tx)
		if err != nil {
			return err
		}
		for _, one := range made {
			if slices.ContainsFunc(all, func(have *table) bool { return have.Name == one.Name }) {
				//lint:ignore ST1005 the text is MySQL's
				return fmt.Errorf("Table '%s' already exists (errno 1050) (sqlstate 42S01)", one.Name)
			}
			if err := f.addTable(tx, one); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return t.topo.update(ctx, func(tx topoTx) error { return tx.usedSpares(tablet.Keyspace, []string{tablet.Shard}) })
}

// ExecuteFetchAsAllPrivs implements vtctld.Tablets: what vtctld does to its own tables when a workflow has ended is nothing here.
func (t tablets) ExecuteFetchAsAllPrivs(ctx context.Context, tablet *topodatapb.Tablet, req *tabletmanagerdatapb.ExecuteFetchAsAllPrivsRequest) (*querypb.QueryResult, error) {
	switch string(req.Query) {
	case "optimize table _vt.copy_state", "alter table _vt.copy_state auto_increment = 1":
		return &querypb.QueryResult{}, nil
	}
	return t.ExecuteFetchAsDba(ctx, tablet, &tabletmanagerdatapb.ExecuteFetchAsDbaRequest{Query: req.Query, DbName: req.DbName, MaxRows: req.MaxRows})
}

// ExecuteFetchAsApp implements vtctld.Tablets for SELECT. As applications do, it meets the tables that are denied.
func (t tablets) ExecuteFetchAsApp(ctx context.Context, tablet *topodatapb.Tablet, req *tabletmanagerdatapb.ExecuteFetchAsAppRequest) (*querypb.QueryResult, error) {
	statement, err := parseStatement(string(req.Query))
	if err != nil {
		return nil, err
	}
	query, is := statement.(*sqlparser.Select)
	if !is {
		return nil, unsupported(fmt.Sprintf("ExecuteFetchAsApp of %q", req.Query))
	}
	f, err := t.file(ctx, tablet.Keyspace, tablet.Shard)
	if err != nil {
		return nil, err
	}
	var now access
	if err := f.view(ctx, func(tx *sql.Tx) (err error) {
		now, err = f.access(tx)
		return err
	}); err != nil {
		return nil, err
	}
	if name, is := selectedTable(query); is && slices.Contains(now.denied, name.Name.String()) {
		return nil, fmt.Errorf("disallowed due to rule: enforce denied tables, CallerID: %s", "sandbox")
	}
	return t.ExecuteFetchAsDba(ctx, tablet, &tabletmanagerdatapb.ExecuteFetchAsDbaRequest{Query: req.Query, MaxRows: req.MaxRows})
}
