package config

import (
	"strings"
	"unicode/utf8"
)

// item is one attribute or block of a body, with the comments before it, as offsets into the file's text.
type item struct {
	start, end int
	line       int // of start
	open       int // offset of the block's opening brace; -1 if it has none
	close      int // offset of the matching brace
	openLine   int
}

// splitter finds the items of a body without parsing it, so that each can be parsed by itself: one mistake then spoils
// one item, and a large operation never is in memory as syntax trees and tokens as a whole. It follows the scanner of
// hclsyntax closely enough that whatever is valid is cut between items; what it cuts wrongly is invalid either way.
type splitter struct {
	text     string
	at, end  int
	line     int
	frames   []frame
	items    []item
	cur      item
	equals   bool // an = was seen in the current item outside of brackets
	content  bool // something other than comments was seen in it
	unclosed bool // a bracket was open at the end
	problem  string
	badAt    int // offset and line of the problem
	badLine  int
}

// frame is an open bracket or template.
type frame struct {
	kind   byte   // one of { [ ( for brackets, $ for an interpolation, " for a string, < for a heredoc
	marker string // of a heredoc
	line   int
}

// split finds the items of text[start:end], which begins on line. It stops where problem says why: a comment without
// end, too much nesting, a number out of range.
func split(text string, start, end, line int) (items []item, s *splitter) {
	s = &splitter{text: text, at: start, end: end, line: line}
	s.begin()
	for s.at < s.end && s.problem == "" {
		switch s.top().kind {
		case '"':
			s.quoted()
		case '<':
			s.heredoc()
		default:
			s.code()
		}
	}
	if s.problem == "" {
		s.unclosed = len(s.frames) > 0
		s.finish(s.end)
	}
	return s.items, s
}

func (s *splitter) top() frame {
	if len(s.frames) == 0 {
		return frame{}
	}
	return s.frames[len(s.frames)-1]
}

func (s *splitter) push(kind byte, marker string) {
	if len(s.frames) >= maxNesting {
		s.fail("brackets are nested too deeply")
		return
	}
	s.frames = append(s.frames, frame{kind, marker, s.line})
}

func (s *splitter) pop() { s.frames = s.frames[:len(s.frames)-1] }

func (s *splitter) fail(problem string) {
	if s.problem == "" {
		s.problem, s.badAt, s.badLine = problem, s.at, s.line
	}
}

// begin starts an item at the current offset; finish ends it.
func (s *splitter) begin() {
	s.cur = item{start: s.at, line: s.line, open: -1, close: -1}
	s.equals, s.content = false, false
}

func (s *splitter) finish(at int) {
	s.cur.end = at
	if s.content {
		s.items = append(s.items, s.cur)
	}
}

func (s *splitter) rest() string { return s.text[s.at:s.end] }

func (s *splitter) code() {
	c := s.text[s.at]
	comment := c == '#' || strings.HasPrefix(s.rest(), "//") || strings.HasPrefix(s.rest(), "/*")
	if !comment && c != '\n' && c != ' ' && c != '\t' && c != '\r' {
		s.content = true
	}
	switch {
	case c == '\n':
		s.at++
		s.line++
		if len(s.frames) == 0 {
			s.endOfItem()
		}
	case c == '#' || strings.HasPrefix(s.rest(), "//"):
		if i := strings.IndexByte(s.rest(), '\n'); i >= 0 {
			s.at += i
		} else {
			s.at = s.end
		}
	case strings.HasPrefix(s.rest(), "/*"):
		i := strings.Index(s.rest()[2:], "*/")
		if i < 0 {
			s.fail("a comment is not closed")
			return
		}
		s.line += strings.Count(s.rest()[:i+4], "\n")
		s.at += i + 4
	case c == '"':
		s.push('"', "")
		s.at++
	case c == '<' && s.beginHeredoc():
	case c == '{' || c == '[' || c == '(':
		if c == '{' && len(s.frames) == 0 && !s.equals && s.cur.open < 0 {
			s.cur.open, s.cur.openLine = s.at, s.line
		}
		s.push(c, "")
		s.at++
	case c == '}' || c == ']' || c == ')':
		s.closeBracket(c)
	case '0' <= c && c <= '9':
		s.number()
	case isWord(c):
		for s.at < s.end && isWord(s.text[s.at]) {
			s.at++
		}
	default:
		if c == '=' && len(s.frames) == 0 {
			s.equals = true
		}
		s.at++
	}
}

// endOfItem ends the current item at a line end outside of all brackets, unless it is only comments so far: those
// belong to what follows.
func (s *splitter) endOfItem() {
	if s.content {
		s.finish(s.at)
		s.begin()
	}
}

var closes = map[byte]byte{'}': '{', ']': '[', ')': '('}

// closeBracket also takes a bracket that does not match: up to the nearest one it could close, so that the items behind
// a forgotten bracket are still found. The parser complains about the item itself.
func (s *splitter) closeBracket(c byte) {
	for i := len(s.frames) - 1; i >= 0; i-- {
		kind := s.frames[i].kind
		if kind == closes[c] || c == '}' && kind == '$' {
			s.frames = s.frames[:i]
			break
		}
		if kind == '$' || kind == '"' || kind == '<' {
			break
		}
	}
	if len(s.frames) == 0 && c == '}' && s.cur.open >= 0 && s.cur.close < 0 {
		s.cur.close = s.at
	}
	s.at++
}

// number skips a number. Exponents of more than four digits are refused: written out, such a number fills the memory.
func (s *splitter) number() {
	for s.at < s.end {
		c := s.text[s.at]
		if (c == 'e' || c == 'E') && s.exponent() > 4 {
			s.fail("a number is out of range")
			return
		}
		if !isWord(c) && c != '.' {
			return
		}
		s.at++
	}
}

func (s *splitter) exponent() int {
	digits := strings.TrimLeft(strings.TrimLeft(s.rest()[1:], "+-"), "0")
	return len(digits) - len(strings.TrimLeft(digits, "0123456789"))
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c >= utf8.RuneSelf
}

// beginHeredoc takes <<MARKER or <<-MARKER at a line's end.
func (s *splitter) beginHeredoc() bool {
	intro, ok := strings.CutPrefix(s.rest(), "<<")
	if !ok {
		return false
	}
	first, _, found := strings.Cut(intro[:min(len(intro), 300)], "\n")
	marker := strings.TrimSuffix(strings.TrimPrefix(first, "-"), "\r")
	if !found || marker == "" || strings.ContainsFunc(marker, func(r rune) bool { return r < utf8.RuneSelf && !isWord(byte(r)) && r != '-' }) {
		return false
	}
	s.push('<', marker)
	s.at += len("<<") + len(first) + 1
	s.line++
	return true
}

// quoted reads a string up to its end or the next interpolation. A line end also ends it, to find the next item again.
func (s *splitter) quoted() {
	for s.at < s.end {
		switch c := s.text[s.at]; c {
		case '\\':
			s.at++
			if s.at < s.end && s.text[s.at] != '\n' {
				s.at++
			}
		case '"':
			s.pop()
			s.at++
			return
		case '\n':
			s.breakString()
			return
		case '$', '%':
			if s.template(c) {
				return
			}
		default:
			s.at++
		}
	}
}

// breakString gives up a string that was not closed on its line, with the interpolations that it is in.
func (s *splitter) breakString() {
	for k := s.top().kind; k == '"' || k == '$'; k = s.top().kind {
		s.pop()
	}
}

// template takes ${ and %{, and the escapes $${ and %%{, at a $ or %; true if it begins an interpolation.
func (s *splitter) template(c byte) bool {
	rest := s.rest()
	switch {
	case len(rest) > 2 && rest[1] == c && rest[2] == '{':
		s.at += 3
	case len(rest) > 1 && rest[1] == '{':
		s.push('$', "")
		s.at += 2
		return true
	default:
		s.at++
	}
	return false
}

// heredoc reads up to the end of a heredoc or the next interpolation.
func (s *splitter) heredoc() {
	marker := s.top().marker
	lineStart := s.at == 0 || s.text[s.at-1] == '\n'
	for s.at < s.end {
		if lineStart {
			text, _, found := strings.Cut(s.rest(), "\n")
			if found && strings.TrimSpace(text) == marker {
				s.at += len(text) // the line end is the attribute's
				s.pop()
				return
			}
		}
		lineStart = false
		switch c := s.text[s.at]; c {
		case '\n':
			s.at++
			s.line++
			lineStart = true
		case '$', '%':
			if s.template(c) {
				return
			}
		default:
			s.at++
		}
	}
}
