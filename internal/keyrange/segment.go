package keyrange

import (
	"fmt"
	"strings"
)

// Segment is one reshard: an unbroken run of shards that is to be exchanged for another.
type Segment struct {
	Sources Layout // what is served now
	Targets Layout // what is wanted instead
}

// String is sources:targets, such as "-:-80,80-", as operations are addressed.
func (s Segment) String() string { return s.Sources.String() + ":" + s.Targets.String() }

// Reverse is the way back.
func (s Segment) Reverse() Segment { return Segment{Sources: s.Targets, Targets: s.Sources} }

// Segments are the parts in which wanted differs from current, in key order. A segment is an unbroken run of shards that
// differ: -80,80- → -40,40-80,80-c0,c0- is one segment, though its halves could be done apart, because one reshard
// copies, switches and is taken back as a whole. Shards with equal ranges are in no segment, whatever their names, and
// part the runs. Where both layouts cover the whole key space, the sources and the targets of a segment cover the same
// range.
//
// Layouts with gaps or overlaps, as broken clusters have them, give segments too: shards that overlap directly or by
// way of others are in one segment, and a side where nothing is served is empty.
func Segments(current, wanted Layout) []Segment {
	current, wanted = current.ordered(), wanted.ordered()
	var segments []Segment
	run := false // the last part differed and ended where the next one starts
	for len(current) > 0 || len(wanted) > 0 {
		c, w := connected(current, wanted)
		s := Segment{Sources: current[:c:c], Targets: wanted[:w:w]}
		current, wanted = current[c:], wanted[w:]
		if s.Sources.Equal(s.Targets) {
			run = false
			continue
		}
		if last := len(segments) - 1; run && meet(segments[last], s) {
			segments[last].Sources = append(segments[last].Sources, s.Sources...)
			segments[last].Targets = append(segments[last].Targets, s.Targets...)
		} else {
			segments = append(segments, s)
		}
		run = true
	}
	return segments
}

// meet reports whether b starts where a ends, on both sides: a gap parts segments as an equal shard does.
func meet(a, b Segment) bool {
	touch := func(a, b Layout) bool {
		return len(a) > 0 && len(b) > 0 && a[len(a)-1].Range.end == b[0].Range.start
	}
	return touch(a.Sources, b.Sources) && touch(a.Targets, b.Targets)
}

// connected counts the shards at the front of a and b that hang together: from the lowest one up to the first id that
// no shard straddles. Shards with the same start always do, so that one without ids (a cluster may hold it) meets its
// like on the other side. a and b are in key order and not both empty.
func connected(a, b Layout) (na, nb int) {
	var last Range     // the one taken last: none has a higher start
	reached := ""      // the highest end of those taken, if bounded
	unbounded := false // one of them has no end
	inside := func(l Layout, n int) bool {
		if n == len(l) {
			return false
		}
		start := l[n].Range.start
		return na+nb == 0 || unbounded || start < reached || start == last.start
	}
	for {
		// The lower start first: a shard above a gap must not be taken for one below it.
		switch fromA, fromB := inside(a, na), inside(b, nb); {
		case fromA && (!fromB || a[na].Range.start <= b[nb].Range.start):
			last = a[na].Range
			na++
		case fromB:
			last = b[nb].Range
			nb++
		default:
			return na, nb
		}
		unbounded = unbounded || last.end == ""
		reached = max(reached, last.end)
	}
}

// ParseSegment reads what Segment.String wrote.
func ParseSegment(text string) (Segment, error) {
	from, to, ok := strings.Cut(text, ":")
	if !ok {
		return Segment{}, fmt.Errorf("segment %q: expected SOURCES:TARGETS", text)
	}
	sources, err := parseSide(from)
	if err != nil {
		return Segment{}, fmt.Errorf("segment %q: %w", text, err)
	}
	targets, err := parseSide(to)
	if err != nil {
		return Segment{}, fmt.Errorf("segment %q: %w", text, err)
	}
	return Segment{Sources: sources, Targets: targets}, nil
}

func parseSide(text string) (Layout, error) {
	if text == "" {
		return nil, nil
	}
	return ParseShards(strings.Split(text, ","))
}
