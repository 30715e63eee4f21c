package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vschemapb "vitess.io/vitess/go/vt/proto/vschema"

	"shardform/internal/keyrange"
	"shardform/internal/sandbox/sandboxspec"
)

// seedIfNew makes the sandbox's files unless they are there. topo.sqlite appears last, by a rename, so an interrupted
// seeding leaves none and starts afresh. The caller holds the lock.
func seedIfNew(ctx context.Context, root string, spec sandboxspec.Sandbox, now func() time.Time) error {
	marker := filepath.Join(root, seedingFile)
	if _, err := os.Stat(filepath.Join(root, topoFile)); err == nil {
		return ignoreAbsent(os.Remove(marker))
	}
	if err := clearSeeding(root, marker); err != nil {
		return err
	}
	var folders []string
	for _, ks := range spec.Keyspaces {
		folder := filepath.Join(root, fileName(ks.Name))
		if _, err := os.Stat(folder); err == nil {
			return fmt.Errorf("%s is there, but no %s beside it: this is no sandbox's folder; name another path or move it away", folder, topoFile)
		}
		folders = append(folders, fileName(ks.Name))
	}
	if err := os.WriteFile(marker, []byte(strings.Join(folders, "\n")), 0o644); err != nil {
		return err
	}
	if err := seed(ctx, root, spec, now); err != nil {
		return errors.Join(err, clearSeeding(root, marker))
	}
	return os.Remove(marker)
}

func ignoreAbsent(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// clearSeeding removes what the marker says an interrupted seeding or reset left, then the marker.
func clearSeeding(root, marker string) error {
	text, err := os.ReadFile(marker)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for folder := range strings.SplitSeq(string(text), "\n") {
		if folder = strings.TrimSpace(folder); folder == "" || filepath.Base(folder) != folder {
			continue
		}
		if err := removeShardFiles(filepath.Join(root, folder)); err != nil {
			return err
		}
	}
	return os.Remove(marker)
}

func seed(ctx context.Context, root string, spec sandboxspec.Sandbox, now func() time.Time) error {
	fresh := filepath.Join(root, topoFile+".new")
	if err := removeDatabase(fresh); err != nil {
		return err
	}
	topo, err := openTopology(fresh)
	if err != nil {
		return err
	}
	err = topo.create(ctx)
	for _, ks := range spec.Keyspaces {
		if err == nil {
			err = seedKeyspace(ctx, root, topo, ks, now)
		}
	}
	if err == nil {
		err = topo.db.checkpoint(ctx)
	}
	if err := errors.Join(err, topo.db.close()); err != nil {
		return errors.Join(err, removeDatabase(fresh))
	}
	// What an interrupted reset left of an older file's log must not be read into this one.
	if err := removeDatabase(filepath.Join(root, topoFile)); err != nil {
		return err
	}
	return os.Rename(fresh, filepath.Join(root, topoFile))
}

func seedKeyspace(ctx context.Context, root string, topo *topology, ks sandboxspec.Keyspace, now func() time.Time) error {
	vschema, err := parseVSchema(ks.VSchema)
	if err != nil {
		return fmt.Errorf("keyspace %s: %w", ks.Name, err)
	}
	defs, err := parseSchema(ks.Schema)
	if err != nil {
		return fmt.Errorf("keyspace %s: %w", ks.Name, err)
	}
	err = topo.update(ctx, func(tx topoTx) error {
		if err := tx.put(keyspaceNode(ks.Name), &topodatapb.Keyspace{DurabilityPolicy: "none", SidecarDbName: "_vt"}); err != nil {
			return err
		}
		if err := tx.put(vschemaNode(ks.Name), vschema); err != nil {
			return err
		}
		for _, name := range ks.Shards {
			s, err := tx.createShard(ks.Name, name)
			if err != nil {
				return err
			}
			if err := tx.addTablets(s, now()); err != nil {
				return err
			}
		}
		return tx.rebuildKeyspace(ks.Name)
	})
	if err != nil {
		return fmt.Errorf("keyspace %s: %w", ks.Name, err)
	}
	s := &seeder{ks: ks, vschema: vschema, tables: defs, now: now(), filled: map[string]*filled{}}
	if err := s.run(ctx, root); err != nil {
		return fmt.Errorf("keyspace %s: %w", ks.Name, err)
	}
	return nil
}

// seeder fills the shards of one keyspace.
type seeder struct {
	ks      sandboxspec.Keyspace
	vschema *vschemapb.Keyspace
	tables  []*table
	now     time.Time
	filled  map[string]*filled // by table
	ranges  []keyrange.Range
}

// filled is what a table has been filled with so far, for the rows that refer to it.
type filled struct {
	keys []any // the single key column's values
	last int64 // the highest integer among them
}

func (s *seeder) run(ctx context.Context, root string) (err error) {
	var files []*shardFile
	defer func() {
		for _, f := range files {
			err = errors.Join(err, f.close())
		}
	}()
	for _, name := range s.ks.Shards {
		shard, err := keyrange.ParseShard(name)
		if err != nil {
			return err
		}
		f, err := openShardFile(ctx, root, s.ks.Name, shard.Name)
		if err != nil {
			return err
		}
		files = append(files, f)
		s.ranges = append(s.ranges, shard.Range)
	}
	return s.inAll(ctx, files, func(txs []*sql.Tx) error {
		for i, tx := range txs {
			for _, t := range s.tables {
				if err := files[i].addTable(tx, t); err != nil {
					return err
				}
			}
		}
		for _, load := range s.ks.Loads {
			if err := s.load(txs, load); err != nil {
				return err
			}
		}
		for _, g := range s.ks.Generates {
			if err := s.generate(txs, g); err != nil {
				return err
			}
		}
		return nil
	})
}

// inAll runs f with a transaction in each of the files.
func (s *seeder) inAll(ctx context.Context, files []*shardFile, f func([]*sql.Tx) error) error {
	var nest func(txs []*sql.Tx) error
	nest = func(txs []*sql.Tx) error {
		if len(txs) == len(files) {
			return f(txs)
		}
		return files[len(txs)].change(ctx, func(tx *sql.Tx) error { return nest(append(txs, tx)) })
	}
	return nest(nil)
}

func (s *seeder) table(name string) (*table, error) {
	for _, t := range s.tables {
		if t.Name == name {
			return t, nil
		}
	}
	return nil, fmt.Errorf("table %s is not in the schema", name)
}

// writer inserts rows of one table where they belong.
type writer struct {
	seeder  *seeder
	table   *table
	place   *placement // nil: everything on the only shard
	inserts []*sql.Stmt
	fill    *filled
	key     int // index of the single key column; -1
}

func (s *seeder) writer(txs []*sql.Tx, t *table) (*writer, error) {
	w := &writer{seeder: s, table: t, fill: s.filled[t.Name], key: -1}
	if w.fill == nil {
		w.fill = &filled{}
		s.filled[t.Name] = w.fill
	}
	if key := t.key(); len(key) == 1 {
		for i := range t.Columns {
			if t.Columns[i].Name == key[0] {
				w.key = i
			}
		}
	}
	if len(txs) > 1 {
		var err error
		if w.place, err = placeTable(s.vschema, t); err != nil {
			return nil, fmt.Errorf("cannot place the rows of table %s on %d shards: %w", t.Name, len(txs), err)
		}
	}
	for _, tx := range txs {
		stmt, err := tx.Prepare(fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", quoteName(t.Name), quoteNames(t.names()), marks(len(t.Columns))))
		if err != nil {
			return nil, err
		}
		w.inserts = append(w.inserts, stmt)
	}
	return w, nil
}

func (w *writer) close() {
	for _, stmt := range w.inserts {
		stmt.Close()
	}
}

func (w *writer) add(row []any) error {
	placed := false
	for i, insert := range w.inserts {
		if w.place != nil {
			in, err := w.place.in(row, w.seeder.ranges[i])
			if err != nil {
				return err
			}
			if !in {
				continue
			}
		}
		if _, err := insert.Exec(row...); err != nil {
			return err
		}
		placed = true
	}
	if !placed {
		return errors.New("no shard's range has this row")
	}
	if w.key >= 0 {
		w.fill.keys = append(w.fill.keys, row[w.key])
		if n, ok := row[w.key].(int64); ok {
			w.fill.last = max(w.fill.last, n)
		}
	}
	return nil
}
