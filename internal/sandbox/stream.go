package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	vschemapb "vitess.io/vitess/go/vt/proto/vschema"

	"shardform/internal/keyrange"
	"shardform/internal/parallel"
)

// pollForChanges is how often a stream asks SQLite whether another process changed its source.
const pollForChanges = 20 * time.Millisecond

// runner runs one stream in this process.
type runner struct {
	stop context.CancelFunc
	done chan struct{}
	beat atomic.Int64 // seconds; when the stream was last seen to be in step or moving
}

// startStreams starts every stream that is to run and does not.
func (e *engine) startStreams(ctx context.Context) error {
	var all []*stream
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		all, err = tx.streams(`state = ?`, stateRunning)
		return err
	})
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range all {
		if r := e.runners[s.id]; r != nil {
			select {
			case <-r.done:
			default:
				continue
			}
		}
		ctx, stop := context.WithCancel(e.ctx)
		r := &runner{stop: stop, done: make(chan struct{})}
		r.beat.Store(s.timeUpdated)
		e.runners[s.id] = r
		e.wait.Go(func() error {
			defer close(r.done)
			defer stop()
			e.run(ctx, s, r)
			return nil
		})
	}
	return nil
}

// stopStreams ends the runners of streams and waits until they are gone. It leaves what the topology says of them.
func (e *engine) stopStreams(ctx context.Context, ids ...int64) error {
	type beat struct{ id, at int64 }
	var beats []beat
	for _, id := range ids {
		e.mu.Lock()
		r := e.runners[id]
		delete(e.runners, id)
		e.mu.Unlock()
		if r != nil {
			r.stop()
			<-r.done
			beats = append(beats, beat{id, r.beat.Load()})
		}
	}
	if len(beats) == 0 {
		return nil
	}
	return e.topo.update(ctx, func(tx topoTx) error {
		for _, b := range beats {
			if _, err := tx.Exec(`UPDATE stream SET time_updated = ? WHERE id = ?`, b.at, b.id); err != nil {
				return err
			}
		}
		return nil
	})
}

// run copies and follows until ctx ends, an error or the end of a copy that was all that was wanted.
func (e *engine) run(ctx context.Context, s *stream, r *runner) {
	state, message := stateStopped, "Stopped after copy."
	err := parallel.Call(func() error { return e.work(ctx, s, r) })
	switch {
	case ctx.Err() != nil:
		return
	case errors.Is(err, errNothingToReplicate):
		message = err.Error()
	case err != nil:
		e.log.Error("stream stopped", "stream", s.String(), "error", err)
		state, message = stateError, err.Error()
	}
	if err := e.topo.update(ctx, func(tx topoTx) error {
		if _, err := tx.Exec(`UPDATE stream SET time_updated = ? WHERE id = ?`, r.beat.Load(), s.id); err != nil {
			return err
		}
		return tx.setStream(s, state, message, e.now())
	}); err != nil && ctx.Err() == nil {
		e.log.Error("recording a stream's state", "stream", s.String(), "error", err)
	}
}

func (e *engine) work(ctx context.Context, s *stream, r *runner) error {
	p, err := e.openPipe(ctx, s)
	if err != nil {
		return err
	}
	if err := p.locked(func() error { return p.copy(ctx, func() { r.beat.Store(e.now().Unix()) }) }); err != nil {
		return err
	}
	if s.source.StopAfterCopy {
		return nil
	}
	watch, err := p.src.read.Conn(ctx)
	if err != nil {
		return err
	}
	defer watch.Close()
	seen := int64(-1)
	for {
		var version int64
		if err := watch.QueryRowContext(ctx, `PRAGMA data_version`).Scan(&version); err != nil {
			return err
		}
		if version != seen {
			err := p.locked(func() error { return p.follow(ctx) })
			switch {
			case isBusy(err):
			case err != nil:
				return err
			default:
				seen = version
				p.prune(ctx)
			}
		}
		if version == seen {
			r.beat.Store(e.now().Unix())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollForChanges):
		}
	}
}

// prune shortens the source's log now and then. That it fails now is no harm: it is tried again.
func (p *pipe) prune(ctx context.Context) {
	if p.followed < pruneAfter {
		return
	}
	p.followed = 0
	if err := p.engine.pruneLog(ctx, p.stream.source.Keyspace, p.stream.source.Shard); err != nil && ctx.Err() == nil {
		p.engine.log.Info("the change log was not pruned", "stream", p.stream.String(), "error", err)
	}
}

// pipe is a stream with its two ends open.
type pipe struct {
	engine   *engine
	stream   *stream
	src, dst *shardFile
	from, to keyrange.Range
	tables   map[string]*pipeTable
	shared   bool // other streams of the workflow write into the same shard
	work     *sync.Mutex
	followed int64 // log entries followed since the source's log was last pruned
}

type pipeTable struct {
	*rowSQL
	place *placement
}

// locked keeps the stream still while f runs: its runner, a switch of traffic and a VDiff take turns.
func (p *pipe) locked(f func() error) error {
	p.work.Lock()
	defer p.work.Unlock()
	return f()
}

// errNothingToReplicate stops a stream whose target has none of the tables when the copy is to begin.
//
//lint:ignore ST1005 the text is the real server's
var errNothingToReplicate = errors.New("There is nothing to replicate")

// openPipe opens a stream's ends. The error of a table that cannot be copied is the stream's error. Tables that the target
// does not have are not copied.
func (e *engine) openPipe(ctx context.Context, s *stream) (*pipe, error) {
	p := &pipe{engine: e, stream: s, tables: map[string]*pipeTable{}, work: e.streamLock(s.id)}
	var vschema *vschemapb.Keyspace
	err := e.topo.view(ctx, func(tx topoTx) error {
		source, err := tx.shard(s.source.Keyspace, s.source.Shard)
		if err != nil {
			return fmt.Errorf("source shard: %w", err)
		}
		target, err := tx.shard(s.keyspace, s.shard)
		if err != nil {
			return fmt.Errorf("target shard: %w", err)
		}
		p.from, p.to = source.keyRange(), target.keyRange()
		siblings, err := tx.streams(`keyspace = ? AND shard = ? AND workflow = ?`, s.keyspace, s.shard, s.workflow)
		if err != nil {
			return err
		}
		p.shared = len(siblings) > 1
		vschema, err = tx.vschema(s.source.Keyspace)
		return err
	})
	if err != nil {
		return nil, err
	}
	if p.src, err = e.file(ctx, s.source.Keyspace, s.source.Shard); err != nil {
		return nil, err
	}
	if p.dst, err = e.file(ctx, s.keyspace, s.shard); err != nil {
		return nil, err
	}
	all, err := p.src.tables(ctx)
	if err != nil {
		return nil, err
	}
	have, err := p.dst.tables(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		if !s.matches(t.Name) || !slices.ContainsFunc(have, func(h *table) bool { return h.Name == t.Name }) {
			continue
		}
		place := &placement{everywhere: true}
		if s.filter(t.Name) != "" {
			if place, err = placeTable(vschema, t); err != nil {
				return nil, err
			}
		}
		stmts, err := newRowSQL(t)
		if err != nil {
			return nil, err
		}
		p.tables[t.Name] = &pipeTable{rowSQL: stmts, place: place}
	}
	return p, nil
}

// filter is the key range that the stream's rule for a table selects; "" is every row.
func (s *stream) filter(t string) string {
	for _, r := range s.source.GetFilter().GetRules() {
		if r.Match == t || r.Match == "/.*" {
			return r.Filter
		}
	}
	return ""
}

func (e *engine) streamLock(id int64) *sync.Mutex {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.streamLocks[id] == nil {
		e.streamLocks[id] = &sync.Mutex{}
	}
	return e.streamLocks[id]
}

// progress is how far a stream is; it stands in the shard that the stream writes to.
type progress struct {
	found      bool
	pos        int64 // of the source's log
	copied     bool
	rowsCopied int64
	txTime     int64 // seconds; when the last change that was followed was made, 0 if none
}

func (s *stream) progress(tx *sql.Tx) (progress, error) {
	p := progress{found: true}
	err := tx.QueryRow(`SELECT pos, copied, rows_copied, tx_ts FROM _sf_stream WHERE id = ?`, s.id).Scan(&p.pos, &p.copied, &p.rowsCopied, &p.txTime)
	if errors.Is(err, sql.ErrNoRows) {
		return progress{pos: s.startPos, copied: s.startPos != copyFirst}, nil
	}
	return p, err
}

// forgetStreams removes what a shard's file has of streams that are gone.
func (f *shardFile) forgetStreams(ctx context.Context, keep []int64) error {
	list := make([]string, len(keep))
	for i, id := range keep {
		list[i] = fmt.Sprint(id)
	}
	in := strings.Join(list, ", ")
	var left int
	err := f.read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM _sf_stream WHERE id NOT IN (`+in+`)) + (SELECT count(*) FROM _sf_copy_state WHERE stream_id NOT IN (`+in+`))`).Scan(&left)
	if err != nil || left == 0 {
		return err
	}
	return f.update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`DELETE FROM _sf_stream WHERE id NOT IN (` + in + `)`); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM _sf_copy_state WHERE stream_id NOT IN (` + in + `)`)
		return err
	})
}
