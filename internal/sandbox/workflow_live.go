package sandbox

import (
	"database/sql"
	"fmt"
	"strings"

	querypb "vitess.io/vitess/go/vt/proto/query"
)

// read fills in what the target shard's file has of the stream.
func (s *liveStream) read(tx *sql.Tx) error {
	var err error
	if s.progress, err = s.stream.progress(tx); err != nil {
		return err
	}
	all, err := tables(tx)
	if err != nil {
		return err
	}
	keys := map[string][]string{}
	for _, t := range all {
		keys[t.Name] = t.key()
	}
	s.copying, err = collect(tx, func(scan func(...any) error) (copyState, error) {
		row, err := scanRow(scan, 2+maxKeyColumns)
		if err != nil {
			return copyState{}, err
		}
		name, _ := row[0].(string)
		c := copyState{table: name}
		if row[1] == int64(1) {
			c.lastPK = lastPKText(keys[name], row[2:])
		}
		return c, nil
	}, `SELECT tbl, started, `+strings.Join(keyNames(maxKeyColumns), ", ")+` FROM _sf_copy_state WHERE stream_id = ? ORDER BY tbl`, s.id)
	return err
}

// lastPKText spells a key as _vt.copy_state has it: a query result in protobuf's text form.
func lastPKText(columns []string, values []any) string {
	result := &querypb.QueryResult{}
	row := &querypb.Row{}
	for i, c := range columns {
		result.Fields = append(result.Fields, &querypb.Field{Name: c, Type: sqliteType(values[i])})
		value := text(values[i])
		row.Lengths = append(row.Lengths, int64(len(value)))
		row.Values = append(row.Values, value...)
	}
	result.Rows = []*querypb.Row{row}
	return fmt.Sprint(result)
}

// sqliteType is the query type of a value as SQLite has it.
func sqliteType(v any) querypb.Type {
	switch v.(type) {
	case int64:
		return querypb.Type_INT64
	case float64:
		return querypb.Type_FLOAT64
	case []byte:
		return querypb.Type_VARBINARY
	case nil:
		return querypb.Type_NULL_TYPE
	}
	return querypb.Type_VARCHAR
}
