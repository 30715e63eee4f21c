package sandbox

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// copyBatch is how many rows of the source one transaction covers.
const copyBatch = 1000

// copy brings the rows that the source has, table by table in the order of the keys, each batch in one transaction with
// its last key. The position from which changes are followed afterwards is taken before the first row is read: whatever
// changes later has an entry beyond it, and following reads such rows as they are then.
func (p *pipe) copy(ctx context.Context, beat func()) error {
	var at progress
	err := p.dst.view(ctx, func(tx *sql.Tx) (err error) {
		at, err = p.stream.progress(tx)
		return err
	})
	if err != nil || at.found && at.copied {
		return err
	}
	if at.copied {
		return p.beginFollowing(ctx, at.pos)
	}
	if !at.found {
		if len(p.tables) == 0 {
			return errNothingToReplicate
		}
		if err := p.beginCopy(ctx); err != nil {
			return err
		}
	}
	var left []string
	err = p.dst.view(ctx, func(tx *sql.Tx) (err error) {
		left, err = collect(tx, func(scan func(...any) error) (string, error) {
			var name string
			return name, scan(&name)
		}, `SELECT tbl FROM _sf_copy_state WHERE stream_id = ? ORDER BY tbl`, p.stream.id)
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range left {
		t := p.tables[name]
		if t == nil {
			return fmt.Errorf("table %s is no longer on the source shard", name)
		}
		for done := false; !done; beat() {
			if err := ctx.Err(); err != nil {
				return err
			}
			if done, err = p.copyBatch(ctx, t); err != nil {
				return err
			}
		}
	}
	return p.dst.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE _sf_stream SET copied = 1 WHERE id = ?`, p.stream.id)
		return err
	})
}

// beginFollowing records that a stream that has nothing to copy has run.
func (p *pipe) beginFollowing(ctx context.Context, pos int64) error {
	return p.dst.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO _sf_stream (id, pos, copied, rows_copied, tx_ts) VALUES (?, ?, 1, 0, 0)`, p.stream.id, pos)
		return err
	})
}

// beginCopy records the position to follow from and the tables to copy.
func (p *pipe) beginCopy(ctx context.Context) error {
	pos, err := p.src.position(ctx)
	if err != nil {
		return err
	}
	return p.dst.update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`INSERT INTO _sf_stream (id, pos, copied, rows_copied, tx_ts) VALUES (?, ?, 0, 0, 0)`, p.stream.id, pos); err != nil {
			return err
		}
		for name := range p.tables {
			if _, err := tx.Exec(`INSERT INTO _sf_copy_state (stream_id, tbl, started) VALUES (?, ?, 0)`, p.stream.id, name); err != nil {
				return err
			}
		}
		return nil
	})
}

// copyBatch copies the next rows of a table and reports whether they were the last.
func (p *pipe) copyBatch(ctx context.Context, t *pipeTable) (bool, error) {
	started, after, err := p.lastKey(ctx, t)
	if err != nil {
		return false, err
	}
	query, args := t.scan, []any(nil)
	if started {
		query, args = t.after, after
	}
	var rows [][]any
	err = p.src.view(ctx, func(tx *sql.Tx) (err error) {
		rows, err = collect(tx, func(scan func(...any) error) ([]any, error) { return scanRow(scan, len(t.table.Columns)) },
			query+fmt.Sprintf(" LIMIT %d", copyBatch), args...)
		return err
	})
	if err != nil {
		return false, err
	}
	done := len(rows) < copyBatch
	var mine [][]any
	for _, row := range rows {
		in, err := t.place.in(row, p.to)
		if err != nil {
			return false, fmt.Errorf("table %s: %w", t.table.Name, err)
		}
		if in {
			mine = append(mine, row)
		}
	}
	err = p.dst.change(ctx, func(tx *sql.Tx) error {
		if err := p.insert(tx, t, slices.Values(mine)); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE _sf_stream SET rows_copied = rows_copied + ? WHERE id = ?`, len(mine), p.stream.id); err != nil {
			return err
		}
		if done {
			_, err := tx.Exec(`DELETE FROM _sf_copy_state WHERE stream_id = ? AND tbl = ?`, p.stream.id, t.table.Name)
			return err
		}
		return p.setLastKey(tx, t, t.keyOf(rows[len(rows)-1]))
	})
	return done, err
}

func (p *pipe) lastKey(ctx context.Context, t *pipeTable) (started bool, key []any, err error) {
	n := len(t.key)
	err = p.dst.view(ctx, func(tx *sql.Tx) error {
		row, err := scanRow(tx.QueryRow(`SELECT started, `+strings.Join(keyNames(n), ", ")+` FROM _sf_copy_state WHERE stream_id = ? AND tbl = ?`, p.stream.id, t.table.Name).Scan, n+1)
		if err == nil {
			started, key = row[0] == int64(1), row[1:]
		}
		return err
	})
	return started, key, err
}

func (p *pipe) setLastKey(tx *sql.Tx, t *pipeTable, key []any) error {
	var set []string
	for _, k := range keyNames(len(key)) {
		set = append(set, k+" = ?")
	}
	_, err := tx.Exec(`UPDATE _sf_copy_state SET started = 1, `+strings.Join(set, ", ")+` WHERE stream_id = ? AND tbl = ?`, append(slices.Clone(key), p.stream.id, t.table.Name)...)
	return err
}
