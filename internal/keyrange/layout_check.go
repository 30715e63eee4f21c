package keyrange

import (
	"fmt"
	"slices"
	"strings"
)

// layoutParser collects the problems of one list of names. A name that one check complains about is left out of the
// later ones, so that one mistake gives one complaint.
type layoutParser struct {
	names  []string
	shards []placedShard // the well-formed ones, in list order until checkOrder
	errs   []*LayoutError

	malformed  []int // the indices of malformed names
	outOfOrder bool  // the list was not in key order
	hasWhole   bool  // a shard of the whole key space stood beside others
}

// placedShard is a shard and its place in the list.
type placedShard struct {
	Shard
	index int
}

func (p *layoutParser) blame(index int, hint, format string, args ...any) {
	p.errs = append(p.errs, &LayoutError{Index: index, Summary: fmt.Sprintf(format, args...), Hint: hint})
}

// readNames leaves out malformed names and all but the first of equal ranges.
func (p *layoutParser) readNames() {
	seen := map[Range]placedShard{}
	for i, name := range p.names {
		shard, err := ParseShard(name)
		if err != nil {
			nameErr := err.(*NameError)
			p.malformed = append(p.malformed, i)
			p.blame(i, nameErr.Hint, "%s", nameErr.Summary)
			continue
		}
		if first, ok := seen[shard.Range]; ok {
			p.blame(i, "remove one of the two", "shard %q is the same range as %q, element %d", name, p.names[first.index], first.index+1)
			continue
		}
		placed := placedShard{shard, i}
		seen[shard.Range] = placed
		p.shards = append(p.shards, placed)
	}
}

// checkAlone finds a shard of the whole key space beside others and leaves it out.
func (p *layoutParser) checkAlone() {
	i := slices.IndexFunc(p.shards, func(s placedShard) bool { return s.Range.IsWhole() })
	if i < 0 || len(p.shards) == 1 {
		return
	}
	whole := p.shards[i]
	hint := "list either this shard or the others"
	if bounded, err := ParseShard(whole.Name + "-"); err == nil && !bounded.Range.IsWhole() {
		hint += fmt.Sprintf("; a key range has a \"-\", as in %q", bounded.Name)
	}
	p.blame(whole.index, hint, "shard %q is the whole key space and cannot stand beside other shards", whole.Name)
	p.hasWhole = true
	p.shards = slices.Delete(p.shards, i, i+1)
}

// checkOrder blames the first shard that comes too late, if any, and puts p.shards into key order.
func (p *layoutParser) checkOrder() {
	for i, s := range p.shards {
		if i == 0 || compareShards(p.shards[i-1].Shard, s.Shard) < 0 {
			continue
		}
		p.outOfOrder = true
		before := p.shards[i-1].Name
		slices.SortFunc(p.shards, func(a, b placedShard) int { return compareShards(a.Shard, b.Shard) })
		p.blame(s.index, "shards are listed in key order: "+p.quoted(), "shard %q comes before %q", s.Name, before)
		return
	}
}

// quoted lists the names as a plan file would.
func (p *layoutParser) quoted() string {
	names := make([]string, len(p.shards))
	for i, s := range p.shards {
		names[i] = fmt.Sprintf("%q", s.Name)
	}
	return strings.Join(names, ", ")
}

// checkCover finds overlaps and gaps in p.shards, which are in key order.
func (p *layoutParser) checkCover() {
	if len(p.shards) == 0 {
		return
	}
	highest := p.shards[0] // the shard that reaches highest so far
	if start := highest.Range.start; start != "" {
		p.gap(Range{end: start}, -1, highest.index, highest.index, fmt.Sprintf("before %q", highest.Name))
	}
	for _, s := range p.shards[1:] {
		switch {
		case highest.Range.end == "" || s.Range.start < highest.Range.end:
			p.overlap(highest, s)
		case s.Range.start > highest.Range.end:
			missing := Range{highest.Range.end, s.Range.start}
			p.gap(missing, highest.index, s.index, s.index, fmt.Sprintf("between %q and %q", highest.Name, s.Name))
		}
		if compareEnds(s.Range, highest.Range) > 0 {
			highest = s
		}
	}
	if end := highest.Range.end; end != "" {
		p.gap(Range{start: end}, highest.index, len(p.names), highest.index, fmt.Sprintf("after %q", highest.Name))
	}
}

// gap blames an element for the missing range, unless something else was complained about that may well be what is
// missing: a shard of the whole key space, or a malformed name in the list between the gap's two neighbours (anywhere,
// if the list is not in order).
func (p *layoutParser) gap(missing Range, from, to, blamed int, where string) {
	explains := func(i int) bool { return p.outOfOrder || from < i && i < to }
	if p.hasWhole || slices.ContainsFunc(p.malformed, explains) {
		return
	}
	p.blame(blamed, fmt.Sprintf("add %q", missing), "no shard has the ids of %s, %s", missing, where)
}

// overlap blames the second of two shards in key order for the ids that the first has too.
func (p *layoutParser) overlap(first, second placedShard) {
	common := second.Range
	if compareEnds(first.Range, common) < 0 {
		common.end = first.Range.end
	}
	hint := "shards may not overlap: remove one of the two"
	if compareEnds(first.Range, second.Range) < 0 && first.Range.start != second.Range.start {
		hint = fmt.Sprintf("shards may not overlap: write %q instead of %q, or %q instead of %q",
			Range{first.Range.start, second.Range.start}, first.Name, Range{first.Range.end, second.Range.end}, second.Name)
	}
	p.blame(second.index, hint, "shard %q overlaps %q: both have the ids of %s", second.Name, first.Name, common)
}

func (p *layoutParser) layout() Layout {
	layout := make(Layout, len(p.shards))
	for i, s := range p.shards {
		layout[i] = s.Shard
	}
	return layout
}
