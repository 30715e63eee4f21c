package keyrange

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseLayoutTakesWhatCoversTheKeySpace(t *testing.T) {
	for _, names := range []string{"0", "-", "00-", "my_shard", "-80,80-", "-80,8000-", "-55,55-aa,aa-", "-8A,8a-C0,c0-"} {
		layout, err := ParseLayout(split(names))
		if err != nil {
			t.Errorf("%s: %v", names, err)
			continue
		}
		want := names
		if strings.Contains(names, "-") {
			want = strings.ToLower(names)
		}
		if layout.String() != want {
			t.Errorf("%s is kept as %s", names, layout)
		}
		if union, ok := layout.Union(); !ok || !union.IsWhole() || !layout.Covers(Range{}) {
			t.Errorf("%s forms %s, %v; covers the key space: %v", names, union, ok, layout.Covers(Range{}))
		}
	}
}

func TestParseLayoutReportsEveryProblemAtItsElement(t *testing.T) {
	for _, tc := range []struct {
		name, names string
		want        []string // "index: words of the summary | words of the hint"
	}{
		{"empty list", "", []string{`-1: no shards | "-"`}},
		{"gap at the start", "40-", []string{`0: ids of -40, before "40-" | add "-40"`}},
		{"gap at the end", "-40,40-80", []string{`1: ids of 80-, after "40-80" | add "80-"`}},
		{"gap inside", "-40,80-", []string{`1: ids of 40-80, between "-40" and "80-" | add "40-80"`}},
		{"three gaps", "20-40,60-80", []string{`0: -20 | add "-20"`, `1: 40-60 | add "40-60"`, `1: 80- | add "80-"`}},
		{"overlap", "-60,40-", []string{`1: "40-" overlaps "-60": both have the ids of 40-60 | "-40" instead of "-60", or "60-" instead of "40-"`}},
		{"a shard inside another", "-80,20-40,80-", []string{`1: both have the ids of 20-40 | remove one of the two`}},
		{"a shard inside the last", "-80,80-,c0-", []string{`2: both have the ids of c0- | remove one of the two`}},
		{"the same start twice", "-40,-80,80-", []string{`1: "-80" overlaps "-40": both have the ids of -40 | remove one`}},
		{"the same name twice", "-80,80-,80-", []string{`2: same range as "80-", element 2 | remove`}},
		{"the same range twice", "-80,-8000,80-", []string{`1: "-8000" is the same range as "-80", element 1 | remove`}},
		{"wrong order", "80-,-80", []string{`1: "-80" comes before "80-" | "-80", "80-"`}},
		{"wrong order is one problem", "c0-,80-c0,40-80,-40", []string{`1: comes before "c0-" | "-40", "40-80", "80-c0", "c0-"`}},
		{"whole beside others", "0,-80,80-", []string{`0: "0" is the whole key space | either this shard or the others`}},
		{"custom name beside others", "-c0,c0", []string{`1: "c0" is the whole key space | as in "c0-"`}},
		{"whole twice", "-,0", []string{`1: same range as "-" | remove`}},
		{"empty range", "-80,80-8000,80-", []string{`1: "80-8000" is an empty range | trailing zero`}},
		{"malformed", "-8,8-", []string{`0: odd number of digits | "80" or "08"`, `1: odd number | write`}},
		{"a malformed name is not a gap too", "-40,4-8,80-", []string{`1: "4" has an odd number of digits | "40" or "04"`}},
		{"a malformed name hides no gap elsewhere", "-20,40-80,8-", []string{`1: 20-40 | add "20-40"`, `2: odd number | "80"`}},
		{"a whole layout in one name", "-80-", []string{`0: 2 dashes | list the shards one by one: "-80", "80-"`}},
		{"everything at once", "80-,-40,-4000, 40-50,xx-", []string{
			`1: "-40" comes before | "-40", "80-"`, `2: same range as "-40", element 2 | remove`,
			`3: character ' ' at position 1 | write "40-50"`, `4: 'x', which is no hexadecimal digit | 0-9 and a-f`,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			layout, err := ParseLayout(split(tc.names))
			if layout != nil {
				t.Errorf("gives a layout: %s", layout)
			}
			got := LayoutErrors(fmt.Errorf("keyspace customer: %w", err))
			if len(got) != len(tc.want) {
				t.Fatalf("%d problems, want %d:\n%v", len(got), len(tc.want), err)
			}
			for i, e := range got {
				head, hint, _ := strings.Cut(tc.want[i], " | ")
				index, summary, _ := strings.Cut(head, ": ")
				if fmt.Sprint(e.Index) != index || !strings.Contains(e.Summary, summary) || !strings.Contains(e.Hint, hint) {
					t.Errorf("problem %d: index %d, summary %q, hint %q; want %s", i, e.Index, e.Summary, e.Hint, tc.want[i])
				}
			}
		})
	}
}

func TestLayoutErrorsOfOtherErrors(t *testing.T) {
	if got := LayoutErrors(errors.New("disk full")); got != nil {
		t.Errorf("LayoutErrors(other error) = %v", got)
	}
	if got := LayoutErrors(nil); got != nil {
		t.Errorf("LayoutErrors(nil) = %v", got)
	}
}

func TestAnyListOfNamesParsesOrSaysWhy(t *testing.T) {
	name := rapid.StringMatching(`[048cg]{0,2}0?-?[048c]{0,2}-?`)
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(name, 0, 5).Draw(t, "names")
		layout, err := ParseLayout(names)
		checkParsed(t, names, layout, err)
	})
}

// checkParsed holds for the result of every ParseLayout(names).
func checkParsed(t interface{ Fatalf(string, ...any) }, names []string, layout Layout, err error) {
	if err != nil {
		problems := LayoutErrors(err)
		if len(problems) == 0 || layout != nil {
			t.Fatalf("error %v with layout %v and no problems", err, layout)
		}
		for _, p := range problems {
			if p.Index < -1 || p.Index >= len(names) || p.Summary == "" || p.Hint == "" || strings.Contains(p.Summary+p.Hint, "\n") {
				t.Fatalf("problem %#v of %q", p, names)
			}
		}
		return
	}
	end := ""
	for i, s := range layout {
		if s.Range.IsEmpty() || s.Range.start != end || i > 0 && end == "" {
			t.Fatalf("layout %s of %q: shard %s does not start where the one before ends", layout, names, s)
		}
		end = s.Range.end
	}
	again, err := ParseLayout(layout.Names())
	if end != "" || err != nil || len(layout) != len(names) || !again.Equal(layout) || len(Segments(layout, again)) > 0 {
		t.Fatalf("layout %s of %q does not reach the end or is not read again as it is: %v", layout, names, err)
	}
}

func TestGapHintsCure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		full := covering.Draw(t, "layout")
		kept := Layout{}
		for _, s := range full {
			if rapid.Bool().Draw(t, "keep "+s.Name) {
				kept = append(kept, s)
			}
		}
		names := kept.Names()
		_, err := ParseLayout(names)
		for _, p := range LayoutErrors(err) {
			if len(kept) == 0 {
				return // the list is empty, which has its own hint
			}
			var missing string
			if _, scanErr := fmt.Sscanf(p.Hint, "add %q", &missing); scanErr != nil {
				t.Fatalf("hint %q: %v", p.Hint, scanErr)
			}
			s, parseErr := ParseShard(missing)
			if parseErr != nil {
				t.Fatalf("hint %q: %v", p.Hint, parseErr)
			}
			kept = append(kept, s)
		}
		if _, err := ParseLayout(NewLayout(kept).Names()); err != nil {
			t.Fatalf("%q with the shards that the hints add: %v", names, err)
		}
	})
}

func TestCoversAndUnionOfObservedLayouts(t *testing.T) {
	for _, tc := range []struct {
		names, of  string
		covers     bool
		union      string
		hasNoUnion bool
	}{
		{"-80,80-", "-", true, "-", false},
		{"80-,-80", "-", true, "-", false},
		{"-40,40-80", "-80", true, "-80", false},
		{"-40,40-80", "20-60", true, "-80", false},
		{"-40,40-80", "-81", false, "-80", false},
		{"-40,50-80", "-40", true, "", true},
		{"-40,50-80", "50-60", true, "", true},
		{"-40,50-80", "-80", false, "", true},
		{"-60,40-80", "-80", true, "", true},
		{"-,-80", "-", true, "", true},
		{"80-", "-80", false, "80-", false},
		{"-80", "80-", false, "-80", false},
		{"", "-", false, "", true},
	} {
		l := shards(t, split(tc.names)...)
		if got := l.Covers(rangeOf(t, tc.of)); got != tc.covers {
			t.Errorf("%s covers %s: %v", tc.names, tc.of, got)
		}
		union, ok := l.Union()
		if ok == tc.hasNoUnion || ok && union.String() != tc.union {
			t.Errorf("union of %s: %s, %v", tc.names, union, ok)
		}
	}
}

func TestNewLayoutSortsACopy(t *testing.T) {
	given := shards(t, "80-", "40-80", "-40", "-80")
	if got := NewLayout(given).String(); got != "-40,-80,40-80,80-" {
		t.Errorf("key order is %s", got)
	}
	if given[0].Name != "80-" {
		t.Errorf("the caller's slice became %s", given)
	}
}

func TestLayoutsSurviveJSON(t *testing.T) {
	want, err := ParseLayout([]string{"-4000", "40-80", "80-"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{"layout": want, "range": want[0].Range})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(text); got != `{"layout":["-4000","40-80","80-"],"range":"-40"}` {
		t.Errorf("JSON is %s", got)
	}
	var got struct {
		Layout Layout
		Range  Range
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Names(), got.Layout.Names()); diff != "" || !got.Layout.Equal(want) || got.Range != want[0].Range {
		t.Errorf("read back: %v, range %s", got.Layout, got.Range)
	}
	for _, bad := range []string{`{"range":"80"}`, `{"range":"8-"}`, `{"range":"-8"}`, `{"layout":["8-"]}`} {
		if err := json.Unmarshal([]byte(bad), &got); err == nil {
			t.Errorf("%s is read without an error", bad)
		}
	}
	if _, err := json.Marshal(Shard{Name: "main", Range: want[0].Range}); err == nil {
		t.Error("a shard whose name does not say its range is written without an error")
	}
}

func TestEvenLayoutsAreEven(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 255, 256, 257, 1000, 65535, 65536} {
		l, err := Even(n)
		if err != nil || len(l) != n {
			t.Fatalf("Even(%d): %d shards, %v", n, len(l), err)
		}
		if union, ok := l.Union(); !ok || !union.IsWhole() {
			t.Errorf("Even(%d) forms %s, %v", n, union, ok)
		}
	}
}
