package reshard

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"shardform/internal/vitess"
)

// VindexChange is a table that another vschema would place differently.
type VindexChange struct {
	Table, Before, After string // Before and After: "xxhash(customer_id)", or "none"
}

func (c VindexChange) String() string {
	return fmt.Sprintf("table %s: %s becomes %s", c.Table, c.Before, c.After)
}

// PrimaryVindexChanges are the tables, by name, whose rows the wanted vschema looks for elsewhere than the present one:
// another type of primary vindex, other parameters or other columns of it. Tables of which the present vschema knows no
// primary vindex have no place yet and are not among them.
func PrimaryVindexChanges(present, wanted *vitess.VSchema) []VindexChange {
	var changes []VindexChange
	for _, name := range slices.Sorted(maps.Keys(present.Tables)) {
		before := placement(present, present.Tables[name])
		after := placement(wanted, wanted.Tables[name])
		if before != none && before != after {
			changes = append(changes, VindexChange{name, before, after})
		}
	}
	return changes
}

const none = "none"

// placement says by what a table's rows are placed.
func placement(v *vitess.VSchema, t vitess.VSchemaTable) string {
	primary, ok := t.Primary()
	if !ok {
		return none
	}
	vindex := v.Vindexes[primary.Vindex]
	columns := make([]string, len(primary.Columns))
	for i, c := range primary.Columns {
		columns[i] = strings.ToLower(c)
	}
	text := fmt.Sprintf("%s(%s)", vindex.Type, strings.Join(columns, ","))
	for _, key := range slices.Sorted(maps.Keys(vindex.Params)) {
		text += fmt.Sprintf(" %s=%s", key, vindex.Params[key])
	}
	return text
}
