package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"shardform/internal/sandbox/vtctld"
)

// reconcile does what tablets do when they see that the topology has changed: those of shards that are gone end, and with
// them the shards' rows; streams read a changed vschema; shards take writes or not. All of it can be done again.
func (e *engine) reconcile(ctx context.Context) error {
	e.change.Lock()
	defer e.change.Unlock()
	if err := e.removeOrphans(ctx); err != nil {
		return err
	}
	if err := e.syncModes(ctx); err != nil {
		return err
	}
	return e.followVSchemas(ctx)
}

// knownShard is a shard that something is left of.
type knownShard struct{ keyspace, shard string }

// removeOrphans removes what is left of shards that the topology no longer has: streams, VDiffs, files.
func (e *engine) removeOrphans(ctx context.Context) error {
	var gone []knownShard
	err := e.topo.view(ctx, func(tx topoTx) error {
		left, err := collect(tx.Tx, func(scan func(...any) error) (s knownShard, err error) {
			return s, scan(&s.keyspace, &s.shard)
		}, `SELECT keyspace, shard FROM stream UNION SELECT keyspace, shard FROM vdiff UNION SELECT keyspace, shard FROM journal UNION SELECT keyspace, shard FROM spare`)
		if err != nil {
			return err
		}
		for _, s := range append(left, e.openShards()...) {
			switch _, err := tx.record(shardNode(s.keyspace, s.shard)); {
			case errors.Is(err, vtctld.ErrNoRecord):
				gone = append(gone, s)
			case err != nil:
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range gone {
		if err := e.endShard(ctx, s); err != nil {
			return fmt.Errorf("shard %s/%s: %w", s.keyspace, s.shard, err)
		}
	}
	return e.removeOrphanFiles(ctx)
}

// openShards are the shards whose files are open.
func (e *engine) openShards() []knownShard {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []knownShard
	for _, f := range e.files {
		all = append(all, knownShard{f.keyspace, f.shard})
	}
	return all
}

// endShard ends what runs on a shard and removes its file.
func (e *engine) endShard(ctx context.Context, s knownShard) error {
	const here = `keyspace = ? AND shard = ?`
	var on []*stream
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		on, err = tx.streams(here, s.keyspace, s.shard)
		return err
	})
	if err != nil {
		return err
	}
	if err := e.stopStreams(ctx, streamIDs(on)...); err != nil {
		return err
	}
	if err := e.stopVDiffs(ctx, here, s.keyspace, s.shard); err != nil {
		return err
	}
	err = e.topo.update(ctx, func(tx topoTx) error {
		if err := tx.deleteStreams(here, s.keyspace, s.shard); err != nil {
			return err
		}
		if err := tx.deleteVDiffs(here, s.keyspace, s.shard); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM journal WHERE `+here, s.keyspace, s.shard); err != nil {
			return err
		}
		return tx.usedSpares(s.keyspace, []string{s.shard})
	})
	if err != nil {
		return err
	}
	return e.removeFile(s.keyspace, s.shard)
}

// removeOrphanFiles removes the files of shards that the topology no longer has, where a process died before it did.
func (e *engine) removeOrphanFiles(ctx context.Context) error {
	return e.topo.view(ctx, func(tx topoTx) error {
		names, err := tx.keyspaces()
		if err != nil {
			return err
		}
		for _, ks := range names {
			shards, err := tx.shardNames(ks)
			if err != nil {
				return err
			}
			known := map[string]bool{}
			for _, s := range shards {
				known[fileName(s)+suffix] = true
			}
			folder := filepath.Join(e.root, fileName(ks))
			entries, err := os.ReadDir(folder)
			if err != nil && !os.IsNotExist(err) {
				return err
			}
			for _, entry := range entries {
				name := entry.Name()
				if strings.HasSuffix(name, suffix) && !known[name] {
					if err := removeDatabase(filepath.Join(folder, name)); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

// followVSchemas has the streams out of a keyspace read its vschema again where that was written since they did. Streams
// that stopped for what the old one lacked go on.
func (e *engine) followVSchemas(ctx context.Context) error {
	var changed []string
	err := e.topo.view(ctx, func(tx topoTx) error {
		names, err := tx.keyspaces()
		if err != nil {
			return err
		}
		for _, ks := range names {
			r, err := tx.record(vschemaNode(ks))
			if err != nil && !errors.Is(err, vtctld.ErrNoRecord) {
				return err
			}
			if read, known := e.vschemas[ks]; known && read != r.Version {
				changed = append(changed, ks)
			}
			e.vschemas[ks] = r.Version
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, ks := range changed {
		if err := e.restart(ctx, ks); err != nil {
			return err
		}
	}
	return nil
}

// restart starts a keyspace's streams again, those that failed too.
func (e *engine) restart(ctx context.Context, ks string) error {
	var running []*stream
	err := e.topo.update(ctx, func(tx topoTx) error {
		failed, err := tx.streams(`keyspace = ? AND state = ?`, ks, stateError)
		if err != nil {
			return err
		}
		for _, s := range failed {
			if err := tx.setStream(s, stateRunning, "", e.now()); err != nil {
				return err
			}
		}
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

// syncModes lets every shard take writes or not, as the topology says.
func (e *engine) syncModes(ctx context.Context) error {
	var all []knownShard
	err := e.topo.view(ctx, func(tx topoTx) error {
		names, err := tx.keyspaces()
		if err != nil {
			return err
		}
		for _, ks := range names {
			shards, err := tx.shardNames(ks)
			if err != nil {
				return err
			}
			for _, s := range shards {
				all = append(all, knownShard{ks, s})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := e.syncMode(ctx, s.keyspace, s.shard); err != nil {
			return fmt.Errorf("shard %s/%s: %w", s.keyspace, s.shard, err)
		}
	}
	return nil
}

// syncMode lets one shard take writes or not, as the topology says.
func (e *engine) syncMode(ctx context.Context, ks, shard string) error {
	mode := modeClosed
	err := e.topo.view(ctx, func(tx topoTx) error {
		s, err := tx.shard(ks, shard)
		if err != nil {
			return err
		}
		srv, err := tx.srvKeyspace(ks)
		if err != nil && !isNoNode(err) {
			return err
		}
		if writable(s, srv) {
			mode = modeServing
		}
		return nil
	})
	if err != nil {
		return err
	}
	f, err := e.file(ctx, ks, shard)
	if err != nil {
		return err
	}
	return f.setMode(ctx, mode)
}
