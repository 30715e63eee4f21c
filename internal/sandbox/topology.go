package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"

	"shardform/internal/sandbox/vtctld"
)

// cell is the only cell of a sandbox.
const cell = "zone1"

// topoSchema is what topo.sqlite has: the topology's records as vtctld writes them, and what the tablets know.
func topoSchema() string {
	return `
CREATE TABLE record (cell TEXT NOT NULL, path TEXT NOT NULL, value BLOB NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (cell, path)) WITHOUT ROWID;
CREATE TABLE stream (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	keyspace TEXT NOT NULL, shard TEXT NOT NULL, workflow TEXT NOT NULL,
	kind INTEGER NOT NULL, sub_kind INTEGER NOT NULL,
	source TEXT NOT NULL, cells TEXT NOT NULL, tablet_types TEXT NOT NULL, preference INTEGER NOT NULL,
	defer_secondary_keys INTEGER NOT NULL, options TEXT NOT NULL,
	state TEXT NOT NULL, message TEXT NOT NULL,
	start_pos INTEGER NOT NULL, time_updated INTEGER NOT NULL
);
CREATE INDEX stream_shard ON stream (keyspace, shard);
CREATE TABLE stream_log (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	stream_id INTEGER NOT NULL REFERENCES stream (id) ON DELETE CASCADE,
	type TEXT NOT NULL, state TEXT NOT NULL, message TEXT NOT NULL, created_at INTEGER NOT NULL
);
CREATE INDEX stream_log_stream ON stream_log (stream_id);
CREATE TABLE journal (
	id INTEGER NOT NULL, keyspace TEXT NOT NULL, shard TEXT NOT NULL, val TEXT NOT NULL,
	PRIMARY KEY (id, keyspace, shard)
) WITHOUT ROWID;
CREATE TABLE vdiff (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	uuid TEXT NOT NULL, keyspace TEXT NOT NULL, workflow TEXT NOT NULL, shard TEXT NOT NULL,
	state TEXT NOT NULL, options TEXT NOT NULL, created_at INTEGER NOT NULL,
	started_at INTEGER, completed_at INTEGER, last_error TEXT NOT NULL DEFAULT '',
	UNIQUE (uuid, keyspace, shard)
);
CREATE TABLE vdiff_table (
	vdiff_id INTEGER NOT NULL REFERENCES vdiff (id) ON DELETE CASCADE,
	table_name TEXT NOT NULL, state TEXT NOT NULL, table_rows INTEGER NOT NULL, rows_compared INTEGER NOT NULL,
	mismatch INTEGER NOT NULL, report TEXT NOT NULL,
	PRIMARY KEY (vdiff_id, table_name)
) WITHOUT ROWID;
CREATE TABLE vdiff_seen (
	vdiff_id INTEGER NOT NULL REFERENCES vdiff (id) ON DELETE CASCADE, table_name TEXT NOT NULL,
	` + strings.Join(keyNames(maxKeyColumns), ", ") + `, PRIMARY KEY (vdiff_id, table_name)
);
CREATE TABLE fault_call (rpc TEXT PRIMARY KEY, calls INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE spare (keyspace TEXT NOT NULL, shard TEXT NOT NULL, PRIMARY KEY (keyspace, shard)) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
`
}

// topology is topo.sqlite.
type topology struct{ db *database }

// topoTx is one transaction on it.
type topoTx struct{ *sql.Tx }

func openTopology(path string) (*topology, error) {
	db, err := openDatabase(path)
	if err != nil {
		return nil, err
	}
	return &topology{db: db}, nil
}

func (t *topology) create(ctx context.Context) error {
	return t.db.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(topoSchema() + fmt.Sprintf(`PRAGMA user_version = %d;`, formatVersion))
		return err
	})
}

// formatVersion is in the header of topo.sqlite. Files of the first edition, whose values are stored otherwise, have 0 there.
const formatVersion = 2

// checkFormat refuses a file that another edition wrote.
func (t *topology) checkFormat(ctx context.Context) error {
	var found int
	if err := t.db.read.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&found); err != nil {
		return err
	}
	if found != formatVersion {
		return fmt.Errorf("%s has format %d, and this program reads format %d: `shardform sandbox reset` deletes the sandbox and seeds it again", t.db.path, found, formatVersion)
	}
	return nil
}

func (t *topology) update(ctx context.Context, f func(topoTx) error) error {
	return t.db.update(ctx, func(tx *sql.Tx) error { return f(topoTx{tx}) })
}

func (t *topology) view(ctx context.Context, f func(topoTx) error) error {
	return t.db.view(ctx, func(tx *sql.Tx) error { return f(topoTx{tx}) })
}

// noNodeError is the topology server's answer for a record that is not there.
type noNodeError struct{ path string }

func (e *noNodeError) Error() string { return "node doesn't exist: " + e.path }

func isNoNode(err error) bool {
	var e *noNodeError
	return errors.As(err, &e)
}

// node is where a record is: Vitess's own cells and paths.
type node struct{ cell, path string }

func global(path string) node { return node{vtctld.GlobalCell, path} }
func ofCell(path string) node { return node{cell, path} }

func keyspaceNode(ks string) node { return global("keyspaces/" + ks + "/Keyspace") }
func vschemaNode(ks string) node  { return global("keyspaces/" + ks + "/VSchema") }
func shardNode(ks, shard string) node {
	return global("keyspaces/" + ks + "/shards/" + shard + "/Shard")
}
func tabletNode(alias string) node   { return ofCell("tablets/" + alias + "/Tablet") }
func srvKeyspaceNode(ks string) node { return ofCell("keyspaces/" + ks + "/SrvKeyspace") }
func replicationNode(ks, shard string) node {
	return ofCell("keyspaces/" + ks + "/shards/" + shard + "/ShardReplication")
}

// get reads a record into m; a *noNodeError if there is none.
func (tx topoTx) get(at node, m proto.Message) error {
	var value []byte
	err := tx.QueryRow(`SELECT value FROM record WHERE cell = ? AND path = ?`, at.cell, at.path).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return &noNodeError{path: at.path}
	}
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(value, m); err != nil {
		return fmt.Errorf("record %s of the sandbox's topology: %w", at.path, err)
	}
	return nil
}

// put writes a record.
func (tx topoTx) put(at node, m proto.Message) error {
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return err
	}
	_, err = tx.write(at, value)
	return err
}

// write writes a record and returns its version.
func (tx topoTx) write(at node, value []byte) (version int64, err error) {
	if value == nil {
		value = []byte{} // an empty message; nil would be NULL
	}
	err = tx.QueryRow(`INSERT INTO record (cell, path, value, version) VALUES (?, ?, ?, 1)
		ON CONFLICT (cell, path) DO UPDATE SET value = excluded.value, version = version + 1 RETURNING version`, at.cell, at.path, value).Scan(&version)
	return version, err
}

func (tx topoTx) remove(at node) error {
	_, err := tx.Exec(`DELETE FROM record WHERE cell = ? AND path = ?`, at.cell, at.path)
	return err
}

// list returns the paths of a cell that start with prefix, in order.
func (tx topoTx) list(at node) ([]string, error) {
	records, err := tx.records(at)
	paths := make([]string, len(records))
	for i, r := range records {
		paths[i] = r.Path
	}
	return paths, err
}

// records returns the records of a cell whose paths start with prefix, in order.
func (tx topoTx) records(prefix node) ([]vtctld.Record, error) {
	return collect(tx.Tx, func(scan func(...any) error) (r vtctld.Record, err error) {
		return r, scan(&r.Path, &r.Value, &r.Version)
	}, `SELECT path, value, version FROM record WHERE cell = ? AND path >= ? AND path < ? ORDER BY path`, prefix.cell, prefix.path, prefix.path+"\U0010ffff")
}

func (tx topoTx) keyspaces() ([]string, error) {
	paths, err := tx.list(global("keyspaces/"))
	var names []string
	for _, p := range paths {
		if name, ok := strings.CutSuffix(strings.TrimPrefix(p, "keyspaces/"), "/Keyspace"); ok {
			names = append(names, name)
		}
	}
	return names, err
}

func (tx topoTx) hasKeyspace(ks string) error {
	return tx.get(keyspaceNode(ks), &topodatapb.Keyspace{})
}

// counter adds by to a number in the file and gives what it was before; start if it was never used.
func (tx topoTx) counter(key string, start, by int64) (int64, error) {
	var after int64
	err := tx.QueryRow(`INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = value + ? RETURNING value`,
		key, start+by, by).Scan(&after)
	return after - by, err
}
