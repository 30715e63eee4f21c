package sandbox

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// change is one log entry: a key that was changed in some way.
type change struct {
	table string
	key   []any
}

// follow brings the target to what the source is now, and records that with it in one transaction.
func (p *pipe) follow(ctx context.Context) error {
	return p.src.view(ctx, func(tx *sql.Tx) error { return p.followTo(ctx, tx) })
}

// followTo brings the target to the state of the source that the transaction src sees. Every key that was changed since
// the last position is first removed from the target and then, if the source has it, written as it is: so rows that
// swapped a unique value do not get into each other's way.
func (p *pipe) followTo(ctx context.Context, src *sql.Tx) error {
	pos, err := position(src)
	if err != nil {
		return err
	}
	var at progress
	err = p.dst.view(ctx, func(tx *sql.Tx) (err error) {
		at, err = p.stream.progress(tx)
		return err
	})
	if err != nil || at.pos == pos {
		return err
	}
	if !at.copied {
		return fmt.Errorf("%v has not finished copying", p.stream)
	}
	changes, txTime, err := p.changes(src, at.pos)
	if err != nil {
		return err
	}
	err = p.dst.change(ctx, func(tx *sql.Tx) error {
		for name, keys := range changes {
			if err := p.apply(src, tx, p.tables[name], keys); err != nil {
				return err
			}
		}
		_, err := tx.Exec(`INSERT INTO _sf_stream (id, pos, copied, rows_copied, tx_ts) VALUES (?, ?, 1, 0, ?)
			ON CONFLICT (id) DO UPDATE SET pos = excluded.pos, tx_ts = max(tx_ts, excluded.tx_ts)`, p.stream.id, pos, txTime)
		return err
	})
	if err != nil {
		return err
	}
	p.followed += pos - max(at.pos, 0)
	return nil
}

// changes are the keys that were changed after a position, each once, and when the last of them was.
func (p *pipe) changes(src *sql.Tx, after int64) (map[string][][]any, int64, error) {
	all, err := collect(src, func(scan func(...any) error) (change, error) {
		row, err := scanRow(scan, 1+maxKeyColumns)
		if err != nil {
			return change{}, err
		}
		name, _ := row[0].(string)
		return change{name, row[1:]}, nil
	}, `SELECT DISTINCT tbl, `+strings.Join(keyNames(maxKeyColumns), ", ")+` FROM _sf_log WHERE seq > ?`, after)
	if err != nil {
		return nil, 0, err
	}
	byTable := map[string][][]any{}
	for _, c := range all {
		if t := p.tables[c.table]; t != nil {
			byTable[c.table] = append(byTable[c.table], c.key[:len(t.key)])
		}
	}
	var last sql.NullInt64
	err = src.QueryRow(`SELECT max(ts) FROM _sf_log WHERE seq > ?`, after).Scan(&last)
	return byTable, last.Int64, err
}

// apply makes the target's rows of the keys what the source's are.
func (p *pipe) apply(src, dst *sql.Tx, t *pipeTable, keys [][]any) error {
	fetchSrc, err := src.Prepare(t.fetch)
	if err != nil {
		return err
	}
	defer fetchSrc.Close()
	fetchDst, err := dst.Prepare(t.fetch)
	if err != nil {
		return err
	}
	defer fetchDst.Close()
	remove, err := dst.Prepare(t.delete)
	if err != nil {
		return err
	}
	defer remove.Close()
	for _, key := range keys {
		if p.shared && !t.place.everywhere {
			// Where shards merge, a row of the same key that another source brought is not this stream's to remove.
			row, err := t.one(fetchDst, key)
			if err != nil {
				return err
			}
			if row != nil {
				if in, err := t.place.in(row, p.from); err != nil || !in {
					continue
				}
			}
		}
		if _, err := remove.Exec(key...); err != nil {
			return err
		}
	}
	var failed error
	rows := func(yield func([]any) bool) {
		for _, key := range keys {
			row, err := t.one(fetchSrc, key)
			in := false
			if err == nil && row != nil {
				in, err = t.place.in(row, p.to)
			}
			if err != nil {
				failed = fmt.Errorf("table %s: %w", t.table.Name, err)
				return
			}
			if in && !yield(row) {
				return
			}
		}
	}
	if err := p.insert(dst, t, rows); err != nil {
		return err
	}
	return failed
}

// insert writes rows that the target does not have. Rows of reference tables come from every source alike.
func (p *pipe) insert(tx *sql.Tx, t *pipeTable, rows iter.Seq[[]any]) error {
	query := t.rowSQL.insert
	if t.place.everywhere && p.shared {
		query = "INSERT OR REPLACE" + strings.TrimPrefix(query, "INSERT")
	}
	stmt, err := tx.Prepare(query)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for row := range rows {
		if _, err := stmt.Exec(row...); err != nil {
			return t.duplicate(tx, row, err)
		}
	}
	return nil
}

// duplicate is MySQL's error for a row that was not inserted because another has the values of one of its unique keys, the
// primary one first. An error for another reason is returned as it is.
func (s *rowSQL) duplicate(tx *sql.Tx, row []any, err error) error {
	if !isDuplicate(err) {
		return err
	}
	keys := []index{{Name: "PRIMARY", Columns: s.table.PrimaryKey}}
	for _, key := range append(keys, s.table.Indexes...) {
		if key.Name != "PRIMARY" && !key.Unique || len(key.Columns) == 0 {
			continue
		}
		var equal []string
		var values []any
		for _, name := range key.Columns {
			i := slices.IndexFunc(s.table.Columns, func(c column) bool { return strings.EqualFold(c.Name, name) })
			equal, values = append(equal, quoteName(name)+" = ?"), append(values, row[i])
		}
		var taken int
		if err := tx.QueryRow(fmt.Sprintf("SELECT count(*) FROM %s WHERE %s", quoteName(s.table.Name), strings.Join(equal, " AND ")), values...).Scan(&taken); err != nil {
			return err
		}
		if taken > 0 {
			//lint:ignore ST1005 the text is the real server's
			return fmt.Errorf("Duplicate entry '%s' for key '%s.%s' (errno 1062) (sqlstate 23000): %w", joinKey(values), s.table.Name, key.Name, err)
		}
	}
	return err
}

// joinKey spells a key as MySQL's errors do.
func joinKey(key []any) string {
	parts := make([]string, len(key))
	for i, v := range key {
		parts[i] = text(v)
	}
	return strings.Join(parts, "-")
}

// text is a value as MySQL's text protocol would send it.
func text(v any) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case nil:
		return ""
	}
	return fmt.Sprint(v)
}
