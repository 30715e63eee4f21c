package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"shardform/internal/parallel"
)

// vdiffRun is a VDiff that this process is running.
type vdiffRun struct {
	stop context.CancelFunc
	done chan struct{}
}

// startVDiffs runs the VDiffs that are to run and do not; those that an earlier process began go on behind the last row that it recorded.
func (e *engine) startVDiffs(ctx context.Context) error {
	var all []*vdiff
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		all, err = tx.vdiffs(`state IN (?, ?)`, vdiffPending, vdiffStarted)
		return err
	})
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range all {
		if e.vdiffs[d.id] != nil {
			continue
		}
		ctx, stop := context.WithCancel(e.ctx)
		r := &vdiffRun{stop: stop, done: make(chan struct{})}
		e.vdiffs[d.id] = r
		e.wait.Go(func() error {
			defer close(r.done)
			defer stop()
			e.runVDiff(ctx, d)
			e.mu.Lock()
			delete(e.vdiffs, d.id)
			e.mu.Unlock()
			if ctx.Err() != nil {
				return nil // stopped
			}
			// It may have been resumed between its last record and now.
			if err := e.startVDiffs(ctx); err != nil && ctx.Err() == nil {
				e.log.Error("starting VDiffs", "error", err)
			}
			return nil
		})
	}
	return nil
}

// stopVDiffs ends the runs of the VDiffs that the condition selects and waits for them.
func (e *engine) stopVDiffs(ctx context.Context, where string, args ...any) error {
	var all []*vdiff
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		all, err = tx.vdiffs(where, args...)
		return err
	})
	for _, d := range all {
		e.mu.Lock()
		r := e.vdiffs[d.id]
		e.mu.Unlock()
		if r != nil {
			r.stop()
			<-r.done
		}
	}
	return err
}

func (e *engine) runVDiff(ctx context.Context, d *vdiff) {
	err := parallel.Call(func() error { return e.compare(ctx, d) })
	if ctx.Err() != nil {
		return
	}
	err = e.topo.update(ctx, func(tx topoTx) error {
		if err != nil {
			_, failed := tx.Exec(`UPDATE vdiff SET state = ?, last_error = ? WHERE id = ?`, vdiffError, err.Error(), d.id)
			return failed
		}
		_, err := tx.Exec(`UPDATE vdiff SET state = ?, completed_at = ?, last_error = '' WHERE id = ?`, vdiffCompleted, e.now().Unix(), d.id)
		return err
	})
	if err != nil && ctx.Err() == nil {
		e.log.Error("recording a VDiff", "uuid", d.uuid, "error", err)
	}
}

// snapshot is one consistent state of a shard's file.
type snapshot struct {
	*sql.Tx
	pipe *pipe // how a source's rows get to the target; nil for the target
}

// compare reads both sides as they were at one moment and compares them table by table. The moment is made by bringing
// the target up to a state of each source while the streams are held; then they go on.
func (e *engine) compare(ctx context.Context, d *vdiff) error {
	sources, target, err := e.snapshots(ctx, d)
	defer func() {
		for _, s := range append(sources, target) {
			if s.Tx != nil {
				s.Rollback() // nothing was written
			}
		}
	}()
	if err != nil {
		return err
	}
	all, err := tables(target.Tx)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(t *table) bool { return !d.wantsTable(t.Name) })
	if len(all) == 0 {
		return e.nothingToCompare(ctx, d)
	}
	if err := e.beginVDiff(ctx, d, target, all); err != nil {
		return err
	}
	for _, t := range all {
		var state string
		if err := e.topo.view(ctx, func(tx topoTx) error {
			return tx.QueryRow(`SELECT state FROM vdiff_table WHERE vdiff_id = ? AND table_name = ?`, d.id, t.Name).Scan(&state)
		}); err != nil {
			return err
		}
		if state == vdiffCompleted {
			continue
		}
		if err := e.compareTable(ctx, d, sources, target, t); err != nil {
			return err
		}
	}
	return nil
}

// nothingToCompare is the error of a comparison of tables that are not there. It counts as begun.
func (e *engine) nothingToCompare(ctx context.Context, d *vdiff) error {
	var on *shardInfo
	err := e.topo.update(ctx, func(tx topoTx) (err error) {
		if on, err = tx.shard(d.ks, d.shard); err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE vdiff SET started_at = coalesce(started_at, ?) WHERE id = ?`, e.now().Unix(), d.id)
		return err
	})
	if err != nil {
		return err
	}
	names := d.options.GetCoreOptions().GetTables()
	return fmt.Errorf("buildPlan: no tables found to diff, %s:[%s], on tablet %v", names, strings.ReplaceAll(names, ",", " "), on.PrimaryAlias)
}

func (e *engine) snapshots(ctx context.Context, d *vdiff) (sources []snapshot, target snapshot, err error) {
	var streams []*stream
	err = e.topo.view(ctx, func(tx topoTx) (err error) {
		streams, err = tx.streams(`keyspace = ? AND shard = ? AND workflow = ?`, d.ks, d.shard, d.workflow)
		return err
	})
	if err != nil {
		return nil, target, err
	}
	if len(streams) == 0 {
		return nil, target, fmt.Errorf("no streams found in keyspace %s for %s", d.ks, d.workflow)
	}
	bounded, cancel := context.WithTimeout(ctx, time.Duration(max(1, d.options.GetCoreOptions().GetTimeoutSeconds()))*time.Second)
	defer cancel()
	for _, s := range streams {
		if s.isFrozen() {
			return sources, target, fmt.Errorf("invalid VDiff run: writes have been already been switched for workflow %s.%s", d.ks, d.workflow)
		}
		p, err := e.openPipe(ctx, s)
		if err != nil {
			return sources, target, err
		}
		p.work.Lock()
		defer p.work.Unlock()
		tx, err := p.src.read.BeginTx(ctx, nil)
		if err != nil {
			return sources, target, err
		}
		sources = append(sources, snapshot{Tx: tx, pipe: p})
		if err := p.followTo(bounded, tx); err != nil {
			return sources, target, err
		}
	}
	dst := sources[0].pipe.dst
	if target.Tx, err = dst.read.BeginTx(ctx, nil); err != nil {
		return sources, target, err
	}
	// The first read is what fixes the state that the transaction sees.
	_, err = position(target.Tx)
	return sources, target, err
}

// beginVDiff records that the VDiff runs, and its tables.
func (e *engine) beginVDiff(ctx context.Context, d *vdiff, target snapshot, all []*table) error {
	counts := map[string]int64{}
	for _, t := range all {
		var n int64
		if err := target.QueryRowContext(ctx, "SELECT count(*) FROM "+quoteName(t.Name)).Scan(&n); err != nil {
			return err
		}
		counts[t.Name] = n
	}
	return e.topo.update(ctx, func(tx topoTx) error {
		if _, err := tx.Exec(`UPDATE vdiff SET state = ?, started_at = coalesce(started_at, ?), last_error = '' WHERE id = ?`, vdiffStarted, e.now().Unix(), d.id); err != nil {
			return err
		}
		for _, t := range all {
			if _, err := tx.Exec(`INSERT INTO vdiff_table (vdiff_id, table_name, state, table_rows, rows_compared, mismatch, report) VALUES (?, ?, ?, ?, 0, 0, '{}')
				ON CONFLICT (vdiff_id, table_name) DO UPDATE SET table_rows = excluded.table_rows`, d.id, t.Name, vdiffPending, counts[t.Name]); err != nil {
				return err
			}
		}
		return nil
	})
}

// progressEvery is how many rows are compared between two reports of progress.
const progressEvery = 10_000

func (e *engine) compareTable(ctx context.Context, d *vdiff, sources []snapshot, target snapshot, t *table) error {
	stmts, err := newRowSQL(t)
	if err != nil {
		return err
	}
	report, seen, err := e.soFar(ctx, d, stmts)
	if err != nil {
		return err
	}
	after := seen
	save := func(state string) error {
		return e.topo.update(ctx, func(tx topoTx) error { return tx.saveVDiffTable(d, state, report, seen) })
	}
	if err := save(vdiffStarted); err != nil {
		return err
	}
	var failed error
	var streams []iter.Seq[[]any]
	for _, s := range sources {
		pt := s.pipe.tables[t.Name]
		if pt == nil {
			return fmt.Errorf("table %s is not on the source shard %s", t.Name, s.pipe.stream.source.Shard)
		}
		streams = append(streams, readRows(ctx, s.Tx, stmts, after, pt.place, s.pipe, &failed))
	}
	left, stopLeft := iter.Pull(mergeRows(stmts, streams))
	defer stopLeft()
	right, stopRight := iter.Pull(readRows(ctx, target.Tx, stmts, after, nil, nil, &failed))
	defer stopRight()
	compare := &comparison{vdiff: d, stmts: stmts, report: report}
	src, okS := left()
	dst, okD := right()
	for failed == nil && (okS || okD) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if limit := d.options.GetCoreOptions().GetMaxRows(); limit > 0 && report.ProcessedRows >= limit {
			break
		}
		switch order := compare.order(src, okS, dst, okD); {
		case order < 0:
			compare.extraSource(src)
			seen = stmts.keyOf(src)
			src, okS = left()
		case order > 0:
			compare.extraTarget(dst)
			seen = stmts.keyOf(dst)
			dst, okD = right()
		default:
			compare.both(src, dst)
			seen = stmts.keyOf(src)
			src, okS = left()
			dst, okD = right()
		}
		if report.ProcessedRows%progressEvery == 0 {
			if err := save(vdiffStarted); err != nil {
				return err
			}
		}
	}
	if failed != nil {
		return errors.Join(failed, save(vdiffError))
	}
	return save(vdiffCompleted)
}

// readRows gives a table's rows in the order of the keys, those behind a key if there is one; of a source only those that
// belong on the target.
func readRows(ctx context.Context, tx *sql.Tx, stmts *rowSQL, after []any, place *placement, p *pipe, failed *error) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		query := stmts.scan
		if after != nil {
			query = stmts.after
		}
		rows, err := tx.QueryContext(ctx, query, after...)
		if err != nil {
			*failed = err
			return
		}
		defer rows.Close()
		for rows.Next() {
			row, err := scanRow(rows.Scan, len(stmts.table.Columns))
			in := true
			if err == nil && place != nil {
				in, err = place.in(row, p.to)
			}
			if err != nil {
				*failed = err
				return
			}
			if in && !yield(row) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			*failed = err
		}
	}
}
