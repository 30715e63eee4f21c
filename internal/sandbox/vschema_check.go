package sandbox

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	vschemapb "vitess.io/vitess/go/vt/proto/vschema"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"

	"shardform/internal/keyrange"
)

// checkVSchema refuses a vschema that the real server would refuse, in its words, and one that a sandbox cannot serve.
func checkVSchema(ks string, v *vschemapb.Keyspace) error {
	for _, name := range slices.Sorted(maps.Keys(v.Vindexes)) {
		kind, err := keyrange.FindVindexType(v.Vindexes[name].Type)
		if err != nil {
			return fmt.Errorf("BuildKeyspace(%s): vindexType %q not found", ks, v.Vindexes[name].Type)
		}
		if err := kind.Check(v.Vindexes[name].Params); err != nil {
			return fmt.Errorf("BuildKeyspace(%s): %w", ks, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.Tables)) {
		if err := checkVSchemaTable(v, name); err != nil {
			return fmt.Errorf("BuildKeyspace(%s): %w", ks, err)
		}
	}
	if err := errors.Join(unplaced(v, true)...); err != nil {
		return unsupported(err.Error())
	}
	return nil
}

// unplaced are the tables whose rows the sandbox cannot place, though Vitess could. Lookups count if asked for: Vitess
// takes a unique one as primary vindex, and no reshard can do with it.
func unplaced(v *vschemapb.Keyspace, lookups bool) []error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(v.Tables)) {
		primary := v.Tables[name].ColumnVindexes
		if len(primary) == 0 {
			continue
		}
		kind, err := keyrange.FindVindexType(v.Vindexes[primary[0].Name].GetType())
		if err != nil || kind.Computed() || kind.Lookup && !lookups {
			continue
		}
		_, err = keyrange.NewVindex(kind.Name)
		errs = append(errs, fmt.Errorf("placing the rows of table %s as Vitess does: %w", name, err))
	}
	return errs
}

func checkVSchemaTable(v *vschemapb.Keyspace, name string) error {
	t := v.Tables[name]
	switch t.Type {
	case "", "reference":
	case "sequence":
		if v.Sharded && t.Pinned == "" {
			return fmt.Errorf("sequence table has to be in an unsharded keyspace or must be pinned: %s", name)
		}
	default:
		return fmt.Errorf("unidentified table type %s", t.Type)
	}
	if v.Sharded && t.Type != "reference" && t.Pinned == "" && len(t.ColumnVindexes) == 0 {
		return fmt.Errorf("missing primary col vindex for table: %s", name)
	}
	for i, cv := range t.ColumnVindexes {
		kind, _ := keyrange.FindVindexType(v.Vindexes[cv.Name].GetType())
		switch {
		case v.Vindexes[cv.Name] == nil:
			return fmt.Errorf("vindex %s not found for table %s", cv.Name, name)
		case cv.Column != "" && len(cv.Columns) > 0:
			return fmt.Errorf("can't use column and columns at the same time in vindex (%s) and table (%s)", cv.Name, name)
		case cv.Column == "" && len(cv.Columns) == 0:
			return fmt.Errorf("must specify at least one column for vindex (%s) and table (%s)", cv.Name, name)
		case i == 0 && !kind.Unique:
			return fmt.Errorf("primary vindex %s is not Unique for table %s", cv.Name, name)
		case i == 0 && kind.Lookup && v.Vindexes[cv.Name].Owner == name:
			return fmt.Errorf("primary vindex %s cannot be owned for table %s", cv.Name, name)
		case i > 0 && kind.MultiColumn:
			return fmt.Errorf("multi-column vindex %s should be a primary vindex for table %s", cv.Name, name)
		}
	}
	return nil
}

// unknownParams are the parameters that vindexes do not know, by vindex.
func unknownParams(v *vschemapb.Keyspace) map[string]*vtctldatapb.ApplyVSchemaResponse_ParamList {
	unknown := map[string]*vtctldatapb.ApplyVSchemaResponse_ParamList{}
	for name, def := range v.Vindexes {
		kind, err := keyrange.FindVindexType(def.Type)
		if err != nil {
			continue
		}
		if params := kind.Unknown(def.Params); len(params) > 0 {
			unknown[name] = &vtctldatapb.ApplyVSchemaResponse_ParamList{Params: params}
		}
	}
	return unknown
}

func unknownParamsText(unknown map[string]*vtctldatapb.ApplyVSchemaResponse_ParamList) string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(unknown)) {
		texts = append(texts, fmt.Sprintf("%s (%s)", name, strings.Join(unknown[name].Params, ", ")))
	}
	return strings.Join(texts, "; ")
}
