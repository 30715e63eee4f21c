package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"shardform/internal/diag/spell"
)

// block is a block of a plan file in either syntax, not read yet.
type block struct {
	src      *source
	kind     string
	labels   []string
	kindAt   hcl.Range
	labelsAt []hcl.Range
	header   hcl.Range // from the kind to the last label
	end      hcl.Range // where something missing would be written

	// What the block holds: native bodies (several where a mistake was cut out), a JSON body, or a span of the file
	// that is split and parsed piece by piece when it is read.
	bodies []*hclsyntax.Body
	json   hcl.Body
	span   *span

	mended []*block // nested blocks out of which a mistake was cut
	lost   []string // attributes and blocks that are there but could not be parsed
	broken bool     // something that may be anything could not be parsed: nothing is missed in it
}

// span is the inside of a block in its file.
type span struct{ start, end, line int }

// attribute is name = value in either syntax.
type attribute struct {
	name   string
	nameAt hcl.Range
	expr   hcl.Expression
}

// content is what a block was found to hold.
type content struct {
	block  *block
	schema *schema
	attrs  map[string]*attribute
	later  map[string]bool // what was refused as not built yet
}

func newContent(b *block, s *schema) *content {
	return &content{block: b, schema: s, attrs: map[string]*attribute{}, later: map[string]bool{}}
}

// schema says what a block may hold.
type schema struct {
	what   string // "keyspace block", for complaints
	attrs  []string
	needs  []string // the attributes among attrs that must be there
	blocks []header
	later  []string // attributes and blocks that are documented but not built yet
	// modern are attributes and blocks that are for clusters without vtworker, where others are.
	modern []string
	open   bool // any attribute is taken: the caller checks names
}

// header says which labels a nested block has.
type header struct {
	kind   string
	labels []string // what the labels are, for complaints
	many   bool     // may stand there more than once
}

func (s *schema) header(kind string) (header, bool) {
	i := slices.IndexFunc(s.blocks, func(h header) bool { return h.kind == kind })
	if i < 0 {
		return header{}, false
	}
	return s.blocks[i], true
}

func (s *schema) blockKinds() []string {
	kinds := make([]string, len(s.blocks))
	for i, h := range s.blocks {
		kinds[i] = h.kind
	}
	return kinds
}

// read checks the block's attributes and blocks against what may be there and hands the nested blocks to each, in
// their order in the file. Blocks are handed over as they are parsed and not kept.
func (l *loader) read(b *block, s *schema, each func(*block)) *content {
	c := newContent(b, s)
	first := map[string]*block{}
	r := reading{loader: l, schema: s, content: c, each: func(nested *block) {
		h, _ := s.header(nested.kind)
		if before, dup := first[nested.kind]; dup && !h.many {
			l.errorAt(nested.header, "duplicate "+nested.kind+" block", "the first one is at "+l.where(before.header), "keep one of the two")
			return
		}
		if !h.many {
			first[nested.kind] = nested
		}
		if each != nil {
			each(nested)
		}
	}}
	switch {
	case b.json != nil:
		r.jsonBody(b)
	case b.span != nil:
		r.pieces(b)
	default:
		for _, body := range b.bodies {
			r.body(b.src, body)
		}
		for _, nested := range b.mended {
			r.block(nested)
		}
	}
	for _, name := range s.needs {
		if c.attrs[name] == nil && !b.broken && !slices.Contains(b.lost, name) {
			l.errorAt(b.header, s.what+" needs "+name, "", "add: "+name+" = …")
		}
	}
	return c
}

// reading is one block being read.
type reading struct {
	*loader
	schema  *schema
	content *content
	each    func(*block)
}

func (r *reading) body(src *source, body *hclsyntax.Body) {
	for name, attr := range body.Attributes {
		r.attribute(&attribute{name, attr.NameRange, attr.Expr})
	}
	for _, nested := range body.Blocks {
		r.block(nativeBlock(src, nested))
	}
}

func nativeBlock(src *source, b *hclsyntax.Block) *block {
	return &block{src: src, kind: b.Type, labels: b.Labels, kindAt: b.TypeRange, labelsAt: b.LabelRanges, header: b.DefRange(),
		end: b.CloseBraceRange, bodies: []*hclsyntax.Body{b.Body}}
}

func (r *reading) attribute(a *attribute) {
	s := r.schema
	switch {
	case s.open || slices.Contains(s.attrs, a.name):
		if before := r.content.attrs[a.name]; before != nil {
			r.errorAt(a.nameAt, "duplicate argument "+quote(a.name), "the first one is at "+r.where(before.nameAt), "keep one of the two")
			return
		}
		r.content.attrs[a.name] = a
	case slices.Contains(s.later, a.name):
		r.content.later[a.name] = true
		r.notBuilt(a.nameAt, a.name)
	case slices.Contains(s.modern, a.name):
		r.noCounterpart(a.nameAt, a.name)
	case slices.Contains(s.blockKinds(), a.name):
		r.miss(a.name)
		r.errorAt(a.nameAt, quote(a.name)+" is a block", "", "write it as a block, without the equals sign: "+a.name+" { … }")
	default:
		noun := "argument"
		if r.content.block.json != nil {
			noun = "property"
		}
		r.unknown(a.nameAt, noun, a.name)
	}
}

func (r *reading) block(b *block) {
	s := r.schema
	h, known := s.header(b.kind)
	switch {
	case known && b.json == nil && len(b.labels) != len(h.labels):
		r.wrongLabels(b, h)
	case known:
		r.each(b)
	case slices.Contains(s.later, b.kind):
		r.content.later[b.kind] = true
		r.notBuilt(b.kindAt, b.kind)
	case slices.Contains(s.modern, b.kind):
		r.noCounterpart(b.kindAt, b.kind)
	case slices.Contains(s.attrs, b.kind):
		r.miss(b.kind)
		r.errorAt(b.kindAt, quote(b.kind)+" is an argument", "", "write it with an equals sign: "+b.kind+" = …")
	default:
		r.unknown(b.kindAt, "block", b.kind)
	}
}

// jsonBody reads what the schema has, then complains about the rest.
func (r *reading) jsonBody(b *block) {
	want := &hcl.BodySchema{}
	for _, name := range r.schema.attrs {
		want.Attributes = append(want.Attributes, hcl.AttributeSchema{Name: name})
	}
	for _, h := range r.schema.blocks {
		want.Blocks = append(want.Blocks, hcl.BlockHeaderSchema{Type: h.kind, LabelNames: h.labels})
	}
	got, remain, diags := b.json.PartialContent(want)
	r.addHCL(diags)
	for name, attr := range got.Attributes {
		r.attribute(&attribute{name, attr.NameRange, attr.Expr})
	}
	for _, nested := range got.Blocks {
		r.block(jsonBlock(b.src, nested))
	}
	if diags.HasErrors() {
		return
	}
	rest, diags := remain.JustAttributes()
	r.addHCL(diags)
	for name, attr := range rest {
		r.attribute(&attribute{name, attr.NameRange, attr.Expr})
	}
}

func jsonBlock(src *source, b *hcl.Block) *block {
	at := b.TypeRange
	if n := len(b.LabelRanges); n > 0 {
		at = b.LabelRanges[n-1]
	}
	return &block{src: src, kind: b.Type, labels: b.Labels, kindAt: b.TypeRange, labelsAt: b.LabelRanges, header: at, end: b.Body.MissingItemRange(), json: b.Body}
}

// unknown complains about a name that does not belong here. What was probably meant is not missed as well.
func (r *reading) unknown(at hcl.Range, noun, name string) {
	names := slices.Concat(r.schema.attrs, r.schema.blockKinds())
	detail := "nothing is expected here"
	if len(names) > 0 {
		detail = "expected " + list(names)
	}
	meant := spell.Nearest(name, names)
	r.miss(meant)
	r.errorAt(at, fmt.Sprintf("unknown %s %q in a %s", noun, name, r.schema.what), detail, didYouMean(meant))
}

// miss notes that something is there in some way, so that nobody complains about its absence.
func (r *reading) miss(name string) {
	if name != "" {
		r.content.block.lost = append(r.content.block.lost, name)
	}
}
