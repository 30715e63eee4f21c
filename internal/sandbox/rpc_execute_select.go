package sandbox

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"

	querypb "vitess.io/vitess/go/vt/proto/query"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	"vitess.io/vitess/go/vt/sqlparser"
)

var sqlParser = sync.OnceValues(func() (*sqlparser.Parser, error) { return sqlparser.New(sqlparser.Options{}) })

// tableSelect returns the SELECT of a query on one of the shard's own tables, or on none; nil for every other query.
func tableSelect(query string) *sqlparser.Select {
	parser, err := sqlParser()
	if err != nil {
		return nil
	}
	statement, err := parser.Parse(query)
	if err != nil {
		return nil
	}
	s, is := statement.(*sqlparser.Select)
	if !is || len(s.From) != 1 {
		return nil
	}
	if name, is := selectedTable(s); !is || !name.Qualifier.IsEmpty() {
		return nil
	}
	return s
}

func selectedTable(s *sqlparser.Select) (name sqlparser.TableName, is bool) {
	from, is := s.From[0].(*sqlparser.AliasedTableExpr)
	if !is {
		return name, false
	}
	name, is = from.Expr.(sqlparser.TableName)
	return name, is
}

// executeSelect answers a SELECT on one table of the tablet's shard: columns, *, count(*), comparisons of columns with
// literals, ORDER BY and LIMIT. Index hints and optimizer hints say nothing to SQLite.
func (e *engine) executeSelect(ctx context.Context, req *vtctldatapb.ExecuteFetchAsDBARequest, s *sqlparser.Select) (*vtctldatapb.ExecuteFetchAsDBAResponse, error) {
	var tablet *topodatapb.Tablet
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		tablet, err = tx.tablet(req.TabletAlias)
		return err
	})
	if err != nil {
		return nil, err
	}
	f, err := e.file(ctx, tablet.Keyspace, tablet.Shard)
	if err != nil {
		return nil, err
	}
	t := &selection{database: dbName(tablet.Keyspace), now: e.now().UnixMicro()}
	if name, _ := selectedTable(s); name.Name.String() != "dual" {
		all, err := f.tables(ctx)
		if err != nil {
			return nil, err
		}
		for _, one := range all {
			if one.Name == name.Name.String() {
				t.table = one
			}
		}
		if t.table == nil {
			//lint:ignore ST1005 the text is MySQL's
			return nil, fmt.Errorf("Table '%s.%s' doesn't exist (errno 1146) (sqlstate 42S02) during query: %s", dbName(tablet.Keyspace), name.Name, req.Query)
		}
	}
	query, err := t.translate(s)
	if err != nil {
		return nil, err
	}
	result := &querypb.QueryResult{}
	if err := f.view(ctx, func(tx *sql.Tx) error { return queryInto(tx, query, result) }); err != nil {
		return nil, fmt.Errorf("%w (query: %s)", err, req.Query)
	}
	for i, kind := range t.types {
		result.Fields[i].Type = kind
	}
	return &vtctldatapb.ExecuteFetchAsDBAResponse{Result: result}, nil
}

// selection translates a SELECT for SQLite.
type selection struct {
	table    *table // nil: from no table
	database string
	now      int64 // microseconds since 1970
	types    []querypb.Type
}

func (t *selection) translate(s *sqlparser.Select) (string, error) {
	if s.Distinct || s.With != nil || s.GroupBy != nil || s.Having != nil || len(s.Windows) > 0 || s.Lock != sqlparser.NoLock || s.Into != nil {
		return "", unsupported("ExecuteFetchAsDBA of " + sqlparser.String(s))
	}
	var columns []string
	for _, one := range t.expand(s.SelectExprs.Exprs) {
		aliased, is := one.(*sqlparser.AliasedExpr)
		if !is {
			return "", unsupported("SELECT of " + sqlparser.String(one))
		}
		text, err := t.expr(aliased.Expr)
		if err != nil {
			return "", err
		}
		name := aliased.As.String()
		if name == "" {
			name = sqlparser.String(aliased.Expr)
		}
		columns = append(columns, text+" AS "+quoteName(name))
		t.types = append(t.types, t.typeOf(aliased.Expr))
	}
	query := "SELECT " + strings.Join(columns, ", ")
	if t.table != nil {
		query += " FROM " + quoteName(t.table.Name)
	}
	if s.Where != nil {
		where, err := t.expr(s.Where.Expr)
		if err != nil {
			return "", err
		}
		query += " WHERE " + where
	}
	var order []string
	for _, by := range s.OrderBy {
		text, err := t.expr(by.Expr)
		if err != nil {
			return "", err
		}
		order = append(order, text+" "+by.Direction.ToString())
	}
	if len(order) > 0 {
		query += " ORDER BY " + strings.Join(order, ", ")
	}
	if s.Limit != nil {
		if s.Limit.Offset != nil {
			return "", unsupported("OFFSET")
		}
		count, err := t.expr(s.Limit.Rowcount)
		if err != nil {
			return "", err
		}
		query += " LIMIT " + count
	}
	return query, nil
}

// expand puts the table's columns in the place of a star.
func (t *selection) expand(exprs []sqlparser.SelectExpr) []sqlparser.SelectExpr {
	var all []sqlparser.SelectExpr
	for _, one := range exprs {
		if star, is := one.(*sqlparser.StarExpr); !is || t.table == nil || !star.TableName.IsEmpty() {
			all = append(all, one)
			continue
		}
		for _, name := range t.table.names() {
			all = append(all, &sqlparser.AliasedExpr{Expr: sqlparser.NewColName(name), As: sqlparser.NewIdentifierCI(name)})
		}
	}
	return all
}

// expr spells an expression for SQLite.
func (t *selection) expr(expr sqlparser.Expr) (string, error) {
	switch x := expr.(type) {
	case *sqlparser.ColName:
		if c := t.column(x); c != nil {
			return quoteName(c.Name), nil
		}
		//lint:ignore ST1005 the text is MySQL's
		return "", fmt.Errorf("Unknown column '%s' (errno 1054) (sqlstate 42S22)", sqlparser.String(x))
	case *sqlparser.Literal:
		return literalText(x)
	case *sqlparser.IntroducerExpr: // _utf8mb4 x'…' is a text, as every text here is UTF-8
		text, err := t.expr(x.Expr)
		return "CAST(" + text + " AS TEXT)", err
	case *sqlparser.CountStar:
		return "count(*)", nil
	case *sqlparser.ConvertUsingExpr:
		return t.expr(x.Expr)
	case *sqlparser.CastExpr:
		text, err := t.expr(x.Expr)
		if !strings.EqualFold(x.Type.Type, "binary") {
			err = unsupported("CAST AS " + x.Type.Type)
		}
		return "CAST(" + text + " AS BLOB)", err
	case *sqlparser.AndExpr:
		return t.both(x.Left, "AND", x.Right)
	case *sqlparser.OrExpr:
		return t.both(x.Left, "OR", x.Right)
	case *sqlparser.ComparisonExpr:
		switch x.Operator {
		case sqlparser.EqualOp, sqlparser.GreaterThanOp:
			return t.both(x.Left, x.Operator.ToString(), x.Right)
		}
	case *sqlparser.Variable: // all tablets of a shard have one file, so that each has what the others have
		if x.Name.EqualString("gtid_executed") && x.Scope == sqlparser.GlobalScope {
			return quoteText(""), nil
		}
	case *sqlparser.GTIDFuncExpr:
		if x.Type == sqlparser.WaitForExecutedGTIDSetType {
			return "0", nil
		}
	case *sqlparser.FuncExpr:
		if x.Name.EqualString("database") && len(x.Exprs) == 0 {
			return quoteText(t.database), nil
		}
		if x.Name.EqualString("unix_timestamp") && len(x.Exprs) == 1 {
			if at, is := x.Exprs[0].(*sqlparser.CurTimeFuncExpr); is && at.Name.EqualString("now") && at.Fsp == 6 {
				return quoteText(fmt.Sprintf("%d.%06d", t.now/1e6, t.now%1e6)), nil
			}
		}
	}
	return "", unsupported("ExecuteFetchAsDBA of " + sqlparser.String(expr))
}

func (t *selection) both(left sqlparser.Expr, operator string, right sqlparser.Expr) (string, error) {
	a, err := t.expr(left)
	if err != nil {
		return "", err
	}
	b, err := t.expr(right)
	return "(" + a + " " + operator + " " + b + ")", err
}

func literalText(l *sqlparser.Literal) (string, error) {
	switch l.Type {
	case sqlparser.IntVal, sqlparser.DecimalVal, sqlparser.FloatVal:
		return l.Val, nil
	case sqlparser.StrVal:
		return quoteText(l.Val), nil
	case sqlparser.HexVal:
		return "x" + quoteText(l.Val), nil
	}
	return "", unsupported("the literal " + sqlparser.String(l))
}

func (t *selection) column(name *sqlparser.ColName) *column {
	if t.table == nil {
		return nil
	}
	return t.table.column(name.Name.String())
}

// typeOf is the type that MySQL gives a column of a result.
func (t *selection) typeOf(expr sqlparser.Expr) querypb.Type {
	switch x := expr.(type) {
	case *sqlparser.CountStar:
		return querypb.Type_INT64
	case *sqlparser.CastExpr:
		return querypb.Type_VARBINARY
	case *sqlparser.ColName:
		return t.column(x).resultType()
	}
	return querypb.Type_VARCHAR
}

// resultTypes are the types that MySQL gives the columns of a result, by the columns' own.
var resultTypes = map[string]querypb.Type{
	"tinyint": querypb.Type_INT8, "bool": querypb.Type_INT8, "boolean": querypb.Type_INT8, "smallint": querypb.Type_INT16, "mediumint": querypb.Type_INT24,
	"int": querypb.Type_INT32, "integer": querypb.Type_INT32, "bigint": querypb.Type_INT64, "bit": querypb.Type_BIT, "year": querypb.Type_YEAR,
	"float": querypb.Type_FLOAT32, "double": querypb.Type_FLOAT64, "real": querypb.Type_FLOAT64,
	"decimal": querypb.Type_DECIMAL, "numeric": querypb.Type_DECIMAL, "dec": querypb.Type_DECIMAL, "fixed": querypb.Type_DECIMAL,
	"binary": querypb.Type_BINARY, "varbinary": querypb.Type_VARBINARY,
	"tinyblob": querypb.Type_BLOB, "blob": querypb.Type_BLOB, "mediumblob": querypb.Type_BLOB, "longblob": querypb.Type_BLOB,
	"char": querypb.Type_CHAR, "varchar": querypb.Type_VARCHAR, "tinytext": querypb.Type_TEXT, "text": querypb.Type_TEXT, "mediumtext": querypb.Type_TEXT,
	"longtext": querypb.Type_TEXT, "enum": querypb.Type_ENUM, "set": querypb.Type_SET, "json": querypb.Type_JSON,
	"date": querypb.Type_DATE, "time": querypb.Type_TIME, "datetime": querypb.Type_DATETIME, "timestamp": querypb.Type_TIMESTAMP,
}

func (c *column) resultType() querypb.Type {
	kind, known := resultTypes[c.baseType()]
	if !known {
		return querypb.Type_VARCHAR
	}
	if c.unsigned() && kind >= querypb.Type_INT8 && kind <= querypb.Type_INT64 {
		kind += querypb.Type_UINT8 - querypb.Type_INT8
	}
	return kind
}
