package config

import (
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"shardform/internal/diag"
)

// Format puts a plan file into the canonical layout; formatting it again changes nothing. name is for complaints.
// JSON files come back as they are. A file with syntax errors comes back as it is, too, with the complaints.
func Format(src []byte, name string) ([]byte, diag.List) {
	if strings.HasSuffix(name, ".json") {
		return src, nil
	}
	file := &source{name: name, text: string(src)}
	l := newLoader(".", nil, false, Options{})
	l.source(file)
	if len(src) > maxFileSize {
		return src, diag.List{{Severity: diag.Error, Summary: "cannot format " + name, Detail: tooLarge}}
	}
	if !utf8.Valid(src) {
		return src, diag.List{notUTF8(file)}
	}
	l.syntax(file, span{0, len(file.text), 1}, 0)
	if list := l.sorted(); list.HasErrors() {
		return src, list
	}
	return format(src), nil
}

// syntax parses the inside of a file or block and reports what cannot be parsed. Large blocks are taken apart.
func (l *loader) syntax(src *source, inside span, depth int) {
	items, s := split(src.text, inside.start, inside.end, inside.line)
	l.splitProblem(src, s)
	for _, group := range grouped(items) {
		it := group[0]
		if isLarge(group) && it.close >= 0 && depth < maxMend && l.blockHeader(src, it) != nil {
			l.syntax(src, span{it.open + 1, it.close, it.openLine}, depth+1)
			continue
		}
		if _, diags := parseNative(src, it.start, group[len(group)-1].end, it.line); !diags.HasErrors() || l.full() {
			continue
		}
		for _, it := range group {
			if _, diags := parseNative(src, it.start, it.end, it.line); diags.HasErrors() {
				l.mend(src, it, diags, depth)
			}
		}
	}
}

// format repeats the library's formatting until it stays, as one run of it is not always enough.
func format(src []byte) []byte {
	for range 5 {
		next := hclwrite.Format(src)
		if string(next) == string(src) {
			break
		}
		src = next
	}
	return src
}
