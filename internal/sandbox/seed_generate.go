package sandbox

import (
	"database/sql"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"shardform/internal/sandbox/sandboxspec"
)

// generate fills a table with rows made from its columns' names and types: the same ones every time. Columns of keys
// count on, so that keys stay unique; a column such as customer_id takes ids that table customer has.
func (s *seeder) generate(txs []*sql.Tx, g sandboxspec.Generate) error {
	t, err := s.table(g.Table)
	if err != nil {
		return fmt.Errorf("generate: %w", err)
	}
	w, err := s.writer(txs, t)
	if err != nil {
		return err
	}
	defer w.close()
	makers := s.makers(t)
	first := w.fill.last + 1
	for n := first; n < first+int64(g.Rows); n++ {
		row := make([]any, len(makers))
		for i, m := range makers {
			row[i] = m(n)
		}
		if err := w.add(row); err != nil {
			return fmt.Errorf("generate %s, row %d: %w", g.Table, n-first+1, err)
		}
	}
	return nil
}

// maker makes the value of one column in the nth row.
type maker func(n int64) any

func (s *seeder) makers(t *table) []maker {
	unique := map[string]bool{}
	// One column of each unique key counts: the last one that refers to no other table.
	pick := func(columns []string) {
		if slices.ContainsFunc(columns, func(c string) bool { return unique[c] }) {
			return
		}
		for _, c := range slices.Backward(columns) {
			if s.referred(t, t.column(c)) == nil {
				unique[c] = true
				return
			}
		}
		unique[columns[len(columns)-1]] = true
	}
	if len(t.PrimaryKey) > 0 {
		pick(t.PrimaryKey)
	}
	for _, ix := range t.Indexes {
		if ix.Unique {
			pick(ix.Columns)
		}
	}
	makers := make([]maker, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		ids := s.referred(t, c)
		if ids != nil && !unique[c.Name] {
			makers[i] = func(n int64) any { return ids[scatter(c.Name, n)%uint64(len(ids))] }
			continue
		}
		makers[i] = func(n int64) any { return value(c, n, unique[c.Name]) }
	}
	return makers
}

// referred are the keys of the table that the column's name refers to, nil if none.
func (s *seeder) referred(t *table, c *column) []any {
	name, ok := strings.CutSuffix(strings.ToLower(c.Name), "_id")
	if !ok {
		return nil
	}
	for _, other := range s.tables {
		f := s.filled[other.Name]
		if other != t && f != nil && len(f.keys) > 0 && slices.Contains([]string{name, name + "s", name + "es"}, strings.ToLower(other.Name)) {
			return f.keys
		}
	}
	return nil
}

// scatter is a number that looks random and is the same every time.
func scatter(seed string, n int64) uint64 {
	return xxhash.Sum64(binary.BigEndian.AppendUint64([]byte(seed), uint64(n)))
}

// integerSpan is how many values of an integer type are used for columns that need not be unique.
var integerSpan = map[string]uint64{"tinyint": 100, "smallint": 10000, "bool": 2, "boolean": 2, "bit": 2}

func value(c *column, n int64, unique bool) any {
	base := c.baseType()
	roll := scatter(c.Name, n)
	day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(roll%(730*24*3600)) * time.Second)
	if unique {
		day = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Second)
	}
	switch {
	case base == "year":
		return int64(2000 + roll%30)
	case c.affinity() == "INTEGER" && unique:
		return n
	case c.affinity() == "INTEGER" && c.Type == "tinyint(1)":
		return int64(roll % 2)
	case c.affinity() == "INTEGER":
		span := integerSpan[base]
		if span == 0 {
			span = 1_000_000
		}
		return int64(roll % span)
	case c.affinity() == "REAL":
		return float64(roll%1_000_000) / 100
	case c.affinity() == "NUMERIC":
		return float64(roll%100_000) / 100
	case c.affinity() == "BLOB":
		return fit(binary.BigEndian.AppendUint64(nil, uint64(n)), c)
	case base == "date":
		return day.Format(time.DateOnly)
	case base == "time":
		return day.Format(time.TimeOnly)
	case base == "datetime", base == "timestamp":
		return day.Format(timeFormat)
	case base == "json":
		return fmt.Sprintf(`{"n": %d}`, n)
	case base == "enum", base == "set":
		if options := enumOptions(c.Type); len(options) > 0 {
			return options[roll%uint64(len(options))]
		}
	case base == "uuid":
		return fmt.Sprintf("00000000-0000-4000-8000-%012x", n)
	case strings.Contains(strings.ToLower(c.Name), "email"):
		return string(fit([]byte(fmt.Sprintf("%s%d@example.com", c.Name, n)), c))
	}
	return string(fit([]byte(fmt.Sprintf("%s %d", c.Name, n)), c))
}

// fit keeps the end of a value that is longer than its column: that is where rows differ.
func fit(b []byte, c *column) []byte {
	_, args, _ := strings.Cut(c.Type, "(")
	length, err := strconv.Atoi(strings.TrimRight(args, ") abcdefghijklmnopqrstuvwxyz"))
	if err != nil {
		return b
	}
	return b[max(0, len(b)-length):]
}

func enumOptions(kind string) []string {
	tokens, err := lex(kind)
	if err != nil {
		return nil
	}
	var options []string
	for _, t := range tokens {
		if t.kind == tokenText {
			options = append(options, t.text)
		}
	}
	return options
}
