package sandbox

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"

	"shardform/internal/keyrange"
)

// makeSpares makes the shards that are wanted and absent, and gives tablets to those that have none. Names are compared
// as ranges: where there is a shard 0, a shard - is not missing. Keyspaces that the sandbox does not have are passed over.
// It needs no engine, so that a process that is not the holder can ask for shards too.
func (t *topology) makeSpares(ctx context.Context, spare map[string][]string, now time.Time) error {
	for _, ks := range slices.Sorted(maps.Keys(spare)) { // in order, so that equal descriptions give equal tablets
		names := spare[ks]
		var missing []string
		err := t.view(ctx, func(tx topoTx) (err error) {
			missing, err = tx.missingSpares(ks, names)
			return err
		})
		if err != nil {
			return err
		}
		if len(missing) == 0 {
			continue
		}
		err = t.update(ctx, func(tx topoTx) error {
			missing, err := tx.missingSpares(ks, names)
			if err != nil {
				return err
			}
			for _, name := range missing {
				if err := tx.makeSpare(ks, name, now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// missingSpares are the names of which the keyspace has no shard, or one without a primary.
func (tx topoTx) missingSpares(ks string, names []string) ([]string, error) {
	all, err := tx.shards(ks)
	if isNoNode(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range names {
		kr, err := parseShardName(name)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(all, func(s *shardInfo) bool { return sameRange(s.KeyRange, kr) && s.PrimaryAlias != nil }) {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

func (tx topoTx) makeSpare(ks, name string, now time.Time) error {
	shard, err := keyrange.ParseShard(name)
	if err != nil {
		return err
	}
	name = shard.Name // in lower case
	s, err := tx.shard(ks, name)
	if isNoNode(err) {
		if s, err = tx.createShard(ks, name); err == nil {
			// A shard that no layout serves from yet never serves by itself.
			s.IsPrimaryServing = false
			_, err = tx.Exec(`INSERT INTO spare (keyspace, shard) VALUES (?, ?)`, ks, name)
		}
	}
	if err != nil {
		return err
	}
	return tx.addTablets(s, now)
}

// usedSpares says that shards are no longer there for being wanted only: they stay until somebody deletes them.
func (tx topoTx) usedSpares(ks string, shards []string) error {
	for _, name := range shards {
		if _, err := tx.Exec(`DELETE FROM spare WHERE keyspace = ? AND shard = ?`, ks, name); err != nil {
			return err
		}
	}
	return nil
}

// dropSpares removes the shards that were made as spares and never used, but for those that keep wants. Only a process
// that has the sandbox alone may do so: others may be about to use them.
func (e *engine) dropSpares(ctx context.Context, keep map[string][]string) error {
	e.change.Lock()
	defer e.change.Unlock()
	var unused []*shardInfo
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		unused, err = tx.unusedSpares(keep)
		return err
	})
	if err != nil {
		return err
	}
	gone := map[string]*shardInfo{}
	for _, s := range unused {
		empty, err := e.holdsNothing(ctx, s)
		if err != nil {
			return err
		}
		if empty {
			gone[s.String()] = s
		}
	}
	if len(gone) == 0 {
		return nil
	}
	if err := e.topo.update(ctx, func(tx topoTx) error { return tx.removeSpares(gone) }); err != nil {
		return err
	}
	for _, s := range gone {
		if err := e.removeFile(s.keyspace, s.name); err != nil {
			return err
		}
	}
	return nil
}

// removeSpares removes shards that nothing was ever made of, by keyspace/shard. The next ones get the same tablets, so that
// equal plans stay equal.
func (tx topoTx) removeSpares(gone map[string]*shardInfo) error {
	tablets, err := tx.tablets(func(t *topodatapb.Tablet) bool { return gone[t.Keyspace+"/"+t.Shard] != nil })
	if err != nil {
		return err
	}
	for _, t := range tablets {
		if err := tx.remove(tabletNode(aliasText(t.Alias))); err != nil {
			return err
		}
	}
	byUID := slices.SortedFunc(maps.Values(gone), func(a, b *shardInfo) int { return cmp.Compare(b.PrimaryAlias.GetUid(), a.PrimaryAlias.GetUid()) })
	for _, s := range byUID {
		if err := tx.remove(shardNode(s.keyspace, s.name)); err != nil {
			return err
		}
		if err := tx.usedSpares(s.keyspace, []string{s.name}); err != nil {
			return err
		}
		uid := s.PrimaryAlias.GetUid()
		if _, err := tx.Exec(`UPDATE meta SET value = ? WHERE key = 'next_uid' AND value = ?`, uid, uid+uidsPerShard); err != nil {
			return err
		}
	}
	return nil
}

// unusedSpares are the spares that keep does not want and that serve nothing.
func (tx topoTx) unusedSpares(keep map[string][]string) ([]*shardInfo, error) {
	type spare struct{ keyspace, shard string }
	all, err := collect(tx.Tx, func(scan func(...any) error) (s spare, err error) {
		return s, scan(&s.keyspace, &s.shard)
	}, `SELECT keyspace, shard FROM spare`)
	if err != nil {
		return nil, err
	}
	graphs := map[string]*topodatapb.SrvKeyspace{}
	var unused []*shardInfo
	for _, name := range all {
		s, err := tx.shard(name.keyspace, name.shard)
		if err != nil {
			return nil, err
		}
		srv, read := graphs[name.keyspace]
		if !read {
			if srv, err = tx.srvKeyspace(name.keyspace); err != nil && !isNoNode(err) {
				return nil, err
			}
			graphs[name.keyspace] = srv
		}
		wanted := slices.ContainsFunc(keep[name.keyspace], func(k string) bool {
			kr, err := parseShardName(k)
			return err != nil || sameRange(s.KeyRange, kr)
		})
		if !wanted && !s.IsPrimaryServing && len(servingTypes(srv, s.name)) == 0 {
			unused = append(unused, s)
		}
	}
	return unused, nil
}

// holdsNothing reports whether a shard has no tables, neither of ours nor of others.
func (e *engine) holdsNothing(ctx context.Context, s *shardInfo) (bool, error) {
	f, err := e.file(ctx, s.keyspace, s.name)
	if err != nil {
		return false, err
	}
	var tables int
	err = f.read.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '_sf_*' AND name NOT GLOB 'sqlite_*'`).Scan(&tables)
	return tables == 0, err
}
