package sandbox

import (
	"fmt"
	"strings"

	vschemapb "vitess.io/vitess/go/vt/proto/vschema"
	"vitess.io/vitess/go/vt/sqlparser"

	"shardform/internal/keyrange"
)

// rowFilter says which rows of a table a stream brings.
type rowFilter struct {
	place *placement
	in    keyrange.Range
}

// everyRow is the filter that selects all rows.
func everyRow() rowFilter { return rowFilter{place: &placement{everywhere: true}} }

func (f rowFilter) selects(row []any) (bool, error) { return f.place.in(row, f.in) }

// vschemaOf returns the vschema of a keyspace.
type vschemaOf func(keyspace string) (*vschemapb.Keyspace, error)

// filterFor reads the filter of a stream's rule for a table: nothing, a key range of the source's own vschema, or a query that
// MoveTables makes.
func filterFor(s *stream, t *table, vschema vschemaOf) (rowFilter, error) {
	rule := s.filter(t.Name)
	if rule == "" {
		return everyRow(), nil
	}
	if !strings.HasPrefix(strings.ToLower(rule), "select") {
		v, err := vschema(s.source.Keyspace)
		if err != nil {
			return rowFilter{}, err
		}
		place, err := placeTable(v, t)
		if err != nil {
			return rowFilter{}, err
		}
		return inRange(place, rule)
	}
	statement, err := parseStatement(rule)
	if err != nil {
		return rowFilter{}, err
	}
	refused := unsupported(fmt.Sprintf("the filter %q", rule))
	query, is := statement.(*sqlparser.Select)
	if !is || sqlparser.String(query.SelectExprs) != "*" || query.GroupBy != nil || query.OrderBy != nil || query.Limit != nil || query.Having != nil {
		return rowFilter{}, refused
	}
	if query.Where == nil {
		return everyRow(), nil
	}
	call, is := query.Where.Expr.(*sqlparser.FuncExpr)
	if !is || call.Name.Lowered() != "in_keyrange" || len(call.Exprs) != 3 {
		return rowFilter{}, refused
	}
	column, is := call.Exprs[0].(*sqlparser.ColName)
	if !is {
		return rowFilter{}, refused
	}
	vindex, err := literal(call.Exprs[1])
	if err != nil {
		return rowFilter{}, err
	}
	span, err := literal(call.Exprs[2])
	if err != nil {
		return rowFilter{}, err
	}
	keyspace, name, _ := strings.Cut(vindex, ".")
	v, err := vschema(keyspace)
	if err != nil {
		return rowFilter{}, err
	}
	place, err := placeBy(v, t, name, column.Name.String())
	if err != nil {
		return rowFilter{}, err
	}
	return inRange(place, span)
}

// inRange is the filter of the rows that a key range has.
func inRange(place *placement, name string) (rowFilter, error) {
	kr, err := parseShardName(name)
	if err != nil {
		return rowFilter{}, fmt.Errorf("the key range %q of a filter: %w", name, err)
	}
	return rowFilter{place, rangeOf(kr)}, nil
}
