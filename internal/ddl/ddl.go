// Package ddl reads MySQL's data definition: schema files and the CREATE TABLE statements that a cluster shows. It
// parses with Vitess's own parser (vitess.io/vitess/go/vt/sqlparser), so comments, strings and versioned comments count
// as what they are. It is a leaf: it knows no cluster, no sandbox and no file, and imports nothing of Vitess's servers.
package ddl

import (
	"fmt"
	"slices"
	"strings"
)

// Statement is one statement of a schema.
type Statement struct {
	Line int    // of its first word, from 1
	Kind string // its first words in upper case: "CREATE TABLE", "CREATE VIEW", "DROP TABLE", "INSERT", "SET"
	// Versioned says that it begins within a versioned comment: /*!40101 SET NAMES utf8mb4 */
	Versioned bool

	// Table is what a CREATE TABLE defines; nil for any other statement.
	Table *Table
}

// Table is a table as its CREATE TABLE statement defines it.
type Table struct {
	Name        string // without its database
	Line        int    // of the statement's first word, from 1
	Columns     []Column
	Keys        []Key // in the order of the statement, those that stand with a column last
	ForeignKeys []ForeignKey
}

// Column is a column of a table.
type Column struct {
	Name string
	Line int // of its name, from 1

	Type     string   // in lower case, without arguments and sign, as written: "bigint", "integer", "varchar"
	Length   int      // the first argument of the type: 64 of varchar(64), 10 of decimal(10,2); -1 if there is none
	Scale    int      // the second argument of the type: 2 of decimal(10,2); -1 if there is none
	Values   []string // of an enum or a set, unquoted
	Unsigned bool

	CharacterSet, Collation string // "" where the table's applies

	NotNull       bool // also by being part of the primary key or by AUTO_INCREMENT
	AutoIncrement bool
	HasDefault    bool // a DEFAULT is written, also DEFAULT NULL
	Generated     bool // computed from an expression
	Invisible     bool
}

// Key is an index of a table.
type Key struct {
	Name    string // "PRIMARY" for the primary key; "" if the statement gives none
	Columns []KeyColumn
	Primary bool
	Unique  bool // a primary key is unique too
}

// KeyColumn is a part of a key.
type KeyColumn struct {
	Name       string // "" for an expression
	Length     int    // of the prefix that is indexed; 0 for the whole value
	Expression bool
}

// ForeignKey is a FOREIGN KEY constraint. REFERENCES that stands with a column is none: MySQL ignores it up to 8.4, and
// later shows it as a constraint.
type ForeignKey struct {
	Name       string // "" if the statement gives none
	Columns    []string
	References string // the table
}

// Error is what is wrong with a schema at one place.
type Error struct {
	Line int // from 1
	Text string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Text) }

// Column returns the column of a name, which is compared as MySQL does, without regard to case; nil if there is none.
func (t *Table) Column(name string) *Column {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return strings.EqualFold(c.Name, name) })
	if i < 0 {
		return nil
	}
	return &t.Columns[i]
}

// PrimaryKey returns the primary key, nil if there is none.
func (t *Table) PrimaryKey() *Key {
	return t.key(func(k Key) bool { return k.Primary })
}

// RowKey returns the key that tells rows apart: the primary key, else the first unique key on columns of which none
// can be NULL. nil means that there is neither: nothing keeps two rows from being equal.
func (t *Table) RowKey() *Key {
	if k := t.PrimaryKey(); k != nil {
		return k
	}
	return t.key(func(k Key) bool {
		return k.Unique && !slices.ContainsFunc(k.Columns, func(c KeyColumn) bool {
			column := t.Column(c.Name)
			return column == nil || !column.NotNull
		})
	})
}

func (t *Table) key(wanted func(Key) bool) *Key {
	if i := slices.IndexFunc(t.Keys, wanted); i >= 0 {
		return &t.Keys[i]
	}
	return nil
}
