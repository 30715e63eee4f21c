package keyrange

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func split(names string) []string {
	return strings.FieldsFunc(names, func(r rune) bool { return r == ',' })
}

func TestSegmentsAreTheRunsThatDiffer(t *testing.T) {
	for _, tc := range []struct {
		name, current, wanted string
		want                  []string
	}{
		{"split the whole", "0", "-80,80-", []string{"0:-80,80-"}},
		{"merge to the whole", "-80,80-", "-", []string{"-80,80-:-"}},
		{"one merge, the rest untouched", "-40,40-80,80-", "-80,80-", []string{"-40,40-80:-80"}},
		{"split at the end", "-80,80-", "-80,80-c0,c0-", []string{"80-:80-c0,c0-"}},
		{"two splits with a shard between", "-40,40-80,80-", "-20,20-40,40-80,80-c0,c0-", []string{"-40:-20,20-40", "80-:80-c0,c0-"}},
		{"neighbours that both split", "-80,80-", "-40,40-80,80-c0,c0-", []string{"-80,80-:-40,40-80,80-c0,c0-"}},
		{"a split beside a merge", "-80,80-c0,c0-", "-40,40-80,80-", []string{"-80,80-c0,c0-:-40,40-80,80-"}},
		{"a moved bound", "-80,80-", "-40,40-", []string{"-80,80-:-40,40-"}},
		{"no common bound", "-80,80-", "-55,55-aa,aa-", []string{"-80,80-:-55,55-aa,aa-"}},
		{"bounds of different lengths", "-40,40-", "-4000,4000-80,80-", []string{"40-:4000-80,80-"}},
		{"the same", "-80,80-", "-80,80-", nil},
		{"0 and - are the same range", "0", "-", nil},
		{"-80 and -8000 are the same range", "-80,80-", "-8000,8000-", nil},
		{"a custom name is the whole range", "main", "00-", nil},
		{"nothing at all", "", "", nil},
		{"nothing served", "", "-80,80-", []string{":-80", ":80-"}},
		{"a gap in what is served", "-40,80-", "-40,40-80,80-", []string{":40-80"}},
		{"a gap inside a wanted shard", "-40,80-", "-", []string{"-40,80-:-"}},
		{"old and new shards serve together", "-80,-40,40-80,80-", "-40,40-80,80-", []string{"-80,-40,40-80:-40,40-80"}},
		{"nothing above", "-80", "-80,80-", []string{":80-"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Segments(NewLayout(shards(t, split(tc.current)...)), NewLayout(shards(t, split(tc.wanted)...)))
			var texts []string
			for _, s := range got {
				texts = append(texts, s.String())
			}
			want := slices.Clone(tc.want)
			for i, w := range want { // the cases list shards as people do; key order puts -40 before -80
				sources, targets, _ := strings.Cut(w, ":")
				want[i] = Segment{NewLayout(shards(t, split(sources)...)), NewLayout(shards(t, split(targets)...))}.String()
			}
			if diff := cmp.Diff(want, texts); diff != "" {
				t.Errorf("segments (-want +got):\n%s", diff)
			}
		})
	}
}

func TestShardsWithoutIDsMeetTheirLike(t *testing.T) {
	named := func(start, end string) Shard {
		r := NewRange([]byte(start), []byte(end))
		return Shard{Name: r.String(), Range: r}
	}
	empty, upper := named("\x80", "\x40"), named("\x80", "")
	for _, tc := range []struct {
		current, wanted Layout
		want            string
	}{
		{Layout{empty}, Layout{empty}, "[]"},
		{Layout{upper}, Layout{empty}, "[80-:80-40]"},
		{Layout{empty}, Layout{upper}, "[80-40:80-]"},
		{Layout{empty, upper}, Layout{upper}, "[80-40,80-:80-]"},
	} {
		if got := fmt.Sprint(Segments(tc.current, tc.wanted)); got != tc.want {
			t.Errorf("%s to %s: %s, want %s", tc.current, tc.wanted, got, tc.want)
		}
	}
}

// bounds draws ids from few bytes, so that layouts often have some in common, with and without trailing zero bytes.
var bounds = rapid.SliceOfNDistinct(
	rapid.SliceOfN(rapid.SampledFrom([]byte{0x00, 0x01, 0x40, 0x80, 0xff}), 1, 3), 0, 12, normalize)

// covering draws a layout of the whole key space.
var covering = rapid.Custom(func(t *rapid.T) Layout {
	ids := slices.DeleteFunc(bounds.Draw(t, "bounds"), func(id []byte) bool { return normalize(id) == "" })
	slices.SortFunc(ids, func(a, b []byte) int { return strings.Compare(normalize(a), normalize(b)) })
	names := make([]string, len(ids)+1)
	start := ""
	for i, id := range ids {
		names[i] = fmt.Sprintf("%s-%x", start, id)
		start = fmt.Sprintf("%x", id)
	}
	names[len(ids)] = start + "-"
	layout, err := ParseLayout(names)
	if err != nil {
		t.Fatalf("layout %q: %v", names, err)
	}
	return layout
})

// anyLayout draws shards that need not fit together.
var anyLayout = rapid.Custom(func(t *rapid.T) Layout {
	id := rapid.SliceOfN(rapid.SampledFrom([]byte{0x00, 0x40, 0x80}), 0, 2)
	return NewLayout(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Shard {
		r := NewRange(id.Draw(t, "start"), id.Draw(t, "end"))
		return Shard{Name: r.String(), Range: r}
	}), 0, 6).Draw(t, "shards"))
})

func TestSegmentsTurnCurrentIntoWanted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		current, wanted := covering.Draw(t, "current"), covering.Draw(t, "wanted")
		spliced := slices.Clone(current)
		last := ""
		for i, s := range Segments(current, wanted) {
			if err := CheckReshard(s.Sources, s.Targets); err != nil {
				t.Fatalf("Vitess would refuse segment %s: %v", s, err)
			}
			from, _ := s.Sources.Union()
			if i > 0 && (from.start <= last || last == "") {
				t.Fatalf("segment %s is out of order, or belongs to the run before it", s)
			}
			last = from.end
			at := slices.Index(spliced, s.Sources[0])
			if at < 0 || !slices.Equal(spliced[at:at+len(s.Sources)], s.Sources) {
				t.Fatalf("the sources of segment %s are no run of %s", s, spliced)
			}
			spliced = slices.Replace(spliced, at, at+len(s.Sources), s.Targets...)
		}
		if !spliced.Equal(wanted) {
			t.Fatalf("%s to %s: the segments give %s", current, wanted, spliced)
		}
	})
}

func TestSegmentsBackAreTheSegmentsReversed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		current, wanted := anyLayout.Draw(t, "current"), anyLayout.Draw(t, "wanted")
		there, back := Segments(current, wanted), Segments(wanted, current)
		for i := range there {
			there[i] = there[i].Reverse()
		}
		if diff := cmp.Diff(there, back, cmp.Comparer(func(a, b Range) bool { return a == b })); diff != "" {
			t.Fatalf("reversed and computed the other way (-reversed +computed):\n%s", diff)
		}
	})
}

// Whatever a cluster shows: what is in no segment is the same on both sides, and no segment touches another's ids.
func TestSegmentsOfBrokenLayoutsLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		current, wanted := anyLayout.Draw(t, "current"), anyLayout.Draw(t, "wanted")
		restCurrent, restWanted := slices.Clone(current), slices.Clone(wanted)
		remove := func(from *Layout, shards Layout) {
			for _, s := range shards {
				i := slices.Index(*from, s)
				if i < 0 {
					t.Fatalf("shard %s is in a segment more often than in its layout", s)
				}
				*from = slices.Delete(*from, i, i+1)
			}
		}
		segments := Segments(current, wanted)
		for i, s := range segments {
			remove(&restCurrent, s.Sources)
			remove(&restWanted, s.Targets)
			for _, other := range segments[i+1:] {
				for _, a := range slices.Concat(s.Sources, s.Targets) {
					for _, b := range slices.Concat(other.Sources, other.Targets) {
						if !a.Range.IsEmpty() && !b.Range.IsEmpty() && a.Range.Intersects(b.Range) {
							t.Fatalf("segments %s and %s both have ids of %s and %s", s, other, a, b)
						}
					}
				}
			}
		}
		if !restCurrent.Equal(restWanted) {
			t.Fatalf("outside the segments %s is left of the current and %s of the wanted layout", restCurrent, restWanted)
		}
	})
}

func BenchmarkSegments(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		current, err := Even(n)
		if err != nil {
			b.Fatal(err)
		}
		wanted, err := Even(n + n/2)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if len(Segments(current, wanted)) == 0 {
					b.Fatal("no segments")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/shard")
		})
	}
}

func TestParseSegmentReadsWhatStringWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Segment{Sources: covering.Draw(t, "sources"), Targets: covering.Draw(t, "targets")}
		got, err := ParseSegment(want.String())
		if err != nil || got.String() != want.String() || !got.Sources.Equal(want.Sources) || !got.Targets.Equal(want.Targets) {
			t.Fatalf("ParseSegment(%q) = %s, %v", want, got, err)
		}
	})
	for _, text := range []string{"", "-", "80-40:-", "-:zz-"} {
		if s, err := ParseSegment(text); err == nil {
			t.Errorf("ParseSegment(%q) = %s, want an error", text, s)
		}
	}
}
