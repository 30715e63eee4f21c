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
	shards []placedShard // the well-formed ones, in list order
	errs   []*LayoutError
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

// checkAlone finds a shard of the whole key space beside others. Nothing is left to check then: every id is in several
// shards.
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
	p.shards = slices.Delete(p.shards, i, i+1)
}

// checkOrder blames the first shard that comes too late, if any, and puts p.shards into key order.
func (p *layoutParser) checkOrder() {
	for i, s := range p.shards {
		if i == 0 || compareShards(p.shards[i-1].Shard, s.Shard) < 0 {
			continue
		}
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
	if len(p.shards) == 0 || len(p.shards) < len(p.names) && p.hasWhole() {
		return
	}
	first := p.shards[0]
	if first.Range.start != "" {
		p.gap(Range{end: first.Range.start}, -1, first.index, fmt.Sprintf("before %q", first.Name))
	}
	highest := first // the shard that reaches highest so far
	for _, s := range p.shards[1:] {
		switch {
		case highest.Range.end == "" || s.Range.start < highest.Range.end:
			p.overlap(highest, s)
		case s.Range.start > highest.Range.end:
			p.gap(Range{highest.Range.end, s.Range.start}, highest.index, s.index, fmt.Sprintf("between %q and %q", highest.Name, s.Name))
		}
		if compareEnds(s.Range, highest.Range) > 0 {
			highest = s
		}
	}
	if highest.Range.end != "" {
		p.gap(Range{start: highest.Range.end}, highest.index, len(p.names), fmt.Sprintf("after %q", highest.Name))
	}
}
