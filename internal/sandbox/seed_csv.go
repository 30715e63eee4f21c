package sandbox

import (
	"database/sql"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"shardform/internal/sandbox/sandboxspec"
)

// load fills a table from a CSV file. The header names columns, in any order; a column that it does not name takes its
// default. NULL and \N stand for NULL, as does an empty field of a column that is no text and may be NULL.
func (s *seeder) load(txs []*sql.Tx, l sandboxspec.Load) error {
	t, err := s.table(l.Table)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	f, err := os.Open(l.CSV)
	if err != nil {
		return fmt.Errorf("load %s: %w", l.Table, err)
	}
	defer f.Close()
	w, err := s.writer(txs, t)
	if err != nil {
		return err
	}
	defer w.close()
	r := sandboxspec.Rows(f)
	header, err := r.Read()
	if err != nil {
		return fmt.Errorf("%s:1: the header that names columns: %w", l.CSV, err)
	}
	at, err := matchHeader(t, header)
	if err != nil {
		return fmt.Errorf("%s:1: %w", l.CSV, err)
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			var p *csv.ParseError
			if errors.As(err, &p) {
				return fmt.Errorf("%s:%d: %w", l.CSV, p.Line, p.Err)
			}
			return fmt.Errorf("%s: %w", l.CSV, err)
		}
		line, _ := r.FieldPos(0)
		row, err := w.parse(record, at)
		if err == nil {
			err = w.add(row)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", l.CSV, line, err)
		}
	}
}

// matchHeader gives for each column of t which field has it, -1 if none.
func matchHeader(t *table, header []string) ([]int, error) {
	at := make([]int, len(t.Columns))
	for i := range at {
		at[i] = -1
	}
	for field, name := range header {
		name = strings.TrimSpace(name)
		found := false
		for i := range t.Columns {
			if strings.EqualFold(t.Columns[i].Name, name) {
				if at[i] >= 0 {
					return nil, fmt.Errorf("the header names column %s twice", name)
				}
				at[i], found = field, true
			}
		}
		if !found {
			return nil, fmt.Errorf("table %s has no column %q; it has %s", t.Name, name, strings.Join(t.names(), ", "))
		}
	}
	return at, nil
}

func (w *writer) parse(record []string, at []int) ([]any, error) {
	row := make([]any, len(at))
	for i, field := range at {
		c := &w.table.Columns[i]
		var err error
		if field < 0 {
			row[i], err = w.defaultFor(c)
		} else {
			row[i], err = parseField(c, record[field])
		}
		if err != nil {
			return nil, err
		}
	}
	return row, nil
}

func (w *writer) defaultFor(c *column) (any, error) {
	switch {
	case c.AutoIncr:
		return w.fill.last + 1, nil
	case c.Default != "" && !strings.EqualFold(c.Default, "NULL"):
		return evaluateDefault(c, w.seeder.now)
	case !c.NotNull:
		return nil, nil
	}
	return nil, fmt.Errorf("column %s has neither a value nor a default", c.Name)
}

// timeFormat is how the sandbox writes times: as SQLite's and MySQL's functions do.
const timeFormat = "2006-01-02 15:04:05"

func evaluateDefault(c *column, now time.Time) (any, error) {
	text, err := sqliteDefault(c.Default)
	if err != nil {
		return nil, err
	}
	if text == "CURRENT_TIMESTAMP" {
		return now.UTC().Format(timeFormat), nil
	}
	if quoted, ok := strings.CutPrefix(text, "'"); ok {
		text = strings.ReplaceAll(strings.TrimSuffix(quoted, "'"), "''", "'")
	}
	return parseField(c, text)
}

// parseField turns a text into the value that SQLite keeps for a column.
func parseField(c *column, text string) (any, error) {
	kind := c.affinity()
	plain := kind == "TEXT" && strings.Contains(c.baseType(), "char") || strings.Contains(c.baseType(), "text") || kind == "BLOB"
	if text == "NULL" || text == `\N` || text == "" && !plain {
		if c.NotNull {
			return nil, fmt.Errorf("column %s may not be NULL", c.Name)
		}
		return nil, nil
	}
	switch kind {
	case "INTEGER":
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("column %s (%s) cannot hold %q: it takes integers from %d to %d", c.Name, c.Type, text, minInteger(c), int64(1<<63-1))
		}
		if n < minInteger(c) {
			return nil, fmt.Errorf("column %s (%s) cannot hold %d", c.Name, c.Type, n)
		}
		return n, nil
	case "REAL", "NUMERIC":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && kind == "NUMERIC" {
			return n, nil
		}
		x, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			return nil, fmt.Errorf("column %s (%s) cannot hold %q: it takes numbers", c.Name, c.Type, text)
		}
		return x, nil
	case "BLOB":
		if digits, ok := strings.CutPrefix(text, "0x"); ok {
			if b, err := hex.DecodeString(digits); err == nil {
				return b, nil
			}
		}
		return []byte(text), nil
	}
	return text, nil
}

func minInteger(c *column) int64 {
	if c.unsigned() {
		return 0
	}
	return -1 << 63
}
