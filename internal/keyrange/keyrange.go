// Package keyrange has what resharding knows of the key space: key ranges, shard names, layouts, the segments in which
// two layouts differ, and the vindex functions that place rows. It follows Vitess's go/vt/key and go/vt/topo/shard.go
// (v0.24), checked against the vectors recorded from there. It knows no cluster.
package keyrange

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"strings"
)

// Range is a half-open interval of keyspace ids, [start, end). It is immutable and comparable with ==: trailing zero
// bytes do not tell two ids apart, so the bounds are held without them. The zero value is the whole key space.
type Range struct {
	start string // "" is the lowest id
	end   string // "" is beyond the highest id
}

// NewRange is the range from start, inclusive, to end, exclusive. An empty start is the lowest id, an empty end lies
// beyond the highest; so does an end of zero bytes only, as in Vitess. The bounds are copied. NewRange does not check
// that start lies below end (see IsEmpty).
func NewRange(start, end []byte) Range {
	return Range{start: normalize(start), end: normalize(end)}
}

func normalize(id []byte) string {
	return strings.TrimRight(string(id), "\x00")
}

// Start is the first id of r without its trailing zero bytes; nil if r starts at the lowest id.
func (r Range) Start() []byte { return bound(r.start) }

// End is the first id after r without its trailing zero bytes; nil if r reaches to the highest id.
func (r Range) End() []byte { return bound(r.end) }

func bound(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// IsWhole reports whether r is the whole key space.
func (r Range) IsWhole() bool { return r == Range{} }

// IsEmpty reports whether no id lies in r, as in 80-8000, which Vitess takes for a valid shard name.
func (r Range) IsEmpty() bool { return r.end != "" && r.start >= r.end }

// Contains reports whether the keyspace id lies in r.
func (r Range) Contains(id []byte) bool {
	n := normalize(id)
	return n >= r.start && (r.end == "" || n < r.end)
}

// Equal reports whether r and o have the same ids. It is ==.
func (r Range) Equal(o Range) bool { return r == o }

// Compare orders ranges by start, then by end: -1, 0 or 1.
func (r Range) Compare(o Range) int {
	return cmp.Or(strings.Compare(r.start, o.start), compareEnds(r, o))
}

// compareEnds differs from comparing strings in that the empty end is the highest.
func compareEnds(r, o Range) int {
	switch {
	case r.end == o.end:
		return 0
	case r.end == "":
		return 1
	case o.end == "":
		return -1
	}
	return strings.Compare(r.end, o.end)
}

// Intersects reports whether some id lies in both ranges. As in Vitess, the whole key space intersects every range.
func (r Range) Intersects(o Range) bool {
	if r.IsWhole() || o.IsWhole() {
		return true
	}
	return (r.end == "" || o.start < r.end) && (o.end == "" || r.start < o.end)
}

// Covers reports whether every id of o lies in r.
func (r Range) Covers(o Range) bool {
	return r.start <= o.start && compareEnds(r, o) >= 0
}

// Union joins two ranges, one of which ends where the other starts, in either order. It is false for any others, those
// that overlap too.
func (r Range) Union(o Range) (Range, bool) {
	switch {
	case r.end != "" && r.end == o.start:
		return Range{r.start, o.end}, true
	case o.end != "" && o.end == r.start:
		return Range{o.start, r.end}, true
	}
	return Range{}, false
}

// String is START-END in hexadecimal, without trailing zero bytes: "-" is the whole key space, "-40" what a shard
// named "-4000" has.
func (r Range) String() string {
	return hex.EncodeToString([]byte(r.start)) + "-" + hex.EncodeToString([]byte(r.end))
}

// MarshalText is String.
func (r Range) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *Range) UnmarshalText(text []byte) error {
	start, end, ok := strings.Cut(string(text), "-")
	if !ok {
		return fmt.Errorf("key range %q: expected START-END in hexadecimal", text)
	}
	s, err := hex.DecodeString(start)
	if err != nil {
		return fmt.Errorf("key range %q: start: %w", text, err)
	}
	e, err := hex.DecodeString(end)
	if err != nil {
		return fmt.Errorf("key range %q: end: %w", text, err)
	}
	*r = NewRange(s, e)
	return nil
}
