package sandbox

import (
	"context"
	"database/sql"
	"slices"
	"time"
)

// pruneAfter is how many followed entries make a shard's log worth pruning.
const pruneAfter = 20_000

// pruneLog forgets the changes of a shard that every stream has followed. It gives way to whoever writes to the shard.
func (e *engine) pruneLog(ctx context.Context, ks, shard string) error {
	var all []*stream
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		all, err = tx.streams(`message != ?`, frozen)
		return err
	})
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(s *stream) bool { return s.source.Keyspace != ks || s.source.Shard != shard })
	streams, err := e.live(ctx, all)
	if err != nil {
		return err
	}
	f, err := e.file(ctx, ks, shard)
	if err != nil {
		return err
	}
	last, err := f.position(ctx)
	if err != nil {
		return err
	}
	for _, s := range streams {
		if s.position() != "" {
			last = min(last, s.pos)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return f.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`DELETE FROM _sf_log WHERE seq <= ?`, last)
		return err
	})
}
