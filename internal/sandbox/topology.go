package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
)

// cell is the only cell of a sandbox.
const cell = "zone1"

// topoSchema is what topo.sqlite has. Records are protobuf's JSON form under the paths that Vitess's topology server uses.
func topoSchema() string {
	return `
CREATE TABLE IF NOT EXISTS node (path TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stream (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	keyspace TEXT NOT NULL, shard TEXT NOT NULL, workflow TEXT NOT NULL,
	source TEXT NOT NULL, cells TEXT NOT NULL, tablet_types TEXT NOT NULL, preference INTEGER NOT NULL,
	defer_secondary_keys INTEGER NOT NULL, options TEXT NOT NULL,
	state TEXT NOT NULL, message TEXT NOT NULL,
	start_pos INTEGER NOT NULL, time_updated INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS stream_shard ON stream (keyspace, shard);
CREATE TABLE IF NOT EXISTS stream_log (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	stream_id INTEGER NOT NULL REFERENCES stream (id) ON DELETE CASCADE,
	type TEXT NOT NULL, state TEXT NOT NULL, message TEXT NOT NULL, created_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS stream_log_stream ON stream_log (stream_id);
CREATE TABLE IF NOT EXISTS journal (
	id INTEGER NOT NULL, keyspace TEXT NOT NULL, shard TEXT NOT NULL, val TEXT NOT NULL,
	PRIMARY KEY (id, keyspace, shard)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vdiff (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	uuid TEXT NOT NULL, keyspace TEXT NOT NULL, workflow TEXT NOT NULL, shard TEXT NOT NULL,
	state TEXT NOT NULL, options TEXT NOT NULL, created_at INTEGER NOT NULL,
	started_at INTEGER, completed_at INTEGER, last_error TEXT NOT NULL DEFAULT '',
	UNIQUE (uuid, keyspace, shard)
);
CREATE TABLE IF NOT EXISTS vdiff_table (
	vdiff_id INTEGER NOT NULL REFERENCES vdiff (id) ON DELETE CASCADE,
	table_name TEXT NOT NULL, state TEXT NOT NULL, table_rows INTEGER NOT NULL, rows_compared INTEGER NOT NULL,
	mismatch INTEGER NOT NULL, report TEXT NOT NULL,
	PRIMARY KEY (vdiff_id, table_name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vdiff_seen (
	vdiff_id INTEGER NOT NULL REFERENCES vdiff (id) ON DELETE CASCADE, table_name TEXT NOT NULL,
	` + strings.Join(keyNames(maxKeyColumns), ", ") + `, PRIMARY KEY (vdiff_id, table_name)
);
CREATE TABLE IF NOT EXISTS fault_call (rpc TEXT PRIMARY KEY, calls INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spare (keyspace TEXT NOT NULL, shard TEXT NOT NULL, PRIMARY KEY (keyspace, shard)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
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
		_, err := tx.Exec(topoSchema())
		return err
	})
}

// upgrade makes what a file of an earlier release does not have.
func (t *topology) upgrade(ctx context.Context) error {
	var found int
	err := t.db.read.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = 'spare'`).Scan(&found)
	if err != nil || found > 0 {
		return err
	}
	return t.create(ctx)
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

// nodeExistsError is its answer for a record that is to be created and is there.
type nodeExistsError struct{ path string }

func (e *nodeExistsError) Error() string { return "node already exists: " + e.path }

func isNoNode(err error) bool {
	var e *noNodeError
	return errors.As(err, &e)
}

func keyspaceNode(ks string) string     { return "keyspaces/" + ks + "/Keyspace" }
func vschemaNode(ks string) string      { return "keyspaces/" + ks + "/VSchema" }
func shardNode(ks, shard string) string { return "keyspaces/" + ks + "/shards/" + shard + "/Shard" }
func tabletNode(alias string) string    { return "tablets/" + alias + "/Tablet" }
func srvKeyspaceNode(ks string) string  { return "cells/" + cell + "/keyspaces/" + ks + "/SrvKeyspace" }

// get reads the record at path into m; a *noNodeError if there is none.
func (tx topoTx) get(path string, m proto.Message) error {
	var text string
	err := tx.QueryRow(`SELECT value FROM node WHERE path = ?`, path).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return &noNodeError{path: path}
	}
	if err != nil {
		return err
	}
	if err := protojson.Unmarshal([]byte(text), m); err != nil {
		return fmt.Errorf("record %s of the sandbox's topology: %w", path, err)
	}
	return nil
}

// put writes the record at path.
func (tx topoTx) put(path string, m proto.Message) error {
	text, err := protojson.Marshal(m)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO node (path, value) VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET value = excluded.value`, path, string(text))
	return err
}

func (tx topoTx) remove(path string) error {
	_, err := tx.Exec(`DELETE FROM node WHERE path = ?`, path)
	return err
}

// list are the paths that start with prefix, in order.
func (tx topoTx) list(prefix string) ([]string, error) {
	return collect(tx.Tx, func(scan func(...any) error) (string, error) {
		var path string
		return path, scan(&path)
	}, `SELECT path FROM node WHERE path >= ? AND path < ? ORDER BY path`, prefix, prefix+"\U0010ffff")
}

func (tx topoTx) keyspaces() ([]string, error) {
	paths, err := tx.list("keyspaces/")
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

// lockable answers as taking the keyspace's lock does: an error if there is no keyspace.
func (tx topoTx) lockable(ks string) error {
	if err := tx.hasKeyspace(ks); isNoNode(err) {
		return &noNodeError{path: "keyspaces/" + ks + "/"}
	} else {
		return err
	}
}

// counter adds by to a number in the file and gives what it was before; start if it was never used.
func (tx topoTx) counter(key string, start, by int64) (int64, error) {
	var after int64
	err := tx.QueryRow(`INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = value + ? RETURNING value`,
		key, start+by, by).Scan(&after)
	return after - by, err
}
