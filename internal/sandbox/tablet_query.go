package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	querypb "vitess.io/vitess/go/vt/proto/query"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	"vitess.io/vitess/go/vt/sqlparser"
)

// sidecarTables are the tables of Vitess's _vt database and of MySQL's own that a sandbox can show, with the columns that
// it has of them. Transactions over several shards, which dt_state is about, there are none.
const sidecarTables = `
CREATE TABLE vreplication (id INTEGER, workflow TEXT, source TEXT, pos TEXT, cell TEXT, tablet_types TEXT, state TEXT, message TEXT, db_name TEXT,
	time_updated INTEGER, transaction_timestamp INTEGER, rows_copied INTEGER, workflow_type INTEGER, defer_secondary_keys INTEGER, options TEXT);
CREATE TABLE vreplication_log (id INTEGER, vrepl_id INTEGER, type TEXT, state TEXT, created_at TEXT, updated_at TEXT, message TEXT, count INTEGER);
CREATE TABLE copy_state (id INTEGER PRIMARY KEY, vrepl_id INTEGER, table_name TEXT, lastpk TEXT);
CREATE TABLE resharding_journal (id INTEGER, db_name TEXT, val TEXT);
CREATE TABLE vdiff (id INTEGER, vdiff_uuid TEXT, workflow TEXT, keyspace TEXT, shard TEXT, db_name TEXT, state TEXT, created_at TEXT, started_at TEXT, completed_at TEXT);
CREATE TABLE dt_state (dtid TEXT, state INTEGER, time_created INTEGER);
CREATE TABLE schema_migrations (id INTEGER, migration_uuid TEXT, keyspace TEXT, shard TEXT, migration_status TEXT, migration_context TEXT,
	requested_timestamp TEXT, added_timestamp TEXT);
CREATE TABLE innodb_table_stats (database_name TEXT, table_name TEXT, n_rows INTEGER);
CREATE TABLE information_schema_tables (table_schema TEXT, table_name TEXT, table_rows INTEGER, data_length INTEGER);
`

// sidecarNames are the names of these tables here, by those that queries have.
var sidecarNames = map[string]string{
	"_vt.vreplication": "vreplication", "_vt.vreplication_log": "vreplication_log", "_vt.copy_state": "copy_state",
	"_vt.resharding_journal": "resharding_journal", "_vt.vdiff": "vdiff", "_vt.dt_state": "dt_state", "_vt.schema_migrations": "schema_migrations",
	"mysql.innodb_table_stats": "innodb_table_stats", "information_schema.tables": "information_schema_tables",
}

// ExecuteFetchAsDba implements vtctld.Tablets: SELECT on the tables above and on the shard's own, DELETE on _vt.vreplication,
// which removes streams, DROP TABLE, RENAME TABLE and LOCK TABLES. Other statements answer codes.Unimplemented.
func (t tablets) ExecuteFetchAsDba(ctx context.Context, tablet *topodatapb.Tablet, req *tabletmanagerdatapb.ExecuteFetchAsDbaRequest) (*querypb.QueryResult, error) {
	query := string(req.Query)
	statement, err := parseStatement(query)
	if err != nil {
		return nil, err
	}
	switch s := statement.(type) {
	case *sqlparser.Select:
		if own, err := t.ownTables(s); err != nil || own {
			if err != nil {
				return nil, err
			}
			return t.executeSelect(ctx, tablet, query, s)
		}
		return t.selectSidecar(ctx, tablet, s)
	case *sqlparser.Delete:
		return t.deleteFromSidecar(ctx, tablet, s)
	case *sqlparser.DropTable:
		return t.dropByHand(ctx, tablet, s)
	case *sqlparser.RenameTable:
		return t.renameByHand(ctx, tablet, s)
	case *sqlparser.LockTables:
		return t.waitForWriters(ctx, tablet)
	}
	return nil, unsupported(fmt.Sprintf("ExecuteFetchAsDBA of %q", query))
}

// VReplicationExec implements vtctld.Tablets for the queries that vtctld sends.
func (t tablets) VReplicationExec(ctx context.Context, tablet *topodatapb.Tablet, query string) (*querypb.QueryResult, error) {
	statement, err := parseStatement(query)
	if err != nil {
		return nil, err
	}
	switch s := statement.(type) {
	case *sqlparser.Select:
		return t.selectSidecar(ctx, tablet, s)
	case *sqlparser.Insert:
		return t.insertIntoSidecar(ctx, tablet, s)
	case *sqlparser.Update:
		return t.updateSidecar(ctx, tablet, s)
	case *sqlparser.Delete:
		return t.deleteFromSidecar(ctx, tablet, s)
	}
	return nil, unsupported(fmt.Sprintf("VReplicationExec of %q", query))
}

// parseStatement parses one statement of MySQL's.
func parseStatement(query string) (sqlparser.Statement, error) {
	parser, err := sqlParser()
	if err != nil {
		return nil, err
	}
	pieces, err := parser.SplitStatementToPieces(query)
	if err != nil {
		return nil, err
	}
	if len(pieces) != 1 {
		return nil, unsupported("several statements in one query")
	}
	return parser.Parse(pieces[0])
}

// ownTables reports whether a SELECT is on one of the shard's own tables, or on none.
func (t tablets) ownTables(s *sqlparser.Select) (bool, error) {
	own, sidecar := 0, 0
	err := sqlparser.Walk(func(node sqlparser.SQLNode) (bool, error) {
		name, is := node.(sqlparser.TableName)
		if !is || name.IsEmpty() {
			return true, nil
		}
		if name.Qualifier.IsEmpty() {
			own++
		} else {
			sidecar++
		}
		return true, nil
	}, s.From[0])
	return sidecar == 0 && own <= 1 && len(s.From) == 1, err
}

// selectSidecar answers a SELECT on the tables above.
func (t tablets) selectSidecar(ctx context.Context, tablet *topodatapb.Tablet, s *sqlparser.Select) (result *querypb.QueryResult, err error) {
	query, err := sidecarQuery(s, tablet)
	if err != nil {
		return nil, err
	}
	err = t.inSidecar(ctx, tablet, func(tx *sql.Tx, _ []*stream) error {
		result = &querypb.QueryResult{}
		return queryInto(tx, query, result)
	})
	if err != nil {
		return nil, fmt.Errorf("%w (query: %s)", err, sqlparser.String(s))
	}
	return result, nil
}

// deleteFromSidecar removes the streams that a DELETE on _vt.vreplication selects.
func (t tablets) deleteFromSidecar(ctx context.Context, tablet *topodatapb.Tablet, s *sqlparser.Delete) (*querypb.QueryResult, error) {
	if len(s.TableExprs) != 1 || sqlparser.String(s.TableExprs[0]) != "_vt.vreplication" || s.OrderBy != nil || s.Limit != nil || s.With != nil {
		return nil, unsupported(fmt.Sprintf("the query %q", sqlparser.String(s)))
	}
	t.change.Lock()
	defer t.change.Unlock()
	gone, err := t.selectedStreams(ctx, tablet, s.Where)
	if err != nil {
		return nil, err
	}
	return &querypb.QueryResult{RowsAffected: uint64(len(gone))}, t.removeStreams(ctx, tablet, gone)
}

// selectedStreams returns the streams of a tablet that a WHERE selects.
func (t tablets) selectedStreams(ctx context.Context, tablet *topodatapb.Tablet, where *sqlparser.Where) (selected []*stream, err error) {
	query := "SELECT id FROM vreplication"
	if where != nil {
		text, err := sidecarQuery(where, tablet)
		if err != nil {
			return nil, err
		}
		query += text
	}
	err = t.inSidecar(ctx, tablet, func(tx *sql.Tx, streams []*stream) error {
		ids, err := collect(tx, func(scan func(...any) error) (id int64, err error) { return id, scan(&id) }, query)
		selected = slices.DeleteFunc(streams, func(s *stream) bool { return !slices.Contains(ids, s.id) })
		return err
	})
	return selected, err
}

// qualified is the name of a table with its database's.
func qualified(n sqlparser.TableName) string {
	return strings.ToLower(n.Qualifier.String() + "." + n.Name.String())
}

// sidecarQuery spells a query on the tables above for SQLite.
func sidecarQuery(node sqlparser.SQLNode, tablet *topodatapb.Tablet) (string, error) {
	if s, is := node.(*sqlparser.Select); is {
		for _, one := range s.SelectExprs.Exprs {
			// A column without an alias has the query's own text for its name.
			if expr, is := one.(*sqlparser.AliasedExpr); is && expr.As.IsEmpty() {
				if column, is := expr.Expr.(*sqlparser.ColName); is {
					expr.As = column.Name
				} else {
					expr.As = sqlparser.NewIdentifierCI(sqlparser.String(expr.Expr))
				}
			}
		}
	}
	unknown := sqlparser.Walk(func(node sqlparser.SQLNode) (bool, error) {
		from, is := node.(*sqlparser.AliasedTableExpr)
		if !is {
			return true, nil
		}
		if name, is := from.Expr.(sqlparser.TableName); is && sidecarNames[qualified(name)] == "" {
			return false, unsupported("a query of the table " + sqlparser.String(name))
		}
		return true, nil
	}, node)
	if unknown != nil {
		return "", unknown
	}
	buf := sqlparser.NewTrackedBuffer(func(buf *sqlparser.TrackedBuffer, node sqlparser.SQLNode) {
		switch n := node.(type) {
		case sqlparser.TableName:
			name, known := sidecarNames[qualified(n)]
			if !known {
				name = n.Name.String() // an alias, in front of a column
			}
			buf.WriteString(name)
		case *sqlparser.Literal:
			if n.Type == sqlparser.StrVal {
				buf.WriteString(quoteText(n.Val))
				return
			}
			n.Format(buf)
		case *sqlparser.FuncExpr:
			switch n.Name.Lowered() {
			case "database":
				buf.WriteString(quoteText(dbName(tablet.Keyspace)))
				return
			case "unix_timestamp":
				if len(n.Exprs) == 1 {
					buf.Myprintf("unixepoch(%v)", n.Exprs[0]) // times in the tables above are UTC
					return
				}
			}
			n.Format(buf)
		default:
			node.Format(buf)
		}
	})
	buf.Myprintf("%v", node)
	return buf.String(), nil
}

// dropByHand drops tables of a tablet's shard. As in MySQL all of them have to be there.
func (e *engine) dropByHand(ctx context.Context, tablet *topodatapb.Tablet, s *sqlparser.DropTable) (*querypb.QueryResult, error) {
	var names []string
	for _, name := range s.FromTables {
		if !name.Qualifier.IsEmpty() && name.Qualifier.String() != dbName(tablet.Keyspace) || s.IfExists || s.Temp {
			return nil, unsupported(fmt.Sprintf("the query %q", sqlparser.String(s)))
		}
		names = append(names, name.Name.String())
	}
	e.change.Lock()
	defer e.change.Unlock()
	f, err := e.file(ctx, tablet.Keyspace, tablet.Shard)
	if err != nil {
		return nil, err
	}
	all, err := f.tables(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(t *table) bool { return t.Name == name }) {
			return nil, errNoTable(tablet.Keyspace, name)
		}
	}
	return &querypb.QueryResult{}, f.dropTables(ctx, names)
}

// renameByHand renames tables of a tablet's shard.
func (e *engine) renameByHand(ctx context.Context, tablet *topodatapb.Tablet, s *sqlparser.RenameTable) (*querypb.QueryResult, error) {
	e.change.Lock()
	defer e.change.Unlock()
	f, err := e.file(ctx, tablet.Keyspace, tablet.Shard)
	if err != nil {
		return nil, err
	}
	for _, pair := range s.TablePairs {
		if err := f.renameTable(ctx, pair.FromTable.Name.String(), pair.ToTable.Name.String()); err != nil {
			return nil, err
		}
	}
	return &querypb.QueryResult{}, nil
}

// waitForWriters is what LOCK TABLES comes to whose locks are let go at once: open transactions have ended.
func (e *engine) waitForWriters(ctx context.Context, tablet *topodatapb.Tablet) (*querypb.QueryResult, error) {
	f, err := e.file(ctx, tablet.Keyspace, tablet.Shard)
	if err != nil {
		return nil, err
	}
	return &querypb.QueryResult{}, f.update(ctx, func(*sql.Tx) error { return nil })
}

// inSidecar runs f on a copy, in memory, of what the tablet's _vt database would have; it gets the tablet's streams too.
func (e *engine) inSidecar(ctx context.Context, tablet *topodatapb.Tablet, f func(*sql.Tx, []*stream) error) error {
	var streams []*stream
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		streams, err = tx.streams(`keyspace = ? AND shard = ?`, tablet.Keyspace, tablet.Shard)
		return err
	})
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	return errors.Join(inTx(ctx, db, func(tx *sql.Tx) error {
		if err := e.fillSidecar(ctx, tx, tablet, streams); err != nil {
			return err
		}
		return f(tx, streams)
	}), db.Close())
}

func (e *engine) fillSidecar(ctx context.Context, tx *sql.Tx, tablet *topodatapb.Tablet, streams []*stream) error {
	if _, err := tx.Exec(sidecarTables); err != nil {
		return err
	}
	all, err := e.live(ctx, streams)
	if err != nil {
		return err
	}
	for _, s := range all {
		if _, err := tx.Exec(`INSERT INTO vreplication VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, s.id, s.workflow, fmt.Sprint(s.source), s.position(), s.cells,
			typesText(s.tabletTypes), s.shown(), s.message, dbName(s.keyspace), s.updated, s.txTime, s.rowsCopied, s.kind, s.deferSecondaryKeys, s.options); err != nil {
			return err
		}
		for _, c := range s.copying {
			if _, err := tx.Exec(`INSERT INTO copy_state (vrepl_id, table_name, lastpk) VALUES (?, ?, ?)`, s.id, c.table, c.lastPK); err != nil {
				return err
			}
		}
		logs, err := e.streamLogs(ctx, s.id)
		if err != nil {
			return err
		}
		for _, l := range logs {
			at := timestamp(&l.CreatedAt.Seconds)
			if _, err := tx.Exec(`INSERT INTO vreplication_log VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, l.Id, l.StreamId, l.Type, l.State, at, at, l.Message, l.Count); err != nil {
				return err
			}
		}
	}
	if err := e.fillTableStats(ctx, tx, tablet); err != nil {
		return err
	}
	return e.topo.view(ctx, func(topo topoTx) error {
		journals, err := collect(topo.Tx, func(scan func(...any) error) ([]any, error) { return scanRow(scan, 2) },
			`SELECT id, val FROM journal WHERE keyspace = ? AND shard = ?`, tablet.Keyspace, tablet.Shard)
		for _, j := range journals {
			if _, err := tx.Exec(`INSERT INTO resharding_journal VALUES (?, ?, ?)`, j[0], dbName(tablet.Keyspace), j[1]); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		vdiffs, err := topo.vdiffs(`keyspace = ? AND shard = ?`, tablet.Keyspace, tablet.Shard)
		for _, d := range vdiffs {
			if _, err := tx.Exec(`INSERT INTO vdiff VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, d.id, d.uuid, d.workflow, d.ks, d.shard, dbName(d.ks), d.state,
				timestamp(&d.created), timestamp(d.started), timestamp(d.completed)); err != nil {
				return err
			}
		}
		return err
	})
}

func (e *engine) fillTableStats(ctx context.Context, tx *sql.Tx, tablet *topodatapb.Tablet) error {
	f, err := e.file(ctx, tablet.Keyspace, tablet.Shard)
	if err != nil {
		return err
	}
	return f.view(ctx, func(rows *sql.Tx) error {
		all, err := tables(rows)
		for _, t := range all {
			var n int64
			if err := rows.QueryRow("SELECT count(*) FROM " + quoteName(t.Name)).Scan(&n); err != nil {
				return err
			}
			if _, err := tx.Exec(`INSERT INTO innodb_table_stats VALUES (?, ?, ?)`, dbName(tablet.Keyspace), t.Name, n); err != nil {
				return err
			}
			def, err := describe(rows, t, true)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(`INSERT INTO information_schema_tables VALUES (?, ?, ?, ?)`, dbName(tablet.Keyspace), t.Name, n, def.DataLength); err != nil {
				return err
			}
		}
		return err
	})
}

// queryInto runs a SELECT and turns its rows into the message that MySQL's would become.
func queryInto(tx *sql.Tx, query string, result *querypb.QueryResult) error {
	rows, err := tx.Query(query)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	for _, name := range names {
		result.Fields = append(result.Fields, &querypb.Field{Name: name, Type: querypb.Type_VARCHAR})
	}
	for rows.Next() {
		row, err := scanRow(rows.Scan, len(names))
		if err != nil {
			return err
		}
		for i, v := range row {
			if _, ok := v.(int64); ok {
				result.Fields[i].Type = querypb.Type_INT64
			}
		}
		addRow(result, row...)
	}
	return rows.Err()
}

// removeStreams ends streams of a tablet and forgets them.
func (e *engine) removeStreams(ctx context.Context, tablet *topodatapb.Tablet, gone []*stream) error {
	if err := e.stopStreams(ctx, streamIDs(gone)...); err != nil {
		return err
	}
	var left []*stream
	err := e.topo.update(ctx, func(tx topoTx) error {
		for _, s := range gone {
			if err := tx.deleteStreams(`id = ?`, s.id); err != nil {
				return err
			}
		}
		var err error
		left, err = tx.streams(`keyspace = ? AND shard = ?`, tablet.Keyspace, tablet.Shard)
		return err
	})
	if err != nil {
		return err
	}
	f, err := e.file(ctx, tablet.Keyspace, tablet.Shard)
	if err != nil {
		return err
	}
	return f.forgetStreams(ctx, streamIDs(left))
}
