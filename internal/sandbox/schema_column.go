package sandbox

import (
	"strings"
)

// column reads a column's definition.
func (p *parser) column(t *table) error {
	name, err := p.name("column")
	if err != nil {
		return err
	}
	if t.column(name) != nil {
		return p.fail("table %s has column %s twice", t.Name, name)
	}
	c := column{Name: name}
	if c.Type, err = p.columnType(); err != nil {
		return err
	}
	if c.affinity() == "" {
		return p.fail("table %s, column %s: the sandbox does not know the type %s", t.Name, name, c.Type)
	}
	if err := p.columnAttributes(t, &c); err != nil {
		return err
	}
	t.Columns = append(t.Columns, c)
	return nil
}

// columnType reads a type with its arguments and sign: "decimal(10,2)", "bigint unsigned", "enum('a','b')".
func (p *parser) columnType() (string, error) {
	word, err := p.name("type")
	if err != nil {
		return "", err
	}
	text := strings.ToLower(word)
	switch {
	case text == "double":
		p.accept("PRECISION")
	case text == "character":
		text = "char"
		if p.accept("VARYING") {
			text = "varchar"
		}
	case text == "national":
		if word, err = p.name("type"); err != nil {
			return "", err
		}
		text = strings.ToLower(word)
	}
	if p.accept("(") {
		args := []string{}
		for !p.peek().is(")") {
			if p.peek().kind == tokenEnd {
				return "", p.fail("the arguments of type %s do not end", text)
			}
			args = append(args, p.next().raw)
		}
		p.next()
		text += "(" + strings.Join(args, "") + ")"
	}
	for {
		switch {
		case p.accept("UNSIGNED"):
			text += " unsigned"
		case p.accept("ZEROFILL"):
			text += " zerofill"
		case p.accept("SIGNED"):
		default:
			return text, nil
		}
	}
}

func (p *parser) columnAttributes(t *table, c *column) error {
	extra := func(words ...string) { c.Extra = strings.TrimSpace(c.Extra + " " + strings.Join(words, " ")) }
	for {
		switch {
		case p.accept("NOT", "NULL"):
			c.NotNull = true
		case p.accept("NULL"), p.accept("VISIBLE"), p.accept("STORAGE", "DISK"), p.accept("STORAGE", "MEMORY"):
		case p.accept("AUTO_INCREMENT"):
			c.AutoIncr, c.NotNull = true, true
		case p.accept("DEFAULT"):
			text, err := p.defaultValue()
			if err != nil {
				return err
			}
			c.Default = text
		case p.accept("PRIMARY", "KEY"), p.accept("PRIMARY"):
			if len(t.PrimaryKey) > 0 {
				return p.fail("table %s has two primary keys", t.Name)
			}
			t.PrimaryKey = []string{c.Name}
		case p.accept("UNIQUE"):
			p.accept("KEY")
			t.Indexes = append(t.Indexes, index{Name: c.Name, Columns: []string{c.Name}, Unique: true})
		case p.accept("COMMENT"):
			extra("COMMENT", p.next().raw)
		case p.accept("COLLATE"):
			extra("COLLATE", p.next().raw)
		case p.accept("CHARACTER", "SET"), p.accept("CHARSET"):
			extra("CHARACTER SET", p.next().raw)
		case p.accept("ON", "UPDATE"):
			text, err := p.defaultValue()
			if err != nil {
				return err
			}
			extra("ON UPDATE", text)
		case p.peek().is(","), p.peek().is(")"):
			return nil
		default:
			return p.fail("table %s, column %s: the sandbox does not know %v", t.Name, c.Name, p.peek())
		}
	}
}

// defaultValue reads a literal, a signed number, a function call or an expression in parentheses, as written.
func (p *parser) defaultValue() (string, error) {
	switch t := p.peek(); {
	case t.is("("):
		p.next()
		inner := p.rawEntry()
		return "(" + inner + ")", p.expect(")")
	case t.is("-"), t.is("+"):
		return p.next().raw + p.next().raw, nil
	case t.kind == tokenSymbol, t.kind == tokenEnd:
		return "", p.fail("expected a default value, found %v", t)
	}
	text := p.next().raw
	if p.accept("(") {
		inner := p.rawEntry()
		return text + "(" + inner + ")", p.expect(")")
	}
	return text, nil
}
