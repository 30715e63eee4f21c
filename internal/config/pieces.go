package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"shardform/internal/parallel"
)

// pieceSize is how much of a file is parsed at once, in bytes: the parser needs about a hundred times that in memory.
const pieceSize = 64 << 10

// streamed are the kinds of block that may be huge. They are read piece by piece, and the syntax tree of a piece is
// dropped once it is read.
var streamed = []string{"operation", "container"}

// pieces reads a block whose inside was not parsed yet. While one piece is read the next one is parsed.
func (r *reading) pieces(b *block) {
	items, s := split(b.src.text, b.span.start, b.span.end, b.span.line)
	r.splitProblem(b.src, s)
	groups := grouped(items)
	var next <-chan parsed
	for i := 0; i < len(groups) && !r.full(); i++ {
		now := next
		if i == 0 {
			now = parseAhead(b.src, groups[0])
		}
		if i+1 < len(groups) {
			next = parseAhead(b.src, groups[i+1])
		}
		r.piece(b, groups[i], <-now)
	}
}

// grouped puts items together that are parsed at once.
func grouped(items []item) [][]item {
	var groups [][]item
	for len(items) > 0 {
		n := 1
		for n < len(items) && items[n].end-items[0].start <= pieceSize {
			n++
		}
		groups = append(groups, items[:n])
		items = items[n:]
	}
	return groups
}

// parsed is a syntax tree and what was wrong with the text.
type parsed struct {
	body  *hclsyntax.Body
	diags hcl.Diagnostics
}

// parseAhead parses items in the background. A single large one is left alone: it is parsed piece by piece if it can be.
func parseAhead(src *source, items []item) <-chan parsed {
	result := make(chan parsed, 1)
	if isLarge(items) {
		result <- parsed{}
		return result
	}
	parallel.Start(func() error {
		var p parsed
		defer func() { result <- p }()
		p.body, p.diags = parseNative(src, items[0].start, items[len(items)-1].end, items[0].line)
		return nil
	})
	return result
}

func isLarge(items []item) bool {
	return len(items) == 1 && items[0].end-items[0].start > pieceSize
}

// piece reads some items at once, and one by one if they could not be parsed together.
func (r *reading) piece(b *block, items []item, p parsed) {
	if isLarge(items) {
		if nested := r.unread(b.src, items[0]); nested != nil {
			r.block(nested)
			return
		}
		p.body, p.diags = parseNative(b.src, items[0].start, items[0].end, items[0].line)
	}
	if p.body != nil && !broken(p.diags) {
		r.addHCL(p.diags)
		r.body(b.src, p.body)
		return
	}
	if len(items) > 1 {
		for i := range items {
			r.piece(b, items[i:i+1], <-parseAhead(b.src, items[i:i+1]))
		}
		return
	}
	if nested := r.mend(b.src, items[0], p.diags, 0); nested != nil {
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
