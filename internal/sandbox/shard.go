package sandbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
)

// reserved starts the names of the sandbox's own tables in a shard file.
const reserved = "_sf_"

func isReserved(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasPrefix(lower, reserved) || strings.HasPrefix(lower, "sqlite_")
}

// shardMode says who may change a shard's rows. It is in the shard's file, so that triggers see it in every process.
type shardMode int

const (
	modeClosed  shardMode = iota // the shard does not serve writes: they are aborted
	modeServing                  // writes are let through and logged
	modeCopying                  // only ever inside one of our own transactions: not aborted, not logged
)

// shardSchema is what the sandbox keeps in a shard's file beside the shard's tables. The keys in the log are typed
// columns, since a key may hold any value.
func shardSchema() string {
	keys := keyNames(maxKeyColumns)
	return `
CREATE TABLE _sf_shard (id INTEGER PRIMARY KEY CHECK (id = 1), keyspace TEXT NOT NULL, shard TEXT NOT NULL, mode INTEGER NOT NULL, uuid TEXT NOT NULL);
CREATE TABLE _sf_table (name TEXT PRIMARY KEY, definition TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE _sf_log (seq INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL, tbl TEXT NOT NULL, ` + strings.Join(keys, ", ") + `);
CREATE TABLE _sf_stream (id INTEGER PRIMARY KEY, pos INTEGER NOT NULL, copied INTEGER NOT NULL, rows_copied INTEGER NOT NULL, tx_ts INTEGER NOT NULL);
CREATE TABLE _sf_copy_state (stream_id INTEGER NOT NULL, tbl TEXT NOT NULL, started INTEGER NOT NULL, ` + strings.Join(keys, ", ") + `, PRIMARY KEY (stream_id, tbl));
`
}

func keyNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("k%d", i+1)
	}
	return names
}

// shardFile is one shard's SQLite file.
type shardFile struct {
	*database
	keyspace, shard string
}

// openShardFile opens the file of a shard, making it, closed for writes and without tables, if it is absent.
func openShardFile(ctx context.Context, root, keyspace, shard string) (*shardFile, error) {
	path := shardPath(root, keyspace, shard)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	db, err := openDatabase(path)
	if err != nil {
		return nil, err
	}
	f := &shardFile{database: db, keyspace: keyspace, shard: shard}
	if err := f.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("shard file %s: %w", path, err), db.close())
	}
	return f, nil
}

func (f *shardFile) prepare(ctx context.Context) error {
	var found int
	if err := f.read.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = '_sf_copy_state'`).Scan(&found); err != nil {
		return err
	}
	if found > 0 {
		return nil
	}
	return f.update(ctx, func(tx *sql.Tx) error {
		if err := tx.QueryRow(`SELECT count(*) FROM sqlite_schema WHERE name = '_sf_copy_state'`).Scan(&found); err != nil || found > 0 {
			return err
		}
		if _, err := tx.Exec(shardSchema()); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO _sf_shard (id, keyspace, shard, mode, uuid) VALUES (1, ?, ?, ?, ?)`, f.keyspace, f.shard, modeClosed, uuid.NewString())
		return err
	})
}

// setMode opens or closes the shard for writes. It waits for a writer's open transaction: what that commits comes before.
func (f *shardFile) setMode(ctx context.Context, mode shardMode) error {
	var now shardMode
	if err := f.read.QueryRowContext(ctx, `SELECT mode FROM _sf_shard`).Scan(&now); err != nil || now == mode {
		return err
	}
	return f.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE _sf_shard SET mode = ?`, mode)
		return err
	})
}

// ping reads the file: what refreshing a tablet comes to here.
func (f *shardFile) ping(ctx context.Context) error {
	var mode shardMode
	return f.read.QueryRowContext(ctx, `SELECT mode FROM _sf_shard`).Scan(&mode)
}

// change runs g in a transaction in which rows may be changed whatever the mode, unlogged. The mode is changed inside
// the transaction only, where no other process can see it.
func (f *shardFile) change(ctx context.Context, g func(*sql.Tx) error) error {
	return f.update(ctx, func(tx *sql.Tx) error {
		var mode shardMode
		if err := tx.QueryRow(`SELECT mode FROM _sf_shard`).Scan(&mode); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE _sf_shard SET mode = ?`, modeCopying); err != nil {
			return err
		}
		if err := g(tx); err != nil {
			return err
		}
		_, err := tx.Exec(`UPDATE _sf_shard SET mode = ?`, mode)
		return err
	})
}

// position is the number of the last logged change, 0 if there was none yet.
func position(tx *sql.Tx) (int64, error) {
	var seq int64
	err := tx.QueryRow(`SELECT seq FROM sqlite_sequence WHERE name = '_sf_log'`).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return seq, err
}

func (f *shardFile) position(ctx context.Context) (int64, error) {
	var pos int64
	err := f.view(ctx, func(tx *sql.Tx) (err error) {
		pos, err = position(tx)
		return err
	})
	return pos, err
}

// gtid spells a position of this shard as MySQL would.
func gtid(shardUUID string, pos int64) string {
	if pos == 0 {
		return shardUUID + ":1"
	}
	return fmt.Sprintf("%s:1-%d", shardUUID, pos+1)
}

// tables are the shard's tables in the order of their names.
func tables(tx *sql.Tx) ([]*table, error) {
	return collect(tx, func(scan func(...any) error) (*table, error) {
		var text string
		if err := scan(&text); err != nil {
			return nil, err
		}
		t := &table{}
		return t, json.Unmarshal([]byte(text), t)
	}, `SELECT definition FROM _sf_table ORDER BY name`)
}

func (f *shardFile) tables(ctx context.Context) ([]*table, error) {
	var all []*table
	err := f.view(ctx, func(tx *sql.Tx) (err error) {
		all, err = tables(tx)
		return err
	})
	return all, err
}

// addTable makes a table with the triggers that guard it and log its changes.
func (f *shardFile) addTable(tx *sql.Tx, t *table) error {
	statements, err := t.createSQL()
	if err != nil {
		return err
	}
	definition, err := json.Marshal(t)
	if err != nil {
		return err
	}
	for _, s := range append(statements, f.triggers(t)...) {
		if _, err := tx.Exec(s); err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	_, err = tx.Exec(`INSERT INTO _sf_table (name, definition) VALUES (?, ?)`, t.Name, string(definition))
	return err
}

// dropTables removes the named tables; those that are not there count as removed.
func (f *shardFile) dropTables(ctx context.Context, names []string) error {
	return f.update(ctx, func(tx *sql.Tx) error {
		for _, name := range names {
			if _, err := tx.Exec("DROP TABLE IF EXISTS " + quoteName(name)); err != nil {
				return err
			}
			if _, err := tx.Exec(`DELETE FROM _sf_table WHERE name = ?`, name); err != nil {
				return err
			}
		}
		return nil
	})
}
