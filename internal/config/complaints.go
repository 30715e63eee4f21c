package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"shardform/internal/diag"
	"shardform/internal/diag/spell"
)

// complaints collects what is wrong in all files of a run.
type complaints struct {
	sources  map[string]*source // by name
	list     diag.List
	errors   int
	warnings int
}

const (
	maxComplaints = 10_000 // errors, and warnings, that a run collects
	maxShown      = 20     // members of a circle that a complaint lists
)

// full says that reading on only finds more of what nobody will read.
func (c *complaints) full() bool { return c.errors > maxComplaints }

// source takes a file that complaints may be about.
func (c *complaints) source(src *source) {
	src.order = len(c.sources)
	c.sources[src.name] = src
}

func (c *complaints) add(d *diag.Diagnostic) {
	n := &c.errors
	if d.Severity == diag.Warning {
		n = &c.warnings
	}
	if *n++; *n <= maxComplaints {
		c.list = append(c.list, d)
	}
}

// errorAt complains about a range of a file. Its snippet is looked up at the end, when all secret lines are known.
func (c *complaints) errorAt(r hcl.Range, summary, detail, hint string) {
	c.complain(diag.Error, r, summary, detail, hint)
}

func (c *complaints) warnAt(r hcl.Range, summary, detail, hint string) {
	c.complain(diag.Warning, r, summary, detail, hint)
}

func (c *complaints) complain(severity diag.Severity, r hcl.Range, summary, detail, hint string) {
	place := diag.Place{File: r.Filename, Line: r.Start.Line, Column: r.Start.Column, EndLine: r.End.Line, EndCol: r.End.Column}
	c.add(&diag.Diagnostic{Severity: severity, Summary: summary, Place: &place, Detail: detail, Hint: hint})
}

// place is r for a value that is kept.
func (c *complaints) place(r hcl.Range) diag.Place {
	if src := c.sources[r.Filename]; src != nil {
		return src.place(r)
	}
	return diag.Place{File: r.Filename, Line: r.Start.Line, Column: r.Start.Column, EndLine: r.End.Line, EndCol: r.End.Column}
}

func (c *complaints) where(r hcl.Range) string {
	return fmt.Sprintf("%s:%d:%d", r.Filename, r.Start.Line, r.Start.Column)
}

// before reports whether a comes before b in the reading order.
func (c *complaints) before(a, b hcl.Range) bool {
	if a.Filename != b.Filename {
		return c.sources[a.Filename].order < c.sources[b.Filename].order
	}
	return a.Start.Byte < b.Start.Byte
}

// sorted is what was collected, by file and line, without repetitions and with snippets.
func (c *complaints) sorted() diag.List {
	order := func(d *diag.Diagnostic) (file, line, column int) {
		if d.Place == nil {
			return -1, 0, 0
		}
		if src := c.sources[d.Place.File]; src != nil {
			return src.order, d.Place.Line, d.Place.Column
		}
		return len(c.sources), d.Place.Line, d.Place.Column
	}
	slices.SortStableFunc(c.list, func(a, b *diag.Diagnostic) int {
		af, al, ac := order(a)
		bf, bl, bc := order(b)
		return cmp.Or(cmp.Compare(af, bf), cmp.Compare(al, bl), cmp.Compare(ac, bc), cmp.Compare(a.Summary, b.Summary), cmp.Compare(a.Detail, b.Detail))
	})
	list := slices.CompactFunc(c.list, func(a, b *diag.Diagnostic) bool {
		return a.Place != nil && b.Place != nil && *a.Place == *b.Place && a.Summary == b.Summary && a.Detail == b.Detail
	})
	for _, d := range list {
		if d.Place != nil && d.Place.Line > 0 {
			if src := c.sources[d.Place.File]; src != nil {
				*d.Place = src.place(hcl.Range{Filename: src.name, Start: hcl.Pos{Line: d.Place.Line, Column: d.Place.Column}, End: hcl.Pos{Line: d.Place.EndLine, Column: d.Place.EndCol}})
			}
		}
	}
	if c.errors > maxComplaints {
		list = append(list, &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("more than %d problems", maxComplaints), Detail: "the rest is left out"})
	}
	return list
}

// addHCL takes over complaints of the HCL library, in this program's style.
func (c *complaints) addHCL(diags hcl.Diagnostics) {
	for _, d := range diags {
		summary, detail, hint := restyle(d)
		severity := diag.Error
		if d.Severity == hcl.DiagWarning {
			severity = diag.Warning
		}
		if d.Subject == nil {
			c.add(&diag.Diagnostic{Severity: severity, Summary: summary, Detail: detail, Hint: hint})
			continue
		}
		c.complain(severity, *d.Subject, summary, detail, hint)
	}
}

var suggestion = regexp.MustCompile(` ?(Did you mean [^?]*\?)`)

// redefined takes apart what the library says of an argument that is there twice.
var redefined = regexp.MustCompile(`^The argument ("[^"]*") was already set at (.*):(\d+),(\d+)-`)

func restyle(d *hcl.Diagnostic) (summary, detail, hint string) {
	summary, detail = plain(d.Summary), d.Detail
	if m := redefined.FindStringSubmatch(detail); m != nil {
		return "duplicate argument " + m[1], fmt.Sprintf("the first one is at %s:%s:%s", m[2], m[3], m[4]), "keep one of the two"
	}
	if m := suggestion.FindStringSubmatch(detail); m != nil {
		hint = plain(m[1])
		detail = strings.Replace(detail, m[0], "", 1)
	}
	return summary, plain(detail), hint
}

// plain is text in the style of an error: lower case first, no trailing period.
func plain(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	second, _ := utf8.DecodeRuneInString(text[size:])
	if unicode.IsUpper(first) && !unicode.IsUpper(second) {
		text = string(unicode.ToLower(first)) + text[size:]
	}
	return strings.TrimSuffix(text, ".")
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

// notBuilt refuses what the documentation has and this release does not.
func (c *complaints) notBuilt(r hcl.Range, what string) {
	c.errorAt(r, what+" is not built yet", "", "remove it: this release does not act on it")
}

// list names what is allowed, in the order given, cut where it gets long.
func list(names []string) string {
	if len(names) > 40 {
		return strings.Join(names[:40], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// suggest is the hint that names what was probably meant; "" if nothing is near.
func suggest(name string, names []string) string { return didYouMean(spell.Nearest(name, names)) }

func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", name)
}

// wrongLabels complains about a block whose header has too few or too many labels.
func (c *complaints) wrongLabels(b *block, h header) {
	form := h.kind
	for _, label := range h.labels {
		form += fmt.Sprintf(" %q", strings.ToUpper(label))
	}
	c.errorAt(b.header, fmt.Sprintf("a %s block has %s, found %d", h.kind, count(len(h.labels), "label"), len(b.labels)), "", "write: "+form+" { … }")
}

func count(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun + "s"
	case 1:
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
