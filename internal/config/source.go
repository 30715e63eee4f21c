package config

import (
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"shardform/internal/diag"
)

// Limits on what is read. The parsers below recurse, and Go cannot recover from an exhausted stack: what could exhaust
// it is refused before it is parsed.
const (
	maxFileSize  = 64 << 20 // bytes of one plan file, variable file or file() argument
	maxNesting   = 500      // brackets and templates inside each other
	maxOperators = 8000     // operators in one expression; also what is parsed unchecked
	maxSnippet   = 1000     // bytes of a source line that a complaint shows
)

// source is one file that was read. Its text is kept once; snippets are parts of it.
type source struct {
	name   string // as the user would type it
	order  int    // position in the run's reading order
	text   string
	lines  []int32 // offsets of the line starts; made when first needed
	secret []lines // never shown
}

// lines are whole source lines, first to last, counted from 1.
type lines struct{ first, last int }

// readSource reads a regular file of bounded size into memory, without a byte order mark.
func readSource(name string) (*source, *diag.Diagnostic) {
	text, problem := readText(name)
	if problem != "" {
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: "cannot read " + name, Place: &diag.Place{File: name}, Detail: problem}
	}
	return &source{name: name, text: strings.TrimPrefix(text, byteOrderMark)}, nil
}

// readText is the text of a regular file; problem says why there is none. Devices, pipes and what looks like a file and is
// none (/proc, /sys) are refused: reading them may never end.
func readText(name string) (text, problem string) {
	f, err := os.OpenFile(name, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return "", cause(err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", cause(err)
	case info.IsDir():
		return "", "it is a folder, expected a file"
	case !info.Mode().IsRegular():
		return "", "it is no regular file"
	case info.Size() > maxFileSize:
		return "", tooLarge
	case info.Size() == 0 && readable(f):
		return "", "its size is 0 and yet it has contents: it is a view into the kernel, not a file"
	case info.Size() == 0:
		return "", ""
	}
	var b strings.Builder
	b.Grow(int(info.Size()))
	n, err := io.Copy(&b, io.LimitReader(f, maxFileSize+1))
	switch {
	case err != nil:
		return "", cause(err)
	case n > maxFileSize:
		return "", tooLarge
	}
	return b.String(), ""
}

const tooLarge = "it is larger than 64 MiB, the most that is read of one file"

// cause is the operating system's reason without operation and file name, which the complaint has already.
func cause(err error) string {
	if pathErr, ok := err.(*os.PathError); ok {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// place is where r lies, with the source line unless that line is secret, too long or broken.
func (s *source) place(r hcl.Range) diag.Place {
	p := diag.Place{File: s.name, Line: r.Start.Line, Column: r.Start.Column, EndLine: r.End.Line, EndCol: r.End.Column}
	if !slices.ContainsFunc(s.secret, func(l lines) bool { return l.first <= p.Line && p.Line <= l.last }) {
		p.Snippet = s.line(p.Line)
	}
	return p
}

// hide keeps the lines of r out of every complaint.
func (s *source) hide(r hcl.Range) {
	s.secret = append(s.secret, lines{r.Start.Line, r.End.Line})
}

// line is the text of line n, counted from 1, without its line end; "" if there is nothing that could be shown.
func (s *source) line(n int) string {
	s.index()
	if n < 1 || n > len(s.lines) {
		return ""
	}
	end := len(s.text)
	if n < len(s.lines) {
		end = int(s.lines[n]) - 1
	}
	text := strings.TrimSuffix(s.text[s.lines[n-1]:end], "\r")
	if len(text) > maxSnippet || !utf8.ValidString(text) || passwordLine(text) {
		return ""
	}
	return text
}

// passwordLine reports whether a line sets a password: it is not to be shown even where the file's own structure is
// not understood.
func passwordLine(text string) bool {
	rest, found := strings.CutPrefix(strings.TrimLeft(text, " \t{\""), "password")
	rest = strings.TrimLeft(rest, " \t\"")
	return found && rest != "" && (rest[0] == '=' || rest[0] == ':')
}

func (s *source) index() {
	if s.lines != nil {
		return
	}
	s.lines = make([]int32, 1, strings.Count(s.text, "\n")+1)
	for at := 0; ; {
		i := strings.IndexByte(s.text[at:], '\n')
		if i < 0 {
			return
		}
		at += i + 1
		s.lines = append(s.lines, int32(at))
	}
}
