package sandbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
	if err := e.followVSchemas(ctx); err != nil {
		return err
	}
	// A call that ended between recording what is to run and starting it has left it standing.
	return errors.Join(e.startStreams(ctx), e.startVDiffs(ctx))
}

// knownShard is a shard of which there are records or files.
type knownShard struct{ keyspace, shard string }

// removeOrphans removes what is left of shards that the topology no longer has: streams, VDiffs, files.
func (e *engine) removeOrphans(ctx context.Context) error {
	open := e.openShards() // before the topology is read, so that a shard that is made meanwhile is not taken for one that is gone
	var gone []knownShard
	err := e.topo.view(ctx, func(tx topoTx) error {
		left, err := collect(tx.Tx, func(scan func(...any) error) (s knownShard, err error) {
			return s, scan(&s.keyspace, &s.shard)
		}, `SELECT keyspace, shard FROM stream UNION SELECT keyspace, shard FROM vdiff UNION SELECT keyspace, shard FROM journal UNION SELECT keyspace, shard FROM spare`)
		if err != nil {
			return err
		}
		for _, s := range append(left, open...) {
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
	var keyspaces []string
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		keyspaces, err = tx.keyspaces()
		return err
	})
	if err != nil {
		return err
	}
	var files []string // before the shards are read: see removeOrphans
	for _, ks := range keyspaces {
		dir := filepath.Join(e.root, fileName(ks))
		entries, err := os.ReadDir(dir)
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		for _, entry := range entries {
			if strings.HasSuffix(entry.Name(), suffix) {
				files = append(files, filepath.Join(dir, entry.Name()))
			}
		}
	}
	return e.topo.view(ctx, func(tx topoTx) error {
		known := map[string]bool{}
		for _, ks := range keyspaces {
			shards, err := tx.shardNames(ks)
			if err != nil && !isNoNode(err) {
				return err
			}
			for _, s := range shards {
				known[shardPath(e.root, ks, s)] = true
			}
		}
		for _, file := range files {
			if known[file] {
				continue
			}
			if err := removeDatabase(file); err != nil {
				return err
			}
		}
		return nil
	})
}

// followVSchemas has the streams out of a keyspace read its vschema again where that was written since they did. Streams
// that stopped for what the old one lacked go on.
func (e *engine) followVSchemas(ctx context.Context) error {
	changed := map[string]int64{}
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
			if read, known := e.vschemas[ks]; !known {
				e.vschemas[ks] = r.Version
			} else if read != r.Version {
				changed[ks] = r.Version
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(changed) == 0 {
		return nil
	}
	if err := e.restart(ctx, slices.Collect(maps.Keys(changed))); err != nil {
		return err
	}
	maps.Copy(e.vschemas, changed)
	return nil
}

// restart starts the streams again that read from or write to keyspaces, those that failed too.
func (e *engine) restart(ctx context.Context, keyspaces []string) error {
	var running []*stream
	err := e.topo.update(ctx, func(tx topoTx) (err error) {
		if running, err = tx.streams(`state IN (?, ?)`, stateError, stateRunning); err != nil {
			return err
		}
		running = slices.DeleteFunc(running, func(s *stream) bool {
			return !slices.Contains(keyspaces, s.keyspace) && !slices.Contains(keyspaces, s.source.Keyspace)
		})
		for _, s := range running {
			message := s.message
			if s.state == stateError {
				message = ""
			}
			if err := tx.setStream(s, stateRunning, message, e.now()); err != nil {
				return err
			}
		}
		return nil
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
		if err := e.syncMode(ctx, s.keyspace, s.shard); err != nil && !isNoNode(err) { // it may be gone by now
			return fmt.Errorf("shard %s/%s: %w", s.keyspace, s.shard, err)
		}
	}
	return nil
}

// syncMode lets one shard take writes or not, as the topology says.
func (e *engine) syncMode(ctx context.Context, ks, shard string) error {
	e.access.Lock()
	defer e.access.Unlock()
	to := access{mode: modeClosed}
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
			to.mode = modeServing
		}
		to.denied = deniedTables(s)
		return nil
	})
	if err != nil {
		return err
	}
	f, err := e.file(ctx, ks, shard)
	if err != nil {
		return err
	}
	return f.setAccess(ctx, to)
}
