package ddl

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"vitess.io/vitess/go/vt/sqlparser"
)

// newParser returns the parser, for the version of MySQL that Vitess 24 takes for granted. Versioned comments up to it
// count as what they contain. A parser has no state.
var newParser = sync.OnceValues(func() (*sqlparser.Parser, error) { return sqlparser.New(sqlparser.Options{}) })

// Parse reads the statements of a schema in their order. Statements other than CREATE TABLE are named, not checked. The
// error joins one *Error for each statement that is wrong; the others are returned all the same.
func Parse(schema string) ([]Statement, error) {
	parser, err := newParser()
	if err != nil {
		return nil, err
	}
	var statements []Statement
	var wrong []error
	for _, p := range split(parser, schema) {
		statement, err := p.statement(parser)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		statements = append(statements, statement)
	}
	return statements, errors.Join(wrong...)
}

// ParseTable reads one CREATE TABLE statement, as SHOW CREATE TABLE gives it. The error is an *Error.
func ParseTable(create string) (*Table, error) {
	statements, err := Parse(create)
	switch {
	case err != nil:
		return nil, err
	case len(statements) != 1 || statements[0].Table == nil:
		return nil, &Error{1, "expected one CREATE TABLE statement"}
	}
	return statements[0].Table, nil
}

// Shape returns a CREATE TABLE statement without the next value of AUTO_INCREMENT, in one spelling: equal for tables that
// are made alike. The error is an *Error.
func Shape(create string) (string, error) {
	parser, err := newParser()
	if err != nil {
		return "", err
	}
	pieces := split(parser, create)
	if len(pieces) != 1 {
		return "", &Error{1, "expected one CREATE TABLE statement"}
	}
	parsed, err := pieces[0].create(parser)
	if err != nil {
		return "", err
	}
	if spec := parsed.TableSpec; spec != nil {
		spec.Options = slices.DeleteFunc(spec.Options, func(o *sqlparser.TableOption) bool { return strings.EqualFold(o.Name, "AUTO_INCREMENT") })
	}
	return sqlparser.String(parsed), nil
}

// piece is the source of one statement.
type piece struct {
	text       string
	line       int      // of its first word in the schema
	words      []lexeme // all its tokens
	unreadable *lexeme  // the first that is no token
}

type lexeme struct {
	kind int
	text string
	line int
}

// split cuts a schema at its semicolons. Comments between statements belong to none.
func split(parser *sqlparser.Parser, schema string) []piece {
	var pieces []piece
	tokenizer := parser.NewStringTokenizer(schema)
	line, seen := 1, 0 // the line at offset seen
	lineAt := func(offset int) int {
		offset = min(offset, len(schema))
		line += strings.Count(schema[seen:offset], "\n")
		seen = offset
		return line
	}
	var current piece
	begin := -1
	for {
		from := skipSpace(schema, min(tokenizer.Pos, len(schema)))
		kind, text := tokenizer.Scan()
		switch {
		case kind == sqlparser.COMMENT:
		case kind == 0 || kind == ';':
			if begin >= 0 {
				end := len(schema)
				if kind == ';' {
					end = tokenizer.Pos - 1
				}
				current.text = schema[begin:end]
				pieces = append(pieces, current)
			}
			if kind == 0 {
				return pieces
			}
			current, begin = piece{}, -1
		default:
			w := lexeme{kind, text, lineAt(from)}
			if begin < 0 {
				begin, current.line = from, w.line
			}
			if kind == sqlparser.LEX_ERROR && current.unreadable == nil {
				current.unreadable = &w
			}
			current.words = append(current.words, w)
		}
	}
}

func skipSpace(text string, at int) int {
	return len(text) - len(strings.TrimLeft(text[at:], " \t\r\n"))
}

// statement reads the piece.
func (p *piece) statement(parser *sqlparser.Parser) (Statement, error) {
	s := Statement{Line: p.line, Kind: p.kind(), Versioned: strings.HasPrefix(p.text, "/*!")}
	if p.unreadable != nil {
		return s, p.unreadableError()
	}
	if s.Kind != createTable {
		return s, nil
	}
	create, err := p.create(parser)
	if err == nil {
		s.Table, err = p.table(create)
	}
	return s, err
}

const createTable = "CREATE TABLE"

// create parses a CREATE TABLE statement.
func (p *piece) create(parser *sqlparser.Parser) (*sqlparser.CreateTable, error) {
	if p.unreadable != nil {
		return nil, p.unreadableError()
	}
	parsed, err := parser.ParseStrictDDL(p.text + " ")
	if err != nil {
		return nil, p.syntaxError(err)
	}
	create, ok := parsed.(*sqlparser.CreateTable)
	if !ok {
		return nil, &Error{p.line, fmt.Sprintf("expected a CREATE TABLE statement, found %s", p.kind())}
	}
	return create, nil
}

func (p *piece) unreadableError() error {
	return &Error{p.unreadable.line, fmt.Sprintf("%q cannot be read: a string, a quoted name or a comment that does not end, or a character that has no meaning here", shorten(p.unreadable.text))}
}

// kind names the statement by its first words. What stands between CREATE and the thing that is made (TEMPORARY, OR
// REPLACE, a definer) is left out.
func (p *piece) kind() string {
	first := strings.ToUpper(p.words[0].text)
	switch p.words[0].kind {
	case sqlparser.CREATE, sqlparser.ALTER, sqlparser.DROP:
	default:
		return first
	}
	for _, w := range p.words[1:] {
		switch w.kind {
		case sqlparser.TABLE, sqlparser.VIEW, sqlparser.INDEX, sqlparser.DATABASE, sqlparser.SCHEMA, sqlparser.TRIGGER,
			sqlparser.FUNCTION, sqlparser.PROCEDURE, sqlparser.EVENT, sqlparser.TABLESPACE:
			return first + " " + strings.ToUpper(w.text)
		case '(':
			return first
		}
	}
	return first
}

// syntaxError places an error of the parser, which has read the text and the space after it. Its position is one after
// the token at fault; that token has no text if it is a symbol.
func (p *piece) syntaxError(err error) error {
	var at sqlparser.PositionedErr
	if !errors.As(err, &at) {
		return &Error{p.line, err.Error()}
	}
	if at.Pos-1 > len(p.text) {
		end := strings.TrimRight(p.text, " \t\r\n")
		return &Error{p.line + strings.Count(end, "\n"), at.Err + " at the end of the statement"}
	}
	near := at.Near
	if near == "" && at.Pos > 1 {
		near = p.text[at.Pos-2 : at.Pos-1]
	}
	line := p.line + strings.Count(p.text[:at.Pos-1], "\n") - strings.Count(near, "\n")
	return &Error{line, fmt.Sprintf("%s near %q", at.Err, shorten(near))}
}

// shorten keeps errors on one line.
func shorten(text string) string {
	const most = 40
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
