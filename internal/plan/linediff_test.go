package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLineDiffKeepsLinesWhole(t *testing.T) {
	tests := map[string]struct {
		before, after string
		want          []string
	}{
		"equal":              {"a\nb\n", "a\nb\n", []string{"  a", "  b"}},
		"one line changed":   {"a\nb\nc\n", "a\nx\nc\n", []string{"  a", "- b", "+ x", "  c"}},
		"from nothing":       {"", "a\nb", []string{"+ a", "+ b"}},
		"to nothing":         {"a\n", "", []string{"- a"}},
		"both empty":         {"", "", nil},
		"missing line end":   {"a\nb", "a\nb\n", []string{"  a", "  b"}},
		"similar lines":      {"{\n  \"a\": 1\n}", "{\n  \"ab\": 12\n}", []string{"  {", `-   "a": 1`, `+   "ab": 12`, "  }"}},
		"empty lines":        {"a\n\nb\n", "a\n\n\nb\n", []string{"  a", "  ", "+ ", "  b"}},
		"carriage returns":   {"a\r\nb\r\n", "a\r\nc\r\n", []string{"  a\r", "- b\r", "+ c\r"}},
		"not UTF-8":          {"a\xff\n", "a\xfe\n", []string{"- a\xff", "+ a\xfe"}},
		"moved to the front": {"a\nb\nc\n", "c\na\nb\n", []string{"+ c", "  a", "  b", "- c"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, l := range LineDiff(test.before, test.after) {
				got = append(got, l.Op.String()+" "+l.Text)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Line numbers become runes: those that are no characters must not get lost.
func TestLineDiffOfManyDifferentLines(t *testing.T) {
	var before, after strings.Builder
	for i := range 70_000 {
		fmt.Fprintf(&before, "line %d\n", i)
		if i != 60_000 {
			fmt.Fprintf(&after, "line %d\n", i)
		}
	}
	var changed []string
	lines := LineDiff(before.String(), after.String())
	for _, l := range lines {
		if l.Op != LineKept {
			changed = append(changed, l.Op.String()+l.Text)
		}
	}
	if diff := cmp.Diff([]string{"-line 60000"}, changed); diff != "" || len(lines) != 70_000 {
		t.Errorf("%d lines (-want +got):\n%s", len(lines), diff)
	}
}
