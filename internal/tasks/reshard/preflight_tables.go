package reshard

import (
	"fmt"
	"slices"
	"strings"

	"shardform/internal/ddl"
	"shardform/internal/vitess"
)

// checkVindexChange refuses another primary vindex for rows that the old one has placed on several shards.
func checkVindexChange(f *facts) []complaint {
	var list []complaint
	for _, change := range f.vindexChanges() {
		if f.hasRows(change.Table, f.ServingShards()) {
			list = append(list, complaint{text: "the primary vindex of a table with rows on several shards would change: " + change.String(),
				cure: "keep the vindex; copy the table into a new one by a Materialize workflow instead"})
		}
	}
	return list
}

// vindexChanges are the tables whose rows the wanted vschema looks for elsewhere, where several shards serve.
func (f *facts) vindexChanges() []VindexChange {
	if len(f.Shards) == 0 || !f.wanted.Sharded || len(f.ServingShards()) < 2 {
		return nil
	}
	return PrimaryVindexChanges(f.present, f.wanted)
}

// checkSameSchema wants the sources to have the same tables: the server takes the schema from the first one.
func checkSameSchema(f *facts) []complaint {
	var list []complaint
	first := f.Sources[0].Name
	for _, source := range f.Sources[1:] {
		there, ok := f.tables[source.Name]
		if !ok {
			continue
		}
		for _, table := range f.sourceTables() {
			i := slices.IndexFunc(there, func(t vitess.TableSchema) bool { return t.Name == table.Name })
			if i < 0 {
				list = append(list, schemaDiffers(f, "table %s is on %s and not on %s", table.Name, first, source.Name))
			} else if there[i].Shape() != table.Shape() {
				list = append(list, schemaDiffers(f, "table %s is not the same on %s and %s", table.Name, first, source.Name))
			}
		}
		for _, table := range there {
			if isCopiedTable(table) && !slices.ContainsFunc(f.tables[first], func(t vitess.TableSchema) bool { return t.Name == table.Name }) {
				list = append(list, schemaDiffers(f, "table %s is on %s and not on %s", table.Name, source.Name, first))
			}
		}
	}
	return list
}

func schemaDiffers(f *facts, format string, args ...any) complaint {
	return complaint{text: fmt.Sprintf(format, args...), cure: "make them equal: vtctldclient ValidateSchemaKeyspace " + f.Keyspace}
}

// checkDefinitions wants every table's definition to be one that Vitess's parser reads: the checks below look at what it
// read, and the streams parse it too where secondary keys are deferred.
func checkDefinitions(f *facts) []complaint {
	var list []complaint
	for _, table := range f.sourceTables() {
		if err := f.unreadable[table.Name]; err != nil {
			list = append(list, complaint{text: fmt.Sprintf("the definition of table %s cannot be read: %v", table.Name, err),
				cure: fmt.Sprintf("look at it and change what Vitess's parser does not know: vtctldclient ExecuteFetchAsDBA %s 'SHOW CREATE TABLE %s'",
					shardRecord(f.Snapshot, f.Sources[0].Name).PrimaryAlias, table.Name)})
		}
	}
	return list
}

// checkPrimaryKeys wants a primary key on every table; a unique key without NULLs may take its place in VReplication.
func checkPrimaryKeys(f *facts) []complaint {
	var list []complaint
	for _, table := range f.definitions {
		if table.PrimaryKey() != nil {
			continue
		}
		c := complaint{text: fmt.Sprintf("table %s has no primary key", table.Name), cure: fmt.Sprintf("add one: ALTER TABLE %s ADD PRIMARY KEY (…)", table.Name)}
		if key := table.RowKey(); key != nil {
			c.warning = true
			c.text += fmt.Sprintf(": the unique key %s has to take its place, which is slow", key.Name)
		}
		list = append(list, c)
	}
	return list
}

// checkAutoIncrement refuses tables that several shards would number each for themselves.
func checkAutoIncrement(f *facts) []complaint {
	if len(f.Targets) < 2 || !f.wanted.Sharded {
		return nil
	}
	var list []complaint
	for _, table := range f.definitions {
		column := slices.ContainsFunc(table.Columns, func(c ddl.Column) bool { return c.AutoIncrement })
		entry := f.wanted.Tables[table.Name]
		if !column || entry.AutoIncrement != nil || entry.Type == "reference" {
			continue
		}
		c := complaint{text: fmt.Sprintf("table %s has an AUTO_INCREMENT column and no sequence in the vschema: several shards would give the same numbers", table.Name),
			cure: fmt.Sprintf("add auto_increment with a sequence for table %s to the vschema, or drop AUTO_INCREMENT from the column", table.Name)}
		c.warning = len(f.Sources) > 1 // it is so already
		list = append(list, c)
	}
	return list
}

// checkTables refuses a keyspace of which nothing is copied: its streams stop with "There is nothing to replicate", and a
// layout of empty shards needs no workflow.
func checkTables(f *facts) []complaint {
	tables, read := f.tables[f.Sources[0].Name]
	if !read || slices.ContainsFunc(tables, func(t vitess.TableSchema) bool {
		return isCopiedTable(t) && f.wanted.Tables[t.Name].Type != "reference"
	}) {
		return nil
	}
	return []complaint{{text: fmt.Sprintf("source shard %s has no table that a reshard copies: its streams would stop at once", f.Sources[0]),
		cure: "create the tables first"}}
}

// checkViews refuses views that would be lost: they are never copied.
func checkViews(f *facts) []complaint {
	var list []complaint
	for _, view := range f.tables[f.Sources[0].Name] {
		if view.Type != "VIEW" {
			continue
		}
		for _, target := range f.Targets {
			tables, read := f.tables[target.Name]
			if read && !slices.ContainsFunc(tables, func(t vitess.TableSchema) bool { return t.Name == view.Name && t.Type == "VIEW" }) {
				list = append(list, complaint{text: fmt.Sprintf("view %s would be lost: views are not copied, and it does not exist on target shard %s", view.Name, target),
					cure: fmt.Sprintf("vtctldclient CopySchemaShard --include-views %s/%s %s/%s", f.Keyspace, f.Sources[0].Name, f.Keyspace, target)})
			}
		}
	}
	return list
}

// checkForeignKeys refuses foreign keys: rows of a parent may go to another shard than its children.
func checkForeignKeys(f *facts) []complaint {
	var list []complaint
	for _, table := range f.definitions {
		for _, key := range table.ForeignKeys {
			list = append(list, complaint{text: fmt.Sprintf("table %s has the foreign key %s, which cannot be kept across shards", table.Name, key.Name),
				cure: fmt.Sprintf("drop it: ALTER TABLE %s DROP FOREIGN KEY %s", table.Name, key.Name)})
		}
	}
	return list
}

// checkTargetsEmpty refuses targets with rows: VReplication would stumble over them, or serve them.
func checkTargetsEmpty(f *facts) []complaint {
	var list []complaint
	for _, target := range f.Targets {
		var full []string
		for _, table := range f.tables[target.Name] {
			if isCopiedTable(table) && slices.Contains(f.filled[target.Name], table.Name) {
				full = append(full, table.Name)
			}
		}
		if len(full) > 0 {
			list = append(list, complaint{text: fmt.Sprintf("target shard %s is not empty: %s", target, strings.Join(full, ", ")),
				cure: dropThere(shardRecord(f.Snapshot, target.Name).PrimaryAlias, full)})
		}
	}
	return list
}
