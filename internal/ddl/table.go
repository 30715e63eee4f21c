package ddl

import (
	"fmt"
	"strings"

	"vitess.io/vitess/go/sqltypes"
	"vitess.io/vitess/go/vt/sqlparser"
)

// table turns the parser's tree into a Table. CREATE TABLE … LIKE and … AS SELECT are errors: what they make cannot be
// told from the statement alone.
func (p *piece) table(create *sqlparser.CreateTable) (*Table, error) {
	t := &Table{Name: create.Table.Name.String(), Line: p.line}
	if create.TableSpec == nil || create.OptLike != nil || create.Select != nil {
		return nil, &Error{p.line, fmt.Sprintf("table %s is not made of columns of its own: CREATE TABLE … LIKE and … AS SELECT cannot be read", t.Name)}
	}
	lines := p.columnLines()
	for i, definition := range create.TableSpec.Columns {
		line := p.line
		if i < len(lines) {
			line = lines[i]
		}
		if err := t.addColumn(definition, line); err != nil {
			return nil, &Error{line, err.Error()}
		}
	}
	t.addKeys(create.TableSpec)
	for _, k := range t.Keys {
		for _, part := range k.Columns {
			c := t.Column(part.Name)
			switch {
			case part.Expression:
			case c == nil:
				return nil, &Error{p.line, fmt.Sprintf("table %s has a key on column %s, which it does not have", t.Name, part.Name)}
			case k.Primary:
				c.NotNull = true
			}
		}
	}
	return t, nil
}

func (t *Table) addColumn(definition *sqlparser.ColumnDefinition, line int) error {
	kind := definition.Type
	c := Column{
		Name: definition.Name.String(), Line: line, Type: strings.ToLower(kind.Type), Length: -1, Scale: -1,
		Unsigned: kind.Unsigned || kind.Zerofill, CharacterSet: kind.Charset.Name,
	}
	if t.Column(c.Name) != nil {
		return fmt.Errorf("table %s has column %s twice", t.Name, c.Name)
	}
	for _, quoted := range kind.EnumValues {
		value, err := sqltypes.DecodeStringSQL(quoted)
		if err != nil {
			return fmt.Errorf("table %s, column %s: value %s: %w", t.Name, c.Name, quoted, err)
		}
		c.Values = append(c.Values, value)
	}
	if kind.Length != nil {
		c.Length = *kind.Length
	}
	if kind.Scale != nil {
		c.Scale = *kind.Scale
	}
	if o := kind.Options; o != nil {
		c.Collation = o.Collate
		c.AutoIncrement = o.Autoincrement
		c.NotNull = o.Autoincrement || o.Null != nil && !*o.Null
		c.HasDefault = o.Default != nil
		c.Generated = o.As != nil
		c.Invisible = o.Invisible != nil && *o.Invisible
	}
	t.Columns = append(t.Columns, c)
	return nil
}

// addKeys adds the keys and the foreign keys. MySQL numbers those that stand with a column after the others.
func (t *Table) addKeys(spec *sqlparser.TableSpec) {
	for _, index := range spec.Indexes {
		k := Key{Name: index.Info.Name.String(), Unique: index.Info.IsUnique(), Primary: index.Info.Type == sqlparser.IndexTypePrimary}
		for _, part := range index.Columns {
			column := KeyColumn{Name: part.Column.String(), Expression: part.Expression != nil}
			if part.Length != nil {
				column.Length = *part.Length
			}
			k.Columns = append(k.Columns, column)
		}
		t.Keys = append(t.Keys, k.named())
	}
	for _, definition := range spec.Columns {
		if definition.Type.Options == nil {
			continue
		}
		k := Key{Columns: []KeyColumn{{Name: definition.Name.String()}}}
		switch definition.Type.Options.KeyOpt {
		case sqlparser.ColKeyPrimary, sqlparser.ColKey: // KEY alone is a primary key there
			k.Primary, k.Unique = true, true
		case sqlparser.ColKeyUnique, sqlparser.ColKeyUniqueKey:
			k.Unique = true
		default:
			continue
		}
		t.Keys = append(t.Keys, k.named())
	}
	for _, constraint := range spec.Constraints {
		foreign, ok := constraint.Details.(*sqlparser.ForeignKeyDefinition)
		if !ok {
			continue
		}
		f := ForeignKey{Name: constraint.Name.String(), References: foreign.ReferenceDefinition.ReferencedTable.Name.String()}
		for _, column := range foreign.Source {
			f.Columns = append(f.Columns, column.String())
		}
		t.ForeignKeys = append(t.ForeignKeys, f)
	}
}

func (k Key) named() Key {
	if k.Primary {
		k.Name = "PRIMARY"
	}
	return k
}

// columnLines returns the lines of the names of the columns, in order: the parser's tree has no places.
func (p *piece) columnLines() []int {
	var lines []int
	depth := 0
	for i, w := range p.words {
		switch w.kind {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return lines
			}
		}
		if depth == 1 && (w.kind == '(' || w.kind == ',') && i+1 < len(p.words) && !startsKey(p.words[i+1]) {
			lines = append(lines, p.words[i+1].line)
		}
	}
	return lines
}

// startsKey reports whether a definition that begins with the word is no column. These words are reserved, so a column
// of that name is quoted, and a quoted name is an ID.
func startsKey(w lexeme) bool {
	switch w.kind {
	case sqlparser.PRIMARY, sqlparser.UNIQUE, sqlparser.KEY, sqlparser.INDEX, sqlparser.CONSTRAINT, sqlparser.FOREIGN,
		sqlparser.FULLTEXT, sqlparser.SPATIAL, sqlparser.CHECK:
		return true
	}
	return false
}
