package config

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// document is a string of a plan file that is read further, such as a schema or a vschema, with the place where it stands.
type document struct {
	*loader
	text    string    // without a byte order mark
	at      hcl.Range // of the expression
	file    string    // that file() read it from; "" if none did
	heredoc bool      // the lines of the string are those after the first of the expression
}

// document returns what an expression gave. A string that is exactly what a file holds counts as that file's, also where
// it came through a local value.
func (l *loader) document(expr hcl.Expression, text string) *document {
	d := &document{loader: l, text: strings.TrimPrefix(text, byteOrderMark), at: expr.Range(), file: l.files[text]}
	if template, ok := expr.(*hclsyntax.TemplateExpr); ok && d.at.End.Line > d.at.Start.Line {
		d.heredoc = true
		for _, part := range template.Parts {
			if _, literal := part.(*hclsyntax.LiteralValueExpr); !literal {
				d.heredoc = false // what is put in may have lines of its own
			}
		}
	}
	if l.sources[d.file] == nil && d.file != "" {
		l.source(&source{name: d.file, text: d.text}) // for the lines that errors show
	}
	return d
}

const byteOrderMark = "\ufeff"

// errorAtLine reports an error about a line of the document, counted from 1.
func (d *document) errorAtLine(line int, summary, detail, hint string) {
	d.errorAtPlace(line, 1, summary, detail, hint)
}

// errorAtOffset reports an error about a byte of the document.
func (d *document) errorAtOffset(offset int, summary, detail, hint string) {
	before := d.text[:min(offset, len(d.text))]
	line := 1 + strings.Count(before, "\n")
	d.errorAtPlace(line, 1+utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]), summary, detail, hint)
}

func (d *document) errorAtPlace(line, column int, summary, detail, hint string) {
	pos := hcl.Pos{Line: line, Column: column}
	switch {
	case d.file != "":
		d.errorAt(hcl.Range{Filename: d.file, Start: pos, End: pos}, summary, detail, hint)
		return
	case d.heredoc:
		pos = hcl.Pos{Line: d.at.Start.Line + line, Column: 1} // the indentation is cut off
		d.errorAt(hcl.Range{Filename: d.at.Filename, Start: pos, End: pos}, summary, detail, hint)
		return
	case strings.Contains(strings.TrimRight(d.text, "\n"), "\n"):
		detail = strings.TrimSuffix(fmt.Sprintf("line %d of the string: %s", line, detail), ": ")
	}
	d.errorAt(d.at, summary, detail, hint)
}
