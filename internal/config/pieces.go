package config

import (
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// pieceSize is how much of a file is parsed at once, in bytes: the parser needs about a hundred times that in memory.
const pieceSize = 64 << 10

// streamed are the kinds of block that may be huge. They are read piece by piece, and the syntax tree of a piece is
// dropped once it is read.
var streamed = []string{"operation", "container"}

// pieces reads a block whose inside was not parsed yet.
func (r *reading) pieces(b *block) {
	items, s := split(b.src.text, b.span.start, b.span.end, b.span.line)
	r.splitProblem(b.src, s)
	for i := 0; i < len(items) && !r.full(); {
		n := 1
		for i+n < len(items) && items[i+n].end-items[i].start <= pieceSize {
			n++
		}
		r.piece(b, items[i:i+n])
		i += n
	}
}

// piece reads some items at once, and one by one if that fails.
func (r *reading) piece(b *block, items []item) {
	if len(items) == 1 && items[0].end-items[0].start > pieceSize {
		if nested := r.unread(b.src, items[0]); nested != nil {
			r.block(nested)
			return
		}
	}
	body, diags := parseNative(b.src, items[0].start, items[len(items)-1].end, items[0].line)
	if body != nil && !broken(diags) {
		r.addHCL(diags)
		r.body(b.src, body)
		return
	}
	if len(items) > 1 {
		for _, it := range items {
			r.piece(b, []item{it})
		}
		return
	}
	if nested := r.mend(b.src, items[0], diags, 0); nested != nil {
		r.block(nested)
	} else {
		b.lose(b.src.text[items[0].start:items[0].end])
	}
}

// unread is a large block of a kind that is read piece by piece; nil if it is no such block.
func (l *loader) unread(src *source, it item) *block {
	if it.close < 0 {
		return nil
	}
	h := l.blockHeader(src, it)
	if h == nil || !slices.Contains(streamed, h.kind) {
		return nil
	}
	h.span = &span{it.open + 1, it.close, it.openLine}
	return h
}

// blockHeader parses a block's header alone; nil if that is impossible.
func (l *loader) blockHeader(src *source, it item) *block {
	if it.open < 0 {
		return nil
	}
	body, diags := parseText(src.name, src.text[it.start:it.open]+"{}", hcl.Pos{Line: it.line, Column: 1, Byte: it.start})
	if diags.HasErrors() || len(body.Blocks) != 1 {
		return nil
	}
	return nativeBlock(src, body.Blocks[0])
}

// maxMend is how deep blocks are searched for the part that is mistaken: as deep as blocks go in a plan file.
const maxMend = 5

// mend is a block with mistakes in it, without what is mistaken; the mistakes are reported. nil if nothing can be told
// of the block.
func (l *loader) mend(src *source, it item, diags hcl.Diagnostics, depth int) *block {
	b := l.blockHeader(src, it)
	if b == nil {
		l.addSyntax(diags)
		return nil
	}
	b.bodies = nil
	if it.close < 0 || depth >= maxMend || !l.mendInside(b, it, depth) {
		l.addSyntax(diags)
		b.broken = true
	}
	return b
}

// mendInside parses a block's items one by one; false if that finds no mistake: then it is not in the parts, but in how
// they are put together.
func (l *loader) mendInside(b *block, it item, depth int) bool {
	items, s := split(b.src.text, it.open+1, it.close, it.openLine)
	if s.problem != "" {
		return false
	}
	found := false
	for _, inner := range items {
		if l.full() {
			break
		}
		body, diags := parseNative(b.src, inner.start, inner.end, inner.line)
		if body != nil && !broken(diags) {
			b.bodies = append(b.bodies, body)
			continue
		}
		found = true
		l.hideSecrets(b.src, it)
		if inner.close >= 0 {
			if nested := l.mend(b.src, inner, diags, depth+1); nested != nil {
				b.mended = append(b.mended, nested)
				continue
			}
		} else {
			l.addSyntax(diags)
		}
		b.lose(b.src.text[inner.start:inner.end])
	}
	if !found {
		b.bodies = nil
	}
	return found
}

// addSyntax reports why an item could not be parsed. A string without its end makes the parser complain about every
// line up to the next quote: one of these is enough.
func (l *loader) addSyntax(diags hcl.Diagnostics) {
	for _, d := range diags {
		if d.Summary == "Invalid multi-line string" || d.Summary == "Unterminated template string" {
			l.errorAt(*d.Subject, "a string is not closed", "it has to end on the line on which it begins", `add the closing ", or write a text of several lines as <<EOT … EOT`)
			return
		}
	}
	l.addHCL(diags)
}

var itemName = regexp.MustCompile(`^(?:\s|#[^\n]*\n|//[^\n]*\n)*([\pL_][\pL\pN_-]*)\s*[="{]`)

// lose notes that an item could not be parsed, so that nobody misses it.
func (b *block) lose(text string) {
	if m := itemName.FindStringSubmatch(text); m != nil {
		b.lost = append(b.lost, m[1])
		return
	}
	b.broken = true
}

var sensitiveWord = regexp.MustCompile(`\bsensitive\b`)

// hideSecrets keeps the inside of a mistaken variable block out of complaints if it may be about a secret.
func (l *loader) hideSecrets(src *source, it item) {
	if sensitiveWord.MatchString(src.text[it.start:it.close]) {
		last := it.openLine
		for _, c := range src.text[it.open:it.close] {
			if c == '\n' {
				last++
			}
		}
		src.hide(hcl.Range{Start: hcl.Pos{Line: it.openLine}, End: hcl.Pos{Line: last}})
	}
}

// broken reports whether a syntax tree is unfit for use. A repeated argument alone leaves the first one in it.
func broken(diags hcl.Diagnostics) bool {
	return slices.ContainsFunc(diags, func(d *hcl.Diagnostic) bool {
		return d.Severity == hcl.DiagError && d.Summary != "Attribute redefined"
	})
}

// parseFile finds the blocks of a file in native syntax.
func (l *loader) parseFile(src *source) []*block {
	var blocks []*block
	items, s := split(src.text, 0, len(src.text), 1)
	l.splitProblem(src, s)
	if s.unclosed {
		l.incomplete = true
	}
	for _, it := range items {
		if l.full() {
			break
		}
		if it.end-it.start > pieceSize {
			if b := l.unread(src, it); b != nil {
				blocks = append(blocks, b)
				continue
			}
		}
		body, diags := parseNative(src, it.start, it.end, it.line)
		if body == nil || broken(diags) {
			if b := l.mend(src, it, diags, 0); b != nil {
				blocks = append(blocks, b)
			} else {
				l.incomplete = true
			}
			continue
		}
		l.addHCL(diags)
		blocks = append(blocks, l.topLevel(src, body)...)
	}
	return blocks
}

func (l *loader) topLevel(src *source, body *hclsyntax.Body) []*block {
	var blocks []*block
	for name, attr := range body.Attributes {
		if _, isBlock := fileSchema.header(name); isBlock {
			l.errorAt(attr.NameRange, quote(name)+" is a block", "", "write it as a block, without the equals sign: "+name+" … { … }")
			continue
		}
		l.errorAt(attr.NameRange, "argument "+quote(name)+" outside of a block", "a plan file has blocks only", "values that are used in several places go into locals { … }")
	}
	for _, b := range body.Blocks {
		blocks = append(blocks, nativeBlock(src, b))
	}
	return blocks
}

// splitProblem reports what kept a file from being split to its end.
func (l *loader) splitProblem(src *source, s *splitter) {
	if s.problem == "" {
		return
	}
	l.incomplete = true
	pos := hcl.Pos{Line: s.badLine, Column: 1, Byte: s.badAt}
	l.errorAt(hcl.Range{Filename: src.name, Start: pos, End: pos}, s.problem, "", "nothing behind this line was read")
}
