package reshard

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"shardform/internal/keyrange"
	"shardform/internal/vitess"
)

// checkVSchema wants a vschema, and a sharded one where several shards are to serve.
func checkVSchema(f *facts) []complaint {
	switch {
	case f.noVSchema:
		return []complaint{{text: "the keyspace has no vschema", cure: "set vschema in the keyspace block: it is written before anything is copied"}}
	case !f.wanted.Sharded && len(f.Targets) > 1:
		return []complaint{{text: fmt.Sprintf("the vschema is not sharded, and %s are %d shards: every query would break", f.Targets, len(f.Targets)),
			cure: `set vschema in the keyspace block to one with "sharded": true and a primary vindex for every table`}}
	}
	return nil
}

// checkVindexes wants vindexes that exist, and every table in the vschema with a primary vindex that the streams can
// place its rows by. Without one they fail when it is the table's turn to be copied, also into one shard that takes all.
func checkVindexes(f *facts) []complaint {
	if f.noVSchema || !f.wanted.Sharded && len(f.Targets) > 1 {
		return nil
	}
	v := &vindexCheck{vschema: f.wanted, kinds: map[string]keyrange.VindexType{},
		filled: func(table string) bool { return f.hasRows(table, f.Sources) }}
	for _, name := range slices.Sorted(maps.Keys(f.wanted.Vindexes)) {
		v.define(name, f.wanted.Vindexes[name])
	}
	for _, table := range f.sourceTables() {
		v.table(table)
	}
	return v.list
}

// vindexCheck judges what a vschema says of vindexes.
type vindexCheck struct {
	vschema *vitess.VSchema
	filled  func(table string) bool
	kinds   map[string]keyrange.VindexType // of the vindexes that exist, by name
	list    []complaint
}

func (v *vindexCheck) refuse(cure, format string, args ...any) {
	v.list = append(v.list, complaint{text: fmt.Sprintf(format, args...), cure: cure})
}

const fixVSchema = "correct the vschema of the keyspace block"

// define judges a vindex by itself. One that Vitess refuses makes the vschema of the whole keyspace unusable.
func (v *vindexCheck) define(name string, vindex vitess.Vindex) {
	kind, err := keyrange.FindVindexType(vindex.Type)
	if err == nil {
		v.kinds[name] = kind
		err = kind.Check(vindex.Params)
	}
	if err != nil {
		v.refuse(fixVSchema, "vindex %s of the vschema: %v", name, err)
	}
}

// aboutRows returns " (about 5 rows)", "" where the statistics say 0: they do so of tables that were just filled.
func aboutRows(table vitess.TableSchema) string {
	if table.Rows == 0 {
		return ""
	}
	return fmt.Sprintf(" (about %d rows)", table.Rows)
}

func (v *vindexCheck) table(table vitess.TableSchema) {
	entry, known := v.vschema.Tables[table.Name]
	add := fmt.Sprintf("add column_vindexes for table %s to the vschema of the keyspace block", table.Name)
	_, has := entry.Primary()
	switch {
	case !known:
		v.refuse(add, "table %s%s is not in the vschema", table.Name, aboutRows(table))
	case entry.Type == "reference" && v.filled(table.Name):
		// The server leaves these tables out of what it copies, and says nothing (resharder.go, excludeRules).
		v.refuse("give it a primary vindex in the vschema; or empty it, and fill it again on the new shards before reads are switched",
			"table %s is a reference table with rows, which a reshard does not copy: the new shards would have none of them", table.Name)
	case entry.Type == "reference":
	case entry.Type == "sequence":
		v.refuse("move it to an unsharded keyspace with MoveTables", "table %s is a sequence, which a sharded keyspace cannot have", table.Name)
	case entry.Pinned != "":
		// vitess#19529: create succeeds, and the streams have no vindex for it.
		v.refuse("move it to an unsharded keyspace with MoveTables; or give it a primary vindex instead of pinned in the vschema",
			"table %s is pinned to one shard in the vschema: the streams of a reshard cannot copy it", table.Name)
	case !has:
		v.refuse(add, "the vschema names no vindex for table %s%s", table.Name, aboutRows(table))
	default:
		v.columnVindexes(table, entry)
	}
}

// columnVindexes judges the vindexes of a table that has some.
func (v *vindexCheck) columnVindexes(table vitess.TableSchema, entry vitess.VSchemaTable) {
	primary, _ := entry.Primary()
	for i, c := range entry.Vindexes {
		which := "the vindex"
		if i == 0 {
			which = "the primary vindex"
		}
		if _, defined := v.vschema.Vindexes[c.Vindex]; !defined {
			v.refuse("add it to vindexes in the vschema", "%s %s of table %s is not defined in the vschema", which, c.Vindex, table.Name)
		}
		if kind := v.kinds[c.Vindex]; i > 0 && kind.MultiColumn {
			v.refuse(fixVSchema, "the vindex %s of table %s is of type %s, which can only be a primary vindex", c.Vindex, table.Name, kind.Name)
		}
	}
	for _, column := range primary.Columns {
		if !hasColumn(table, column) {
			v.refuse(fixVSchema, "column %s, which the primary vindex of table %s uses, does not exist", column, table.Name)
		}
	}
	if len(primary.Columns) == 0 {
		v.refuse(fixVSchema, "the primary vindex of table %s has no column", table.Name)
	}
	kind, exists := v.kinds[primary.Vindex]
	const functional = "make a unique vindex that needs no lookup (xxhash, for instance) the first of its column_vindexes"
	switch {
	case !exists:
	case !kind.Unique:
		v.refuse(functional, "the primary vindex %s of table %s is of type %s, which is not unique: it cannot tell where a row belongs", primary.Vindex, table.Name, kind.Name)
	case kind.Lookup:
		v.refuse(functional, "the primary vindex %s of table %s is of type %s: the streams of a reshard would have to look every row up, and cannot", primary.Vindex, table.Name, kind.Name)
	default:
		v.placedByAnother(table, entry)
	}
}

// placedByAnother refuses a table whose rows the streams would place otherwise than vtgate does. They take the cheapest
// of the functional, unique vindexes, and of several the first (FindBestColVindex); vtgate takes the primary one.
func (v *vindexCheck) placedByAnother(table vitess.TableSchema, entry vitess.VSchemaTable) {
	cost := func(c vitess.ColumnVindex) int { return v.kinds[c.Vindex].Cost(v.vschema.Vindexes[c.Vindex].Params) }
	best := entry.Vindexes[0]
	for _, c := range entry.Vindexes[1:] {
		if v.kinds[c.Vindex].Functional() && cost(c) < cost(best) {
			best = c
		}
	}
	if primary := entry.Vindexes[0]; best.Vindex != primary.Vindex {
		v.refuse(fmt.Sprintf("take %s off table %s in the vschema until the reshard is confirmed; or make it the first of its column_vindexes if the rows are placed by it", best.Vindex, table.Name),
			"the rows of table %s would be copied by its vindex %s (%s on %s) instead of the primary one %s (%s on %s): the streams take the cheapest unique vindex that needs no lookup",
			table.Name, best.Vindex, v.kinds[best.Vindex].Name, strings.Join(best.Columns, ", "), primary.Vindex, v.kinds[primary.Vindex].Name, strings.Join(primary.Columns, ", "))
	}
}

// hasColumn compares as MySQL does: case does not matter.
func hasColumn(table vitess.TableSchema, column string) bool {
	return slices.ContainsFunc(table.Columns, func(c string) bool { return strings.EqualFold(c, column) })
}
