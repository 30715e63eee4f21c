package reshard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"shardform/internal/vitess"
)

// A schema copy that died after some tables leaves a target that has some of them and no streams. ReshardCreate would copy the
// whole schema again and fail at the first table that is there, for ever. The missing tables are created before it is sent.

// schemaDifference is what a target's tables are beside the source's.
type schemaDifference struct {
	missing []string // tables of the source that the target lacks
	strange []string // tables that the server would not take for the source's
	why     []string // what is wrong with each
}

// compareTarget compares the tables that a reshard copies. A target that has none of them is not half made.
func compareTarget(source, target []vitess.TableSchema) schemaDifference {
	named := func(list []vitess.TableSchema, name string) int {
		return slices.IndexFunc(list, func(t vitess.TableSchema) bool { return t.Name == name && isCopiedTable(t) })
	}
	var d schemaDifference
	for _, table := range source {
		switch i := named(target, table.Name); {
		case !isCopiedTable(table):
		case i < 0:
			d.missing = append(d.missing, table.Name)
		case target[i].Shape() != table.Shape():
			d.strange = append(d.strange, table.Name)
			d.why = append(d.why, fmt.Sprintf("table %s differs from the source's", table.Name))
		}
	}
	for _, table := range target {
		if isCopiedTable(table) && named(source, table.Name) < 0 {
			d.strange = append(d.strange, table.Name)
			d.why = append(d.why, fmt.Sprintf("table %s does not exist on the source", table.Name))
		}
	}
	return d
}

// checkTargetSchema refuses targets with tables that are not the source's: the schema copy would fail at them.
func checkTargetSchema(f *facts) []complaint {
	source, read := f.tables[f.Sources[0].Name]
	if !read {
		return nil
	}
	var list []complaint
	for _, target := range f.Targets {
		if d := compareTarget(source, f.tables[target.Name]); len(d.strange) > 0 {
			list = append(list, complaint{text: fmt.Sprintf("target shard %s does not have the tables of source shard %s: %s", target, f.Sources[0], strings.Join(d.why, ", ")),
				cure: dropThere(shardRecord(f.Snapshot, target.Name).PrimaryAlias, d.strange)})
		}
	}
	return list
}

// dropThere says how tables leave a target that nobody uses, whose primary is alias.
func dropThere(alias string, tables []string) string {
	names := make([]string, len(tables))
	for i, name := range tables {
		names[i] = vitess.Identifier(name)
	}
	return "give it tablets with empty databases, or drop the tables there: " + vitess.CommandExecuteFetchAsDBA(alias, "DROP TABLE "+strings.Join(names, ", "))
}

// completeSchema creates the tables that a half-made schema copy has not come to, from the source's DDL. It drops nothing.
func (s *scene) completeSchema(ctx context.Context, v *vitess.SegmentView) error {
	from := s.segment.Sources[0].Name // that is where the server takes the schema from
	source, err := s.cluster.Schema(ctx, s.keyspace, from)
	if err != nil {
		return s.unread(ctx, "reading the tables of shard "+from+" of", err)
	}
	for _, target := range s.segment.Targets.Names() {
		there, err := s.cluster.Schema(ctx, s.keyspace, target)
		if err != nil {
			return s.unread(ctx, "reading the tables of shard "+target+" of", err)
		}
		there = slices.DeleteFunc(slices.Clone(there), func(t vitess.TableSchema) bool { return !isCopiedTable(t) })
		d := compareTarget(source, there)
		switch {
		case len(d.strange) > 0:
			alias := ""
			if record := shardRecord(v.Snapshot, target); record != nil {
				alias = record.PrimaryAlias
			}
			return refused(fmt.Sprintf("target shard %s/%s does not have the tables of source shard %s", s.keyspace, target, from), strings.Join(d.why, "\n"), dropThere(alias, d.strange))
		case len(there) == 0 || len(d.missing) == 0:
			continue // the server copies everything, or nothing
		}
		s.say("creating on %s/%s the tables that an interrupted copy of the schema has not created: %s", s.keyspace, target, strings.Join(d.missing, ", "))
		request := vitess.CopySchema{Keyspace: s.keyspace, Source: from, Target: target, Tables: d.missing}
		if err := s.cluster.CopySchema(ctx, request); err != nil {
			return wrap(fmt.Sprintf("creating the missing tables of %s/%s failed", s.keyspace, target), err,
				"nothing that serves was touched", true)
		}
	}
	return nil
}
