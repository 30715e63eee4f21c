package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// maxKeyColumns is the most columns that MySQL takes in a key, and what the change log has room for.
const maxKeyColumns = 16

// parser reads CREATE TABLE statements of MySQL's dialect.
type parser struct {
	tokens []token
	at     int
}

// parseSchema reads the CREATE TABLE statements of a schema. Any other statement is an error, as is what the sandbox
// cannot keep as it is.
func parseSchema(src string) ([]*table, error) {
	tokens, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	var tables []*table
	for {
		for p.accept(";") {
		}
		if p.peek().kind == tokenEnd {
			return tables, nil
		}
		start := p.peek()
		t, err := p.createTable()
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(tables, func(o *table) bool { return o.Name == t.Name }) {
			return nil, &schemaError{start.line, fmt.Sprintf("table %s is created twice", t.Name)}
		}
		tables = append(tables, t)
	}
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokenEnd {
		p.at++
	}
	return t
}

// accept takes the words if they are next, all of them or none.
func (p *parser) accept(words ...string) bool {
	for i, w := range words {
		if p.at+i >= len(p.tokens) || !p.tokens[p.at+i].is(w) {
			return false
		}
	}
	p.at += len(words)
	return true
}

func (p *parser) fail(format string, args ...any) error {
	return &schemaError{p.peek().line, fmt.Sprintf(format, args...)}
}

func (p *parser) expect(word string) error {
	if p.accept(word) {
		return nil
	}
	return p.fail("expected %q, found %v", word, p.peek())
}

func (p *parser) name(what string) (string, error) {
	if t := p.peek(); t.kind == tokenWord || t.kind == tokenQuoted {
		return p.next().text, nil
	}
	return "", p.fail("expected the name of a %s, found %v", what, p.peek())
}

func (p *parser) createTable() (*table, error) {
	if !p.accept("CREATE", "TABLE") {
		words := p.peek().String()
		if p.at+1 < len(p.tokens) && p.tokens[p.at+1].kind == tokenWord {
			words = fmt.Sprintf("%q", p.peek().raw+" "+p.tokens[p.at+1].raw)
		}
		return nil, p.fail("the sandbox takes CREATE TABLE statements only, found %s", words)
	}
	p.accept("IF", "NOT", "EXISTS")
	name, err := p.name("table")
	if err != nil {
		return nil, err
	}
	if p.accept(".") {
		if name, err = p.name("table"); err != nil {
			return nil, err
		}
	}
	t := &table{Name: name}
	if isReserved(name) {
		return nil, p.fail("table %s: names that start with %s or sqlite_ are the sandbox's own", name, reserved)
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	for {
		if err := p.definition(t); err != nil {
			return nil, err
		}
		if p.accept(",") {
			continue
		}
		if err := p.expect(")"); err != nil {
			return nil, err
		}
		break
	}
	t.Options = p.rawUntil(";")
	return t, p.check(t)
}

// rawUntil takes the tokens up to the symbol or the end and gives them as written, with single spaces.
func (p *parser) rawUntil(symbol string) string {
	var parts []string
	for t := p.peek(); t.kind != tokenEnd && !t.is(symbol); t = p.peek() {
		parts = append(parts, p.next().raw)
	}
	return tidy(parts)
}

// tidy joins tokens the way MySQL shows them: no space around "=" and ".", within parentheses, and before commas.
func tidy(parts []string) string {
	var b strings.Builder
	for i, part := range parts {
		if i > 0 && !strings.Contains("=),.", part) && !strings.Contains("=(.", parts[i-1]) {
			b.WriteByte(' ')
		}
		b.WriteString(part)
	}
	return b.String()
}

// definition reads one entry between the parentheses: a column, a key or a constraint.
func (p *parser) definition(t *table) error {
	start := p.at
	if p.accept("CONSTRAINT") {
		if !p.peek().is("FOREIGN") && !p.peek().is("PRIMARY") && !p.peek().is("UNIQUE") && !p.peek().is("CHECK") {
			if _, err := p.name("constraint"); err != nil {
				return err
			}
		}
	}
	switch {
	case p.accept("PRIMARY", "KEY"):
		columns, err := p.keyColumns()
		if err != nil {
			return err
		}
		if len(t.PrimaryKey) > 0 {
			return p.fail("table %s has two primary keys", t.Name)
		}
		t.PrimaryKey = columns
		return nil
	case p.accept("UNIQUE"):
		p.acceptAny("KEY", "INDEX")
		return p.index(t, true, "")
	case p.accept("KEY"), p.accept("INDEX"):
		return p.index(t, false, "")
	case p.peek().is("FULLTEXT"), p.peek().is("SPATIAL"):
		kind := strings.ToUpper(p.next().text)
		p.acceptAny("KEY", "INDEX")
		return p.index(t, false, kind)
	case p.peek().is("FOREIGN"), p.peek().is("CHECK"):
		p.at = start
		t.Constraints = append(t.Constraints, p.rawEntry())
		return nil
	}
	p.at = start
	return p.column(t)
}

func (p *parser) acceptAny(words ...string) {
	for _, w := range words {
		if p.accept(w) {
			return
		}
	}
}

// rawEntry takes the tokens up to the comma or parenthesis that ends the entry.
func (p *parser) rawEntry() string {
	var parts []string
	for depth := 0; ; {
		t := p.peek()
		if t.kind == tokenEnd || depth == 0 && (t.is(",") || t.is(")")) {
			return tidy(parts)
		}
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		}
		parts = append(parts, p.next().raw)
	}
}

func (p *parser) index(t *table, unique bool, kind string) error {
	name := ""
	if !p.peek().is("(") && !p.peek().is("USING") {
		var err error
		if name, err = p.name("key"); err != nil {
			return err
		}
	}
	columns, err := p.keyColumns()
	if err != nil {
		return err
	}
	if name == "" {
		name = columns[0]
		for n := 2; slices.ContainsFunc(t.Indexes, func(o index) bool { return strings.EqualFold(o.Name, name) }); n++ {
			name = fmt.Sprintf("%s_%d", columns[0], n)
		}
	}
	t.Indexes = append(t.Indexes, index{Name: name, Columns: columns, Unique: unique, Kind: kind})
	return nil
}

// keyColumns reads "(a, b(10) DESC)" and what may follow it.
func (p *parser) keyColumns() ([]string, error) {
	p.indexOptions()
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var columns []string
	for {
		if p.peek().is("(") {
			return nil, p.fail("the sandbox cannot make keys of expressions")
		}
		name, err := p.name("column")
		if err != nil {
			return nil, err
		}
		columns = append(columns, name)
		if p.accept("(") {
			p.next()
			if err := p.expect(")"); err != nil {
				return nil, err
			}
		}
		p.acceptAny("ASC", "DESC")
		if p.accept(",") {
			continue
		}
		if err := p.expect(")"); err != nil {
			return nil, err
		}
		p.indexOptions()
		if len(columns) > maxKeyColumns {
			return nil, p.fail("a key has %d columns, the most is %d", len(columns), maxKeyColumns)
		}
		return columns, nil
	}
}

func (p *parser) indexOptions() {
	for {
		switch {
		case p.accept("USING"), p.accept("COMMENT"):
			p.next()
		case p.accept("VISIBLE"), p.accept("INVISIBLE"):
		default:
			return
		}
	}
}

// check sees to it that keys name columns that exist and spells them as the columns are.
func (p *parser) check(t *table) error {
	if len(t.Columns) == 0 {
		return p.fail("table %s has no columns", t.Name)
	}
	spell := func(columns []string) error {
		for i, name := range columns {
			c := t.column(name)
			if c == nil {
				return p.fail("table %s has a key on column %s, which it does not have", t.Name, name)
			}
			columns[i] = c.Name
		}
		return nil
	}
	if err := spell(t.PrimaryKey); err != nil {
		return err
	}
	for _, name := range t.PrimaryKey {
		t.column(name).NotNull = true
	}
	for _, ix := range t.Indexes {
		if err := spell(ix.Columns); err != nil {
			return err
		}
	}
	if _, err := t.createSQL(); err != nil {
		return p.fail("%v", err)
	}
	return nil
}
