package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	querypb "vitess.io/vitess/go/vt/proto/query"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// null stands for a value that is not there.
const null = "NULL"

// rowsOf unpacks a query's result, a row at a time, by column.
func rowsOf(result *querypb.QueryResult) []map[string]string {
	var all []map[string]string
	for _, packed := range result.GetRows() {
		row, values := map[string]string{}, packed.Values
		for i, length := range packed.Lengths {
			name := result.Fields[i].Name
			if length < 0 {
				row[name] = null
				continue
			}
			row[name], values = string(values[:length]), values[length:]
		}
		all = append(all, row)
	}
	return all
}

// moment is a time as MySQL or a count of seconds since 1970 tells it.
var moment = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?|1[6-9]\d{8})$`)

// resultText tells a query's result: the columns, then the rows; times are just times.
func resultText(result *querypb.QueryResult) string {
	var names []string
	for _, f := range result.GetFields() {
		names = append(names, f.Name)
	}
	all := []string{strings.Join(names, " | ")}
	for _, row := range rowsOf(result) {
		var values []string
		for _, name := range names {
			values = append(values, moment.ReplaceAllString(row[name], "TIME"))
		}
		all = append(all, strings.Join(values, " | "))
	}
	return lines(all...)
}

// vdiffShowText tells the comparisons of each shard: what stands in every column. Times are just times, and table_rows is
// left out, as it is an estimate.
func vdiffShowText(r *vtctldatapb.VDiffShowResponse) string {
	var all []string
	for _, shard := range slices.Sorted(maps.Keys(r.TabletResponses)) {
		answer := r.TabletResponses[shard]
		if len(answer.GetOutput().GetRows()) == 0 {
			all = append(all, fmt.Sprintf("%s: nothing (%d columns)", shard, len(answer.GetOutput().GetFields())))
			continue
		}
		for _, row := range rowsOf(answer.Output) {
			var values []string
			for _, f := range answer.Output.Fields {
				if f.Name != "id" && f.Name != "table_rows" {
					values = append(values, f.Name+"="+moment.ReplaceAllString(inOrder(row[f.Name]), "TIME"))
				}
			}
			all = append(all, shard+": "+strings.Join(values, " "))
		}
	}
	slices.Sort(all)
	return lines(all...)
}

// inOrder is a JSON object with its keys in order, any other text as it is.
func inOrder(text string) string {
	var object map[string]any
	if json.Unmarshal([]byte(text), &object) != nil {
		return text
	}
	sorted, err := json.Marshal(object)
	if err != nil {
		return text
	}
	return string(sorted)
}

// schemaText tells the tables of a schema, with what the request asked for.
func schemaText(schema *tabletmanagerdatapb.SchemaDefinition) string {
	var all []string
	for _, t := range schema.GetTableDefinitions() {
		var fields []string
		for _, f := range t.Fields {
			fields = append(fields, f.Name+" "+f.Type.String()+" "+f.ColumnType)
		}
		all = append(all, fmt.Sprintf("%s: type %q, columns %q, key %q, fields %q, sized %v, %s", t.Name, t.Type, t.Columns, t.PrimaryKeyColumns, fields,
			t.DataLength > 0, t.Schema))
	}
	slices.Sort(all)
	return lines(all...)
}
