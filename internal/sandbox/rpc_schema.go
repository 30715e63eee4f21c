package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	querypb "vitess.io/vitess/go/vt/proto/query"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// GetSchema answers with the tables of a tablet's shard. Row counts are exact, sizes those of SQLite's rows.
func (e *engine) GetSchema(ctx context.Context, req *vtctldatapb.GetSchemaRequest) (*vtctldatapb.GetSchemaResponse, error) {
	var tablet *topodatapb.Tablet
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		tablet, err = tx.tablet(req.TabletAlias)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("GetTablet(%v) failed: %w", aliasText(req.TabletAlias), err)
	}
	f, err := e.file(ctx, tablet.Keyspace, tablet.Shard)
	if err != nil {
		return nil, err
	}
	schema := &tabletmanagerdatapb.SchemaDefinition{DatabaseSchema: "CREATE DATABASE `{{.DatabaseName}}`"}
	err = f.view(ctx, func(tx *sql.Tx) error {
		all, err := tables(tx)
		if err != nil {
			return err
		}
		for _, t := range all {
			wanted, err := selected(t.Name, req.Tables, req.ExcludeTables)
			if err != nil {
				return err
			}
			if !wanted {
				continue
			}
			def, err := describe(tx, t, req)
			if err != nil {
				return fmt.Errorf("table %s: %w", t.Name, err)
			}
			schema.TableDefinitions = append(schema.TableDefinitions, def)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &vtctldatapb.GetSchemaResponse{Schema: schema}, nil
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

func describe(tx *sql.Tx, t *table, req *vtctldatapb.GetSchemaRequest) (*tabletmanagerdatapb.TableDefinition, error) {
	def := &tabletmanagerdatapb.TableDefinition{Name: t.Name}
	if req.TableNamesOnly {
		return def, nil
	}
	def.Type = "BASE TABLE"
	var bytes []string
	for _, c := range t.Columns {
		bytes = append(bytes, "coalesce(length(CAST("+quoteName(c.Name)+" AS BLOB)), 0)")
	}
	query := fmt.Sprintf("SELECT count(*), coalesce(sum(%s), 0) FROM %s", strings.Join(bytes, " + "), quoteName(t.Name))
	if err := tx.QueryRow(query).Scan(&def.RowCount, &def.DataLength); err != nil {
		return nil, err
	}
	if req.TableSizesOnly {
		return def, nil
	}
	def.Schema = t.show()
	if req.TableSchemaOnly {
		return def, nil
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

// ApplyVSchema replaces a keyspace's vschema. Streams that stopped for what the old one lacked go on.
func (e *engine) ApplyVSchema(ctx context.Context, req *vtctldatapb.ApplyVSchemaRequest) (*vtctldatapb.ApplyVSchemaResponse, error) {
	e.change.Lock()
	defer e.change.Unlock()
	if err := e.topo.view(ctx, func(tx topoTx) error { return tx.hasKeyspace(req.Keyspace) }); err != nil {
		return nil, fmt.Errorf("keyspace(%s) doesn't exist, check if the keyspace is initialized: %w", req.Keyspace, err)
	}
	switch {
	case (req.Sql == "") == (req.VSchema == nil):
		return nil, errors.New("must pass exactly one of req.VSchema and req.Sql")
	case req.Sql != "":
		return nil, unsupported("ApplyVSchema with SQL")
	}
	if err := checkVSchema(req.Keyspace, req.VSchema); err != nil {
		return nil, err
	}
	resp := &vtctldatapb.ApplyVSchemaResponse{VSchema: req.VSchema, UnknownVindexParams: unknownParams(req.VSchema)}
	if req.Strict && len(resp.UnknownVindexParams) > 0 {
		return nil, fmt.Errorf("unknown vindex params: %s", unknownParamsText(resp.UnknownVindexParams))
	}
	if req.DryRun {
		return resp, nil
	}
	err := e.topo.update(ctx, func(tx topoTx) error {
		if err := tx.put(vschemaNode(req.Keyspace), req.VSchema); err != nil {
			return err
		}
		failed, err := tx.streams(`keyspace = ? AND state = ?`, req.Keyspace, stateError)
		if err != nil {
			return err
		}
		for _, s := range failed {
			if err := tx.setStream(s, stateRunning, "", e.now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return resp, e.restart(ctx, req.Keyspace)
}

// restart lets a keyspace's running streams read the vschema again.
func (e *engine) restart(ctx context.Context, ks string) error {
	var running []*stream
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		running, err = tx.streams(`keyspace = ? AND state = ?`, ks, stateRunning)
		return err
	})
	if err != nil {
		return err
	}
	if err := e.stopStreams(ctx, streamIDs(running)...); err != nil {
		return err
	}
	return e.startStreams(ctx)
}

// primaryTables are the tables of a shard.
func (e *engine) primaryTables(ctx context.Context, ks, shard string) ([]*table, error) {
	f, err := e.file(ctx, ks, shard)
	if err != nil {
		return nil, err
	}
	all, err := f.tables(ctx)
	slices.SortFunc(all, func(a, b *table) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}
