package sandbox

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
)

// TableRows is how many rows a table has on a shard.
type TableRows struct {
	Keyspace string `json:"keyspace"`
	Shard    string `json:"shard"`
	Table    string `json:"table"`
	Rows     int64  `json:"rows"`
	Serving  bool   `json:"serving"` // whether the shard's primary serves
}

// Rows counts the rows of every table on every shard, serving or not, in the order of keyspace, key range and table. It
// reads the files themselves, whoever serves the sandbox.
func (c *Cluster) Rows(ctx context.Context) ([]TableRows, error) {
	db, err := openExisting(filepath.Join(c.root, topoFile))
	if err != nil {
		return nil, err
	}
	defer db.close()
	topo := &topology{db: db}
	all := []TableRows{}
	err = topo.view(ctx, func(tx topoTx) error {
		names, err := tx.keyspaces()
		if err != nil {
			return err
		}
		for _, ks := range names {
			shards, err := tx.shards(ks)
			if err != nil {
				return err
			}
			for _, s := range shards {
				counted, err := countRows(ctx, c.root, s)
				if err != nil {
					return fmt.Errorf("shard %v: %w", s, err)
				}
				all = append(all, counted...)
			}
		}
		return nil
	})
	return all, err
}

func countRows(ctx context.Context, root string, s *shardInfo) ([]TableRows, error) {
	path := shardPath(root, s.keyspace, s.name)
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return nil, nil // a shard that was just made or is just being removed has no file
	}
	db, err := openExisting(path)
	if err != nil {
		return nil, err
	}
	defer db.close()
	var counted []TableRows
	err = db.view(ctx, func(tx *sql.Tx) error {
		all, err := tables(tx)
		if err != nil {
			return err
		}
		for _, t := range all {
			row := TableRows{Keyspace: s.keyspace, Shard: s.name, Table: t.Name, Serving: s.IsPrimaryServing}
			if err := tx.QueryRow("SELECT count(*) FROM " + quoteName(t.Name)).Scan(&row.Rows); err != nil {
				return err
			}
			counted = append(counted, row)
		}
		return nil
	})
	return counted, err
}
