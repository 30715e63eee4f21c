package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"shardform/internal/ddl"
	"shardform/internal/sandbox/sandboxspec"
)

// schemaTables are the tables of a keyspace of a sandbox.
type schemaTables struct {
	tables []*ddl.Table
	whole  bool // every statement could be read: a table that is not there does not exist
}

// fill is a load or generate block.
type fill struct {
	table string
	at    hcl.Range // of the label that names the table
	csv   string    // file of a load block; "" if there is none to read
}

// table returns a table by its name; nil if there is none.
func (t *schemaTables) table(name string) *ddl.Table {
	if i := slices.IndexFunc(t.tables, func(t *ddl.Table) bool { return t.Name == name }); i >= 0 {
		return t.tables[i]
	}
	return nil
}

// tablesOf returns the tables of a keyspace as a sandbox makes it; nil if the cluster is no sandbox, has no such keyspace
// or no schema for it.
func (l *loader) tablesOf(cluster, keyspace string) *schemaTables {
	if on := l.cluster(cluster); on != nil {
		return l.schemas[on.Sandbox][keyspace]
	}
	return nil
}

// checkSandboxSchema reads the schema of a keyspace of a sandbox, and what its load and generate blocks fill.
func (l *loader) checkSandboxSchema(s *sandboxspec.Sandbox, keyspace string, schema *document, fills []fill) {
	tables := readSchema(schema)
	if l.schemas[s] == nil {
		l.schemas[s] = map[string]*schemaTables{}
	}
	l.schemas[s][keyspace] = tables
	names := make([]string, len(tables.tables))
	for i, t := range tables.tables {
		names[i] = t.Name
	}
	for _, f := range fills {
		t := tables.table(f.table)
		switch {
		case t != nil && f.csv != "":
			l.checkCSV(f.csv, t)
		case t == nil && tables.whole:
			detail := "the schema makes no table"
			if len(names) > 0 {
				detail = "the schema makes " + list(names)
			}
			l.errorAt(f.at, fmt.Sprintf("there is no table %q", f.table), detail, suggest(f.table, names))
		}
	}
}

// readSchema returns the tables that a schema makes. The sandbox reads the schema once more when it is first opened, and
// then refuses what MySQL has and the sandbox cannot keep.
func readSchema(d *document) *schemaTables {
	statements, err := ddl.Parse(d.text)
	var wrong []error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		wrong = joined.Unwrap()
	} else if err != nil {
		wrong = []error{err}
	}
	for _, err := range wrong {
		line, text := 1, err.Error()
		if at := (*ddl.Error)(nil); errors.As(err, &at) {
			line, text = at.Line, at.Text
		}
		d.errorAtLine(line, "the schema cannot be read: "+text, "", "")
	}
	found := &schemaTables{whole: err == nil}
	for _, s := range statements {
		switch {
		case s.Table == nil && s.Versioned: // what a dump sets for its own sake
		case s.Table == nil:
			d.errorAtLine(s.Line, fmt.Sprintf("the schema of a sandbox has CREATE TABLE statements only, found %s", s.Kind), "", "")
		case found.table(s.Table.Name) != nil:
			d.errorAtLine(s.Line, fmt.Sprintf("table %s is created twice", s.Table.Name), fmt.Sprintf("the first time on line %d of the schema", found.table(s.Table.Name).Line), "")
		default:
			found.tables = append(found.tables, s.Table)
		}
	}
	return found
}
