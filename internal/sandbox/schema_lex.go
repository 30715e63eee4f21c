package sandbox

import (
	"fmt"
	"strings"
)

// tokenKind tells the tokens of MySQL's dialect apart.
type tokenKind int

const (
	tokenEnd     tokenKind = iota
	tokenWord              // a bare identifier or keyword
	tokenQuoted            // an identifier in backticks; text is without them
	tokenText              // a string literal; text is its value
	tokenNumber            // text as written
	tokenSymbol            // one character
	tokenLiteral           // x'…' or b'…', text as written
)

type token struct {
	kind tokenKind
	text string
	line int
	raw  string // as written
}

// is reports whether the token is this keyword or symbol, in any case of letters.
func (t token) is(word string) bool {
	return (t.kind == tokenWord || t.kind == tokenSymbol) && strings.EqualFold(t.text, word)
}

func (t token) String() string {
	if t.kind == tokenEnd {
		return "the end of the schema"
	}
	return fmt.Sprintf("%q", t.raw)
}

// schemaError is a complaint about a schema text.
type schemaError struct {
	line int
	text string
}

func (e *schemaError) Error() string { return fmt.Sprintf("schema line %d: %s", e.line, e.text) }

// lex splits a schema into tokens; comments of all three styles are dropped.
func lex(src string) ([]token, error) {
	var tokens []token
	line := 1
	for i := 0; i < len(src); {
		c := src[i]
		rest := src[i:]
		switch {
		case c == '\n':
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case strings.HasPrefix(rest, "\ufeff"):
			i += len("\ufeff")
		case c == '#' || strings.HasPrefix(rest, "--") && (len(rest) == 2 || strings.ContainsRune(" \t\r\n", rune(rest[2]))):
			if n := strings.IndexByte(rest, '\n'); n >= 0 {
				i += n
			} else {
				i = len(src)
			}
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest, "*/")
			if n < 0 {
				return nil, &schemaError{line, "a comment that starts with /* does not end"}
			}
			line += strings.Count(rest[:n], "\n")
			i += n + 2
		case c == '\'' || c == '"' || c == '`':
			t, n, err := lexQuoted(rest, line)
			if err != nil {
				return nil, err
			}
			tokens = append(tokens, t)
			line += strings.Count(rest[:n], "\n")
			i += n
		case (c|0x20 == 'x' || c|0x20 == 'b') && len(rest) > 1 && rest[1] == '\'':
			n := strings.IndexByte(rest[2:], '\'')
			if n < 0 {
				return nil, &schemaError{line, "a literal that starts with " + rest[:2] + " does not end"}
			}
			tokens = append(tokens, token{tokenLiteral, rest[:n+3], line, rest[:n+3]})
			i += n + 3
		case wordByte(c):
			n := 1
			for n < len(rest) && (wordByte(rest[n]) || rest[n] == '.' && isDigit(c)) {
				n++
			}
			kind := tokenWord
			if isDigit(c) {
				kind = tokenNumber
			}
			tokens = append(tokens, token{kind, rest[:n], line, rest[:n]})
			i += n
		default:
			tokens = append(tokens, token{tokenSymbol, rest[:1], line, rest[:1]})
			i++
		}
	}
	return append(tokens, token{kind: tokenEnd, line: line}), nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func wordByte(c byte) bool {
	return c == '_' || c == '$' || isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}

var escapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', '0': 0, 'b': '\b', 'Z': 26}

// lexQuoted reads a literal or name that starts with a quote and gives how many bytes it takes.
func lexQuoted(rest string, line int) (token, int, error) {
	quote := rest[0]
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		c := rest[i]
		switch {
		case c == '\\' && quote != '`' && i+1 < len(rest):
			i++
			if plain, ok := escapes[rest[i]]; ok {
				b.WriteByte(plain)
			} else {
				b.WriteByte(rest[i])
			}
		case c == quote && i+1 < len(rest) && rest[i+1] == quote:
			b.WriteByte(quote)
			i++
		case c == quote:
			kind := tokenText
			if quote == '`' {
				kind = tokenQuoted
			}
			return token{kind, b.String(), line, rest[:i+1]}, i + 1, nil
		default:
			b.WriteByte(c)
		}
	}
	return token{}, 0, &schemaError{line, fmt.Sprintf("a text that starts with %c does not end", quote)}
}
