package vitess

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	querypb "vitess.io/vitess/go/vt/proto/query"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/diag"
)

// RowReader reads the rows of one tablet's MySQL, as its administrator. It takes no locks; the limit of one query is
// QueryLimit, or what is left of ctx.
type RowReader interface {
	// CountRows counts the rows of a table. The error wraps ErrQueryLimit where that takes longer than one query may.
	CountRows(ctx context.Context, tablet, table string) (int64, error)
	// ScanKeys begins to read the primary key and one more column of every row of a table, in the order of the key. The
	// error wraps ErrNotScanned where the key has a column whose values cannot be compared exactly.
	ScanKeys(ctx context.Context, tablet, table string, key []string, column string) (KeyScan, error)
	// Position returns the GTIDs that a tablet's MySQL has executed.
	Position(ctx context.Context, tablet string) (string, error)
	// Follows waits until a tablet's MySQL has executed a position, and reports whether it did within FollowLimit, or what is
	// left of ctx.
	Follows(ctx context.Context, tablet, position string) (bool, error)
}

// KeyScan reads a table page by page.
type KeyScan interface {
	// Next returns the next rows, none when there are no more. After an error it may be called again.
	Next(ctx context.Context) ([]KeyRow, error)
}

// KeyRow is the key of a row, and the value of one of its columns.
type KeyRow struct {
	Key   []KeyValue // in the order of the key's columns
	Value any        // nil, int64, uint64 or []byte, as keyrange.Vindex takes it
}

// KeyValue is the value of a key's column.
type KeyValue struct {
	Column string
	SQL    string // a literal that compares with the column as MySQL orders it
	Text   string // for people
}

// String is the key as "a=1, b=x".
func (r KeyRow) String() string {
	return r.join(", ", func(v KeyValue) string { return v.Column + "=" + v.Text })
}

// Where is the condition that finds the row.
func (r KeyRow) Where() string {
	return r.join(" and ", func(v KeyValue) string { return Identifier(v.Column) + " = " + v.SQL })
}

func (r KeyRow) join(between string, text func(KeyValue) string) string {
	texts := make([]string, len(r.Key))
	for i, v := range r.Key {
		texts[i] = text(v)
	}
	return strings.Join(texts, between)
}

const (
	// QueryLimit is how long one query of a RowReader may take.
	QueryLimit = 10 * time.Minute
	// ScanPage is how many rows one query of a KeyScan reads.
	ScanPage = 10_000
)

var (
	// ErrQueryLimit says that MySQL ended a query that took longer than QueryLimit.
	ErrQueryLimit = errors.New("the query took longer than " + QueryLimit.String())
	// ErrNotScanned says that a table cannot be read page by page.
	ErrNotScanned = errors.New("the table cannot be read page by page")
)

// limitHint makes MySQL itself end a query: nobody else would when its client is gone. The time zone lets a TIMESTAMP
// stand for one instant only.
func limitHint(ctx context.Context) string {
	limit := QueryLimit
	if until, has := ctx.Deadline(); has {
		limit = max(min(limit, time.Until(until)), time.Millisecond) // 0 would be no limit
	}
	return fmt.Sprintf("/*+ MAX_EXECUTION_TIME(%d) SET_VAR(time_zone = '+00:00') */", limit.Milliseconds())
}

// CountRows implements RowReader.
func (c *Client) CountRows(ctx context.Context, tablet, table string) (int64, error) {
	what := "count the rows of table " + table + " on " + tablet
	result, err := c.query(ctx, tablet, what, "select "+limitHint(ctx)+" count(*) as n from "+Identifier(table))
	if err != nil {
		return 0, err
	}
	row, err := oneRow(what, result)
	return row.int("n"), err
}

// query runs a query that may take up to QueryLimit on a tablet's MySQL and returns at most ScanPage rows.
func (c *Client) query(ctx context.Context, tablet, what, query string) (*querypb.QueryResult, error) {
	return c.queryWithin(ctx, QueryLimit+c.config.ReadTimeout, tablet, what, query)
}

// queryWithin is query with a limit of its own.
func (c *Client) queryWithin(ctx context.Context, limit time.Duration, tablet, what, query string) (*querypb.QueryResult, error) {
	alias, err := parseAlias(tablet)
	if err != nil {
		return nil, err
	}
	var result *querypb.QueryResult
	err = c.readWithin(ctx, limit, what, func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		answer, err := vtctld.ExecuteFetchAsDBA(ctx, &vtctldatapb.ExecuteFetchAsDBARequest{TabletAlias: alias, Query: query, MaxRows: ScanPage})
		result = answer.GetResult()
		return err
	})
	if err != nil && strings.Contains(err.Error()+cause(err).Error(), "errno 3024") {
		err = fmt.Errorf("%w: %w", ErrQueryLimit, err)
	}
	return result, err
}

// ScanKeys implements RowReader.
func (c *Client) ScanKeys(ctx context.Context, tablet, table string, key []string, column string) (KeyScan, error) {
	s := &keyScan{client: c, tablet: tablet, table: table, limit: ScanPage}
	if len(key) == 0 {
		return nil, fmt.Errorf("%w: %s has no primary key", ErrNotScanned, table)
	}
	names := append(append([]string{}, key...), column)
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = Identifier(name)
	}
	result, err := c.query(ctx, tablet, s.what(), fmt.Sprintf("select %s from %s limit 0", strings.Join(quoted, ", "), Identifier(table)))
	if err != nil {
		return nil, err
	}
	if len(result.GetFields()) != len(names) {
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: "cannot " + s.what(),
			Detail: fmt.Sprintf("the answer has %d columns, expected %d", len(result.GetFields()), len(names))}
	}
	for i, name := range names {
		s.columns = append(s.columns, scanColumn{name, result.Fields[i].GetType()})
	}
	for _, k := range s.columns[:len(key)] {
		if !k.ordered() {
			return nil, fmt.Errorf("%w: column %s of the primary key of %s is of type %s", ErrNotScanned, k.name, table, k.kind)
		}
	}
	return s, nil
}

// keyScan remembers the key of the last row that was read.
type keyScan struct {
	client        *Client
	tablet, table string
	columns       []scanColumn // those of the key, then the other one
	last          []KeyValue   // nil: nothing was read
	limit         int
	over          bool
}

func (s *keyScan) what() string {
	return fmt.Sprintf("read the keys of table %s on %s", s.table, s.tablet)
}

// Next implements KeyScan.
func (s *keyScan) Next(ctx context.Context) ([]KeyRow, error) {
	if s.over {
		return nil, nil
	}
	result, err := s.client.query(ctx, s.tablet, s.what(), s.query(ctx))
	for err != nil && s.limit > 100 && strings.Contains(err.Error()+cause(err).Error(), "larger than max") { // of a gRPC message
		s.limit /= 10
		result, err = s.client.query(ctx, s.tablet, s.what(), s.query(ctx))
	}
	if err != nil {
		return nil, err
	}
	var rows []KeyRow
	value := s.columns[len(s.columns)-1]
	for _, r := range rowsOf(result) {
		var one KeyRow
		for i, k := range s.columns[:len(s.columns)-1] {
			one.Key = append(one.Key, k.literal(r[fmt.Sprint("k", i)]))
		}
		if text, has := r["v"]; has {
			one.Value = value.value(text)
		}
		rows = append(rows, one)
	}
	if s.over = len(rows) < s.limit; len(rows) > 0 {
		s.last = rows[len(rows)-1].Key
	}
	return rows, nil
}

// query reads the rows beyond the last one. A row constructor, (a, b) > (1, 2), would say the same, but MySQL reads the
// whole index for it; this form it turns into ranges.
func (s *keyScan) query(ctx context.Context) string {
	key := s.columns[:len(s.columns)-1]
	var columns, order, beyond []string
	equal := ""
	for i, k := range key {
		columns = append(columns, fmt.Sprintf("%s as k%d", k.transport(), i))
		order = append(order, Identifier(k.name))
		if s.last != nil {
			beyond = append(beyond, fmt.Sprintf("(%s%s > %s)", equal, Identifier(k.name), s.last[i].SQL))
			equal += fmt.Sprintf("%s = %s and ", Identifier(k.name), s.last[i].SQL)
		}
	}
	where := ""
	if len(beyond) > 0 {
		where = " where " + strings.Join(beyond, " or ")
	}
	return fmt.Sprintf("select %s %s, %s as v from %s force index (`PRIMARY`)%s order by %s limit %d", limitHint(ctx),
		strings.Join(columns, ", "), s.columns[len(key)].hashed(), Identifier(s.table), where, strings.Join(order, ", "), s.limit)
}

// scanColumn is a column by the type that MySQL gives it in a result.
type scanColumn struct {
	name string
	kind querypb.Type
}

// ordered reports whether a literal compares with the column's values as MySQL orders them. What MySQL prints of a float
// is rounded.
func (c scanColumn) ordered() bool {
	switch c.kind {
	case querypb.Type_FLOAT32, querypb.Type_FLOAT64, querypb.Type_JSON, querypb.Type_GEOMETRY, querypb.Type_VECTOR, querypb.Type_NULL_TYPE:
		return false
	}
	return true
}

func (c scanColumn) isText() bool {
	return c.kind == querypb.Type_CHAR || c.kind == querypb.Type_VARCHAR || c.kind == querypb.Type_TEXT
}

// isIndexed reports whether the column is ordered by numbers that stand for its values.
func (c scanColumn) isIndexed() bool {
	return c.kind == querypb.Type_ENUM || c.kind == querypb.Type_SET || c.kind == querypb.Type_BIT
}

// utf8Bytes are the bytes of a string in UTF-8 whatever the column's character set and the connection's.
func utf8Bytes(column string) string {
	return "cast(convert(" + Identifier(column) + " using utf8mb4) as binary)"
}

// transport is the expression by which a value of the key is read.
func (c scanColumn) transport() string {
	switch {
	case c.isText():
		return utf8Bytes(c.name)
	case c.isIndexed():
		return Identifier(c.name) + " + 0"
	}
	return Identifier(c.name)
}

// literal is a value that transport has read. A string literal has its column's collation where it is compared.
func (c scanColumn) literal(text string) KeyValue {
	v := KeyValue{Column: c.name, SQL: text, Text: text}
	switch {
	case c.isText():
		v.SQL = "_utf8mb4 x'" + hex.EncodeToString([]byte(text)) + "'"
	case c.kind == querypb.Type_BINARY || c.kind == querypb.Type_VARBINARY || c.kind == querypb.Type_BLOB:
		v.Text = "0x" + hex.EncodeToString([]byte(text))
		v.SQL = "x'" + hex.EncodeToString([]byte(text)) + "'"
	case c.isNumber() || c.isIndexed():
	default: // dates and times
		v.SQL = literal(text)
	}
	return v
}

func (c scanColumn) isNumber() bool {
	const integral = querypb.Type(querypb.Flag_ISINTEGRAL)
	return c.kind&integral != 0 || c.kind == querypb.Type_DECIMAL
}

// hashed is the expression by which a value is read that a vindex hashes.
func (c scanColumn) hashed() string {
	if c.isText() || c.kind == querypb.Type_ENUM || c.kind == querypb.Type_SET {
		return utf8Bytes(c.name)
	}
	return Identifier(c.name)
}

// value is a value as a vindex takes it: integers as such, since a negative one in a string has another place, and
// everything else as MySQL sends it.
func (c scanColumn) value(text string) any {
	const unsigned = querypb.Type(querypb.Flag_ISUNSIGNED)
	switch {
	case c.kind&querypb.Type(querypb.Flag_ISINTEGRAL) == 0:
	case c.kind&unsigned != 0:
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return n
		}
	default:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	}
	return []byte(text)
}

// Identifier returns a name quoted as MySQL reads it back.
func Identifier(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// CopyTablets returns the aliases of the shard's tablets that a workflow with these options reads, the likeliest first;
// the primary is the last resort.
func CopyTablets(tablets []Tablet, shard string, o WorkflowOptions) []string {
	types := o.TabletTypes
	if len(types) == 0 {
		types = []string{string(Replica), string(Primary)}
	}
	var aliases, elsewhere []string
	for _, kind := range append(append([]string{}, types...), string(Primary)) {
		for _, t := range tablets {
			if t.Shard != shard || t.Type != kind || slices.Contains(aliases, t.Alias) || slices.Contains(elsewhere, t.Alias) {
				continue
			}
			if len(o.Cells) == 0 || slices.Contains(o.Cells, t.Cell) {
				aliases = append(aliases, t.Alias)
			} else {
				elsewhere = append(elsewhere, t.Alias)
			}
		}
	}
	return append(aliases, elsewhere...)
}
