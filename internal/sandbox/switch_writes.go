package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/prototext"

	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
)

// switchWrites moves writes to the targets. Up to the journal an error undoes what was done; from there on the switch can
// only be finished, by calling it again.
func (s *trafficSwitch) switchWrites(ctx context.Context) error {
	if s.m.frozen {
		return nil
	}
	if s.req.EnableReverseReplication {
		if err := s.canStreamBack(ctx); err != nil {
			return fmt.Errorf("no tablets were available to stream from in the %s keyspace: %w", s.m.keyspace, err)
		}
	}
	journalled, err := s.journalled(ctx)
	if err != nil {
		return err
	}
	if !journalled {
		if err := s.checkSourceStreams(ctx); err != nil {
			return fmt.Errorf("failed to migrate the workflow streams: %w", err)
		}
	}
	if s.req.DryRun {
		return s.planWrites(ctx, journalled)
	}
	if !journalled {
		if err := s.untilJournal(ctx); err != nil {
			return err
		}
	}
	// From here on the client's patience does not count.
	return s.afterJournal(context.WithoutCancel(ctx))
}

// canStreamBack checks that the targets have tablets that the reverse workflow may read from.
func (s *trafficSwitch) canStreamBack(ctx context.Context) error {
	types := streamableTypes(s.m.streams[0].tabletTypes)
	cells := s.req.Cells
	if len(cells) == 0 && s.m.streams[0].cells != "" {
		cells = strings.Split(s.m.streams[0].cells, ",")
	}
	return s.topo.view(ctx, func(tx topoTx) error {
		for _, t := range s.m.targets {
			found, err := tx.tablets(func(tablet *topodatapb.Tablet) bool {
				return tablet.Keyspace == t.keyspace && tablet.Shard == t.name && slices.Contains(types, tablet.Type) &&
					(len(cells) == 0 || slices.Contains(cells, tablet.Alias.Cell))
			})
			if err != nil {
				return err
			}
			if len(found) == 0 {
				return fmt.Errorf("no tablet found to source data in keyspace %s, shard %s", t.keyspace, t.name)
			}
		}
		return nil
	})
}

func (s *trafficSwitch) journalled(ctx context.Context) (bool, error) {
	var found int
	err := s.topo.view(ctx, func(tx topoTx) error {
		return tx.QueryRow(`SELECT count(*) FROM journal WHERE id = ? AND keyspace = ?`, s.m.id(), s.m.keyspace).Scan(&found)
	})
	return found > 0, err
}

// checkSourceStreams refuses while other workflows write into a source.
func (s *trafficSwitch) checkSourceStreams(ctx context.Context) error {
	return s.topo.view(ctx, func(tx topoTx) error {
		for _, source := range s.m.sources {
			all, err := tx.streams(`keyspace = ? AND shard = ? AND workflow != ? AND message != ?`, source.keyspace, source.name, reverseName(s.m.workflow), frozen)
			if err != nil {
				return err
			}
			for _, other := range all {
				if other.state == stateStopped {
					return fmt.Errorf("cannot migrate until all streams are running: %s: %d", source.name, source.PrimaryAlias.Uid)
				}
			}
			if len(all) > 0 {
				return errSourceHasStreams
			}
		}
		return nil
	})
}

// untilJournal stops writes on the sources, waits for the streams and writes the journal with the reverse streams.
func (s *trafficSwitch) untilJournal(ctx context.Context) error {
	undo := func(message string, err error) error {
		if cancelled := s.cancelSwitch(context.WithoutCancel(ctx)); cancelled != nil {
			err = fmt.Errorf("%w\n\ncancel migration failed, manual cleanup work may be necessary: %w", err, cancelled)
		}
		return fmt.Errorf("%s: %w", message, err)
	}
	bounded, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := s.allowWrites(bounded, s.m.sources, false); err != nil {
		return undo(fmt.Sprintf("failed to stop writes in the %s keyspace", s.m.keyspace), err)
	}
	bounded, cancel = context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := s.drain(bounded); err != nil {
		return undo("failed to sync up replication between the source and target", err)
	}
	if err := s.journal(ctx); err != nil {
		return undo("failed to create the journal", err)
	}
	return nil
}

// allowWrites writes the PRIMARY controls of shards and makes the files follow.
func (s *trafficSwitch) allowWrites(ctx context.Context, shards []*shardInfo, allow bool) error {
	err := s.topo.update(ctx, func(tx topoTx) error {
		return tx.setQueryService(s.m.keyspace, shards, topodatapb.TabletType_PRIMARY, !allow)
	})
	if err != nil {
		return err
	}
	return s.syncModes(ctx)
}

// drain brings every target to the last write of its sources and marks the streams stopped.
func (s *trafficSwitch) drain(ctx context.Context) error {
	if err := s.stopStreams(ctx, streamIDs(s.m.streams)...); err != nil {
		return err
	}
	return onShards(s.m.streams, func(stream *stream) error {
		p, err := s.openPipe(ctx, stream)
		if err != nil {
			return err
		}
		if err := p.locked(func() error { return p.catchUp(ctx) }); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
		return s.topo.update(ctx, func(tx topoTx) error { return tx.setStream(stream, stateStopped, stoppedForCutover, s.now()) })
	})
}

// catchUp follows to the end. A stream that someone stopped is not moved: as on a real server it has to be there already.
func (p *pipe) catchUp(ctx context.Context) error {
	if p.stream.state != stateStopped || p.stream.message == stoppedForCutover {
		return p.follow(ctx)
	}
	live, err := p.engine.live(ctx, []*stream{p.stream})
	if err != nil {
		return err
	}
	pos, err := p.src.position(ctx)
	if err != nil {
		return err
	}
	// A way back that never ran is behind though no row was written: on a real server freezing the way there wrote to the
	// source's own records after this stream's position was taken.
	neverRan := !live[0].found && p.stream.startPos != copyFirst
	if live[0].pos == pos && !neverRan {
		return nil
	}
	return fmt.Errorf("replication has stopped at %v before reaching position %v, message: %s", live[0].position(), gtid(live[0].sourceUUID, pos), p.stream.message)
}

// journal makes the streams that bring changes back, stopped, and the journal: the point of no return. They are one
// transaction.
func (s *trafficSwitch) journal(ctx context.Context) error {
	var sharded bool
	if err := s.topo.view(ctx, func(tx topoTx) error {
		v, err := tx.vschema(s.m.keyspace)
		sharded = v.GetSharded()
		return err
	}); err != nil {
		return err
	}
	at := map[string]int64{}
	for _, t := range s.m.targets {
		f, err := s.file(ctx, t.keyspace, t.name)
		if err != nil {
			return err
		}
		if at[t.name], err = f.position(ctx); err != nil {
			return err
		}
	}
	if err := s.stopReverse(ctx); err != nil {
		return err
	}
	return s.topo.update(ctx, func(tx topoTx) error {
		if err := s.dropReverse(tx); err != nil {
			return err
		}
		for _, forward := range s.m.streams {
			back := s.reverseOf(forward, sharded)
			back.startPos = at[forward.shard]
			if err := tx.addStream(back, s.now()); err != nil {
				return err
			}
		}
		for _, source := range s.m.sources {
			journal := &binlogdatapb.Journal{Id: s.m.id(), MigrationType: binlogdatapb.MigrationType_SHARDS, Tables: []string{"/.*"}}
			for _, t := range s.m.targets {
				journal.ShardGtids = append(journal.ShardGtids, &binlogdatapb.ShardGtid{Keyspace: t.keyspace, Shard: t.name})
			}
			for _, from := range s.m.sources {
				journal.Participants = append(journal.Participants, &binlogdatapb.KeyspaceShard{Keyspace: from.keyspace, Shard: from.name})
			}
			if _, err := tx.Exec(`INSERT INTO journal (id, keyspace, shard, val) VALUES (?, ?, ?, ?)`, s.m.id(), source.keyspace, source.name, prototext.Format(journal)); err != nil {
				return err
			}
		}
		return nil
	})
}

// reverseOf is the stream that brings changes from the target of forward back to its source.
func (s *trafficSwitch) reverseOf(forward *stream, sharded bool) *stream {
	var source *shardInfo
	for _, candidate := range s.m.sources {
		if candidate.name == forward.source.Shard {
			source = candidate
		}
	}
	filter := ""
	if sharded {
		filter = rangeText(source.KeyRange)
	}
	return &stream{
		keyspace: source.keyspace, shard: source.name, workflow: reverseName(s.m.workflow),
		source: &binlogdatapb.BinlogSource{
			Keyspace:   forward.keyspace,
			Shard:      forward.shard,
			TabletType: forward.source.TabletType,
			Filter:     &binlogdatapb.Filter{Rules: []*binlogdatapb.Rule{{Match: "/.*", Filter: filter}}},
			OnDdl:      forward.source.OnDdl,
		},
		cells: forward.cells, tabletTypes: forward.tabletTypes, options: forward.options,
		preference: tabletmanagerdatapb.TabletSelectionPreference_ANY, // the order of the types is not taken over
		state:      stateStopped, timeUpdated: s.now().Unix(),
	}
}

func (s *trafficSwitch) stopReverse(ctx context.Context) error {
	var old []*stream
	if err := s.topo.view(ctx, func(tx topoTx) (err error) {
		old, err = tx.streams(`keyspace = ? AND workflow = ?`, s.m.keyspace, reverseName(s.m.workflow))
		return err
	}); err != nil {
		return err
	}
	return s.stopStreams(ctx, streamIDs(old)...)
}

// dropReverse forgets an earlier reverse workflow on the sources.
func (s *trafficSwitch) dropReverse(tx topoTx) error {
	for _, source := range s.m.sources {
		if err := tx.deleteStreams(`keyspace = ? AND shard = ? AND workflow = ?`, source.keyspace, source.name, reverseName(s.m.workflow)); err != nil {
			return err
		}
		if err := tx.deleteVDiffs(`keyspace = ? AND shard = ? AND workflow = ?`, source.keyspace, source.name, reverseName(s.m.workflow)); err != nil {
			return err
		}
	}
	return nil
}

// cancelSwitch undoes what was done before the journal.
func (s *trafficSwitch) cancelSwitch(ctx context.Context) error {
	errs := []error{s.allowWrites(ctx, s.m.sources, true), s.stopReverse(ctx)}
	errs = append(errs, s.topo.update(ctx, func(tx topoTx) error {
		for _, stream := range s.m.streams {
			if err := tx.setStream(stream, stateRunning, "", s.now()); err != nil {
				return err
			}
		}
		return s.dropReverse(tx)
	}))
	return errors.Join(append(errs, s.startStreams(ctx))...)
}

// afterJournal does what the journal promises; each step may be done again.
func (s *trafficSwitch) afterJournal(ctx context.Context) error {
	if err := s.allowWrites(ctx, s.m.targets, true); err != nil {
		return fmt.Errorf("failed to allow writes in the %s keyspace: %w", s.m.keyspace, err)
	}
	if err := half(ctx); err != nil {
		return err
	}
	var failed []string
	for _, t := range s.m.targets {
		if err := s.refresh(ctx, t); err != nil && !s.req.Force {
			failed = append(failed, err.Error())
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("failed to allow writes in the %s keyspace: %s", s.m.keyspace, strings.Join(failed, ";"))
	}
	if err := s.flip(ctx); err != nil {
		return fmt.Errorf("failed to update the routing rules: %w", err)
	}
	err := s.topo.update(ctx, func(tx topoTx) error {
		if s.req.EnableReverseReplication {
			back, err := tx.streams(`keyspace = ? AND workflow = ?`, s.m.keyspace, reverseName(s.m.workflow))
			if err != nil {
				return err
			}
			for _, stream := range back {
				if err := tx.setStream(stream, stateRunning, "", s.now()); err != nil {
					return err
				}
			}
		}
		for _, stream := range s.m.streams {
			if err := tx.setStream(stream, stateStopped, frozen, s.now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("failed to freeze the workflow in the %s keyspace: %w", s.m.keyspace, err)
	}
	return s.startStreams(ctx)
}

// flip makes the targets the shards that serve.
func (s *trafficSwitch) flip(ctx context.Context) error {
	err := s.topo.update(ctx, func(tx topoTx) error {
		if err := tx.validateSrvKeyspace(s.m.keyspace, nil); err != nil {
			return err
		}
		set := func(shards []*shardInfo, serving bool) error {
			for _, shard := range shards {
				fresh, err := tx.shard(shard.keyspace, shard.name)
				if err != nil {
					return err
				}
				fresh.IsPrimaryServing = serving
				if err := tx.putShard(fresh); err != nil {
					return err
				}
			}
			return nil
		}
		if err := set(s.m.sources, false); err != nil {
			return err
		}
		if err := set(s.m.targets, true); err != nil {
			return err
		}
		return tx.migrateServedType(s.m.keyspace, s.m.targets, s.m.sources, topodatapb.TabletType_PRIMARY)
	})
	if err != nil {
		return err
	}
	return s.syncModes(ctx)
}
