package keyrange

import (
	"slices"
	"strings"
)

// Layout is shards in key order: by start, then by end. What ParseLayout and Even return covers the whole key space,
// each id once; what NewLayout returns is whatever a cluster has.
type Layout []Shard

// NewLayout puts a copy of shards into key order and checks nothing: for what a cluster shows.
func NewLayout(shards []Shard) Layout {
	return slices.SortedStableFunc(slices.Values(shards), compareShards)
}

func compareShards(a, b Shard) int { return a.Range.Compare(b.Range) }

// ParseShards reads shard names that need not cover the key space, in any order: those of one side of a reshard.
func ParseShards(names []string) (Layout, error) {
	shards := make([]Shard, len(names))
	for i, name := range names {
		var err error
		if shards[i], err = ParseShard(name); err != nil {
			return nil, err
		}
	}
	return NewLayout(shards), nil
}

// Has reports whether a shard of l has exactly this range.
func (l Layout) Has(r Range) bool {
	return slices.ContainsFunc(l, func(s Shard) bool { return s.Range == r })
}

// ordered is l if it is in key order, else a copy that is.
func (l Layout) ordered() Layout {
	if slices.IsSortedFunc(l, compareShards) {
		return l
	}
	return NewLayout(l)
}

// Names are the shards' names, in l's order.
func (l Layout) Names() []string {
	names := make([]string, len(l))
	for i, s := range l {
		names[i] = s.Name
	}
	return names
}

// String is the names with commas between them, such as "-80,80-".
func (l Layout) String() string { return strings.Join(l.Names(), ",") }

// Equal reports whether l and o have the same ranges; names do not matter, so "0" equals "-".
func (l Layout) Equal(o Layout) bool {
	return slices.EqualFunc(l.ordered(), o.ordered(), func(a, b Shard) bool { return a.Range == b.Range })
}

// Union is the range that the shards form together, as Vitess combines key ranges: false if there is none, because l is
// empty or has a gap or an overlap.
func (l Layout) Union() (Range, bool) {
	if len(l) == 0 {
		return Range{}, false
	}
	ordered := l.ordered()
	union := ordered[0].Range
	for _, s := range ordered[1:] {
		joined, ok := union.Union(s.Range)
		if !ok {
			return Range{}, false
		}
		union = joined
	}
	return union, true
}

// Covers reports whether every id of r lies in at least one shard. Shards may overlap.
func (l Layout) Covers(r Range) bool {
	reached := r.start // every id of r below it is covered
	for _, s := range l.ordered() {
		if s.Range.IsEmpty() || s.Range.end != "" && s.Range.end <= reached {
			continue
		}
		if s.Range.start > reached {
			return r.IsEmpty()
		}
		reached = s.Range.end
		if reached == "" || r.end != "" && reached >= r.end {
			return true
		}
	}
	return r.IsEmpty()
}
