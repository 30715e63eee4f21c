package sandbox

import (
	"database/sql"
	"fmt"
	"strings"

	vschemapb "vitess.io/vitess/go/vt/proto/vschema"

	"shardform/internal/keyrange"
)

// rowSQL are the statements with which rows of one table are read and written.
type rowSQL struct {
	table  *table
	key    []int // indexes of the key's columns
	scan   string
	after  string // scan beyond a key
	fetch  string // one row by key
	delete string
	insert string
}

func newRowSQL(t *table) (*rowSQL, error) {
	key := t.key()
	if key == nil {
		return nil, fmt.Errorf("table %s has no primary key: the sandbox copies only tables that have one", t.Name)
	}
	s := &rowSQL{table: t}
	var equal []string
	for _, k := range key {
		for i, c := range t.Columns {
			if c.Name == k {
				s.key = append(s.key, i)
			}
		}
		equal = append(equal, quoteName(k)+" = ?")
	}
	name, columns, keys := quoteName(t.Name), quoteNames(t.names()), quoteNames(key)
	where := " WHERE " + strings.Join(equal, " AND ")
	s.scan = fmt.Sprintf("SELECT %s FROM %s ORDER BY %s", columns, name, keys)
	s.after = fmt.Sprintf("SELECT %s FROM %s WHERE (%s) > (%s) ORDER BY %s", columns, name, keys, marks(len(key)), keys)
	s.fetch = fmt.Sprintf("SELECT %s FROM %s%s", columns, name, where)
	s.delete = fmt.Sprintf("DELETE FROM %s%s", name, where)
	s.insert = fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", name, columns, marks(len(t.Columns)))
	return s, nil
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// keyOf are the key's values in a row.
func (s *rowSQL) keyOf(row []any) []any {
	key := make([]any, len(s.key))
	for i, at := range s.key {
		key[i] = row[at]
	}
	return key
}

// scanRow reads the current row of rows, each value as SQLite has it: nil, int64, float64, string or []byte.
func scanRow(scan func(...any) error, n int) ([]any, error) {
	row := make([]any, n)
	into := make([]any, n)
	for i := range row {
		into[i] = &row[i]
	}
	return row, scan(into...)
}

// one reads the row of a key, nil if there is none.
func (s *rowSQL) one(stmt *sql.Stmt, key []any) ([]any, error) {
	row, err := scanRow(stmt.QueryRow(key...).Scan, len(s.table.Columns))
	if err == sql.ErrNoRows {
		return nil, nil
	}
	return row, err
}

// placement tells on which shard a table's rows belong.
type placement struct {
	everywhere bool // reference tables: every row on every shard
	column     int
	vindex     keyrange.Vindex
}

// errNotInVSchema is what a real stream says of a table that the vschema does not have.
func errNotInVSchema(table string) error { return fmt.Errorf("table %s not found", table) }

// placeTable finds how the vschema places a table's rows: by its first column vindex.
func placeTable(v *vschemapb.Keyspace, t *table) (*placement, error) {
	vt := v.GetTables()[t.Name]
	if vt == nil {
		return nil, errNotInVSchema(t.Name)
	}
	if vt.Type == "reference" {
		return &placement{everywhere: true}, nil
	}
	if len(vt.ColumnVindexes) == 0 {
		return nil, fmt.Errorf("table %s has no vindex", t.Name)
	}
	cv := vt.ColumnVindexes[0]
	name := cv.Column
	if name == "" && len(cv.Columns) > 0 {
		name = cv.Columns[0]
	}
	def := v.Vindexes[cv.Name]
	if def == nil {
		return nil, fmt.Errorf("vindex %s not found for table %s", cv.Name, t.Name)
	}
	vindex, err := keyrange.NewVindex(def.Type)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.Name, err)
	}
	for i := range t.Columns {
		if strings.EqualFold(t.Columns[i].Name, name) {
			return &placement{column: i, vindex: vindex}, nil
		}
	}
	return nil, fmt.Errorf("column %s of vindex %s not found in table %s", name, cv.Name, t.Name)
}

// in reports whether a row belongs into a range of keyspace ids.
func (p *placement) in(row []any, r keyrange.Range) (bool, error) {
	if p.everywhere {
		return true, nil
	}
	id, err := p.vindex.Map(row[p.column])
	if err != nil {
		return false, err
	}
	return r.Contains(id), nil
}
