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
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// sidecarTables are the tables of Vitess's _vt database and of MySQL's own that a sandbox can show, with the columns that
// it has of them. Transactions over several shards, which dt_state is about, there are none.
const sidecarTables = `
CREATE TABLE vreplication (id INTEGER, workflow TEXT, source TEXT, pos TEXT, cell TEXT, tablet_types TEXT, state TEXT, message TEXT, db_name TEXT,
	time_updated INTEGER, transaction_timestamp INTEGER, rows_copied INTEGER, workflow_type INTEGER, defer_secondary_keys INTEGER, options TEXT);
CREATE TABLE vreplication_log (id INTEGER, vrepl_id INTEGER, type TEXT, state TEXT, created_at TEXT, updated_at TEXT, message TEXT, count INTEGER);
CREATE TABLE copy_state (vrepl_id INTEGER, table_name TEXT, lastpk TEXT);
CREATE TABLE resharding_journal (id INTEGER, db_name TEXT, val TEXT);
CREATE TABLE vdiff (id INTEGER, vdiff_uuid TEXT, workflow TEXT, keyspace TEXT, shard TEXT, db_name TEXT, state TEXT, created_at TEXT, started_at TEXT, completed_at TEXT);
CREATE TABLE dt_state (dtid TEXT, state INTEGER, time_created INTEGER);
CREATE TABLE innodb_table_stats (database_name TEXT, table_name TEXT, n_rows INTEGER);
`

var (
	sidecarName   = regexp.MustCompile("(?i)`?_vt`?\\.`?(vreplication_log|vreplication|copy_state|vdiff|resharding_journal|dt_state)`?|mysql\\.(innodb_table_stats)")
	deleteStreams = regexp.MustCompile(`(?i)^delete\s+from\s+\x60?_vt\x60?\.\x60?vreplication\x60?(\s|$)`)
	anyTable      = regexp.MustCompile(`(?i)\b(?:from|into|join|update|table)\s+([^\s,;()]+)`)
	unixTimestamp = regexp.MustCompile(`(?i)\bunix_timestamp\s*\(`)
)

// unixEpoch is what SQLite calls unix_timestamp; times in the tables above are UTC.
const unixEpoch = "unixepoch("

// ExecuteFetchAsDBA answers queries on the records of a tablet: SELECT on the tables above and on the shard's own, DELETE
// on _vt.vreplication, which removes streams, and DROP TABLE on a shard that does not serve. Other statements answer
// codes.Unimplemented.
func (e *engine) ExecuteFetchAsDBA(ctx context.Context, req *vtctldatapb.ExecuteFetchAsDBARequest) (*vtctldatapb.ExecuteFetchAsDBAResponse, error) {
	query := strings.TrimSuffix(strings.TrimSpace(req.Query), ";")
	verb, _, _ := strings.Cut(strings.ToLower(query), " ")
	if names := droppedTables(query); names != nil {
		return e.dropByHand(ctx, req.TabletAlias, names)
	}
	if strings.Contains(query, ";") {
		return nil, unsupported("ExecuteFetchAsDBA of several statements") // SQLite would run them all, outside of the transaction too
	}
	if s := tableSelect(query); s != nil {
		return e.executeSelect(ctx, req, s)
	}
	for _, found := range anyTable.FindAllStringSubmatch(query, -1) {
		if sidecarName.FindString(found[1]) != found[1] {
			return nil, unsupported("ExecuteFetchAsDBA on " + found[1])
		}
	}
	if verb != "select" && !deleteStreams.MatchString(query) {
		return nil, unsupported(fmt.Sprintf("ExecuteFetchAsDBA of %q", query))
	}
	e.change.Lock()
	defer e.change.Unlock()
	var tablet *topodatapb.Tablet
	var streams []*stream
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		if tablet, err = tx.tablet(req.TabletAlias); err != nil {
			return err
		}
		streams, err = tx.streams(`keyspace = ? AND shard = ?`, tablet.Keyspace, tablet.Shard)
		return err
	})
	if err != nil {
		return nil, err
	}
	query = strings.ReplaceAll(query, "database()", quoteText(dbName(tablet.Keyspace)))
	query = unixTimestamp.ReplaceAllString(sidecarName.ReplaceAllString(query, "$1$2"), unixEpoch)
	result, left, err := e.querySidecar(ctx, tablet, streams, query, verb == "select")
	if err != nil {
		return nil, err
	}
	gone := slices.DeleteFunc(streams, func(s *stream) bool { return slices.Contains(left, s.id) })
	if len(gone) > 0 {
		if err := e.removeStreams(ctx, tablet, gone); err != nil {
			return nil, err
		}
	}
	return &vtctldatapb.ExecuteFetchAsDBAResponse{Result: result}, nil
}

var dropTable = regexp.MustCompile("(?is)^drop\\s+table\\s+((?:`[^`]+`|\\w+)(?:\\s*,\\s*(?:`[^`]+`|\\w+))*)$")

// droppedTables are the tables that a DROP TABLE names; nil for any other statement.
func droppedTables(query string) []string {
	found := dropTable.FindStringSubmatch(query)
	if found == nil {
		return nil
	}
	var names []string
	for name := range strings.SplitSeq(found[1], ",") {
		names = append(names, strings.Trim(strings.TrimSpace(name), "`"))
	}
	return names
}

// dropByHand drops tables of a tablet's shard. As in MySQL all of them have to be there.
func (e *engine) dropByHand(ctx context.Context, alias *topodatapb.TabletAlias, names []string) (*vtctldatapb.ExecuteFetchAsDBAResponse, error) {
	e.change.Lock()
	defer e.change.Unlock()
	var tablet *topodatapb.Tablet
	if err := e.topo.view(ctx, func(tx topoTx) (err error) {
		if tablet, err = tx.tablet(alias); err != nil {
			return err
		}
		shard, err := tx.shard(tablet.Keyspace, tablet.Shard)
		if err == nil && shard.IsPrimaryServing {
			return unsupported("DROP TABLE on a shard that serves") // streams would have to see it
		}
		return err
	}); err != nil {
		return nil, err
	}
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
			//lint:ignore ST1005 the text is MySQL's
			return nil, fmt.Errorf("Unknown table '%s.%s' (errno 1051) (sqlstate 42S02)", dbName(tablet.Keyspace), name)
		}
	}
	return &vtctldatapb.ExecuteFetchAsDBAResponse{Result: &querypb.QueryResult{}}, f.dropTables(ctx, names)
}

// querySidecar runs a query on a copy, in memory, of what the tablet's _vt database would have, and gives the result and
// the streams that are there afterwards.
func (e *engine) querySidecar(ctx context.Context, tablet *topodatapb.Tablet, streams []*stream, query string, isSelect bool) (result *querypb.QueryResult, left []int64, err error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	err = inTx(ctx, db, func(tx *sql.Tx) error {
		if err := e.fillSidecar(ctx, tx, tablet, streams); err != nil {
			return err
		}
		result = &querypb.QueryResult{}
		if isSelect {
			return queryInto(tx, query, result)
		}
		done, err := tx.Exec(query)
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		result.RowsAffected = uint64(n)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%w (query: %s)", err, query)
	}
	err = inTx(ctx, db, func(tx *sql.Tx) (err error) {
		left, err = collect(tx, func(scan func(...any) error) (int64, error) {
			var id int64
			return id, scan(&id)
		}, `SELECT id FROM vreplication`)
		return err
	})
	return result, left, err
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
		if _, err := tx.Exec(`INSERT INTO vreplication VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 4, ?, ?)`, s.id, s.workflow, fmt.Sprint(s.source), s.position(), s.cells,
			typesText(s.tabletTypes), s.shown(), s.message, dbName(s.keyspace), s.updated, s.txTime, s.rowsCopied, s.deferSecondaryKeys, s.options); err != nil {
			return err
		}
		for _, c := range s.copying {
			if _, err := tx.Exec(`INSERT INTO copy_state VALUES (?, ?, ?)`, s.id, c.table, c.lastPK); err != nil {
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
		// A column without an alias has the query's own text for its name.
		name = strings.ReplaceAll(name, unixEpoch, "unix_timestamp(")
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

// removeStreams forgets streams that were deleted from _vt.vreplication.
func (e *engine) removeStreams(ctx context.Context, tablet *topodatapb.Tablet, gone []*stream) error {
	if err := e.stopStreams(ctx, streamIDs(gone)...); err != nil {
		return err
	}
	err := e.topo.update(ctx, func(tx topoTx) error {
		for _, s := range gone {
			if err := tx.deleteStreams(`id = ?`, s.id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.forgetProgress(ctx, tablet.Keyspace, []*shardInfo{{keyspace: tablet.Keyspace, name: tablet.Shard}})
}
