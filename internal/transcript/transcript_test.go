package transcript_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"shardform/internal/redact"
	"shardform/internal/transcript"
)

// record is a transcript and the lines that it passed on.
func record(limit int) (*transcript.Transcript, *[]string) {
	lines := &[]string{}
	return transcript.New(limit, func(line string) { *lines = append(*lines, line) }, nil), lines
}

func TestLinesArePassedOnWhenTheyEnd(t *testing.T) {
	tr, lines := record(100)
	for _, c := range []struct {
		write string
		want  []string
	}{
		{"one", nil},
		{" line\ntwo\r\n\nthr", []string{"one line", "two", ""}},
		{"", []string{"one line", "two", ""}},
		{"ee", []string{"one line", "two", ""}},
	} {
		fmt.Fprint(tr, c.write)
		if diff := cmp.Diff(c.want, *lines, cmp.Transformer("slice", func(s []string) string { return strings.Join(s, "|") })); diff != "" {
			t.Errorf("behind %q (-want +got):\n%s", c.write, diff)
		}
	}
	tr.End()
	tr.End()
	if got := strings.Join(*lines, "|"); got != "one line|two||three" {
		t.Errorf("lines %q", got)
	}
	if got := tr.String(); got != "one line\ntwo\r\n\nthree" {
		t.Errorf("kept %q", got)
	}
}

func TestHeadAndTailAreKeptInWholeLines(t *testing.T) {
	tr, lines := record(100)
	for i := range 1000 {
		fmt.Fprintf(tr, "line %d\n", i)
	}
	want := "line 0\nline 1\nline 2\nline 3\nline 4\nline 5\nline 6\n" +
		"[… 988 lines, 8796 bytes, of output were cut here …]\n" +
		"line 995\nline 996\nline 997\nline 998\nline 999\n"
	if diff := cmp.Diff(want, tr.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(*lines) != 1000 || (*lines)[999] != "line 999" {
		t.Errorf("%d lines were passed on", len(*lines))
	}
}

func TestALineWithoutEndIsPassedOnInPieces(t *testing.T) {
	const limit = 64 << 10
	tr, lines := record(100)
	text := "x" + strings.Repeat("é", limit)
	fmt.Fprint(tr, text)
	tr.End()
	if got := strings.Join(*lines, ""); got != text || len(*lines) != 3 {
		t.Errorf("%d pieces, %d bytes of %d", len(*lines), len(got), len(text))
	}
	if got := tr.String(); !strings.HasPrefix(got, "xé") || !utf8.ValidString(got) || strings.Count(got, "cut here") != 1 {
		t.Errorf("kept %q", got)
	}
}

func TestWhatIsNoTextBecomesText(t *testing.T) {
	tr, lines := record(100)
	fmt.Fprint(tr, "a\xffb\n\xc3")
	tr.End()
	if got := tr.String() + strings.Join(*lines, "|"); got != "a\uFFFDb\n\uFFFDa\uFFFDb|\uFFFD" {
		t.Errorf("%q", got)
	}
}

func TestHoweverItIsWrittenItIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab\n\ré→")), 0, 300, -1).Draw(t, "text")
		limit := rapid.IntRange(0, 400).Draw(t, "limit")
		whole, wholeLines := record(limit)
		fmt.Fprint(whole, text)
		whole.End()
		pieces, lines := record(limit)
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "n")
			fmt.Fprint(pieces, rest[:n])
			rest = rest[n:]
		}
		pieces.End()
		if whole.String() != pieces.String() || cmp.Diff(*wholeLines, *lines) != "" {
			t.Fatalf("at once %q, %q\nin pieces %q, %q", whole.String(), *wholeLines, pieces.String(), *lines)
		}
		if got := strings.Join(*lines, "\n"); got != strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n") && !strings.HasSuffix(text, "\r") {
			t.Fatalf("lines %q of %q", got, text)
		}
		if len(text) <= limit/2*2 && whole.String() != text {
			t.Fatalf("kept %q of %q", whole.String(), text)
		}
		if len(whole.String()) > limit+100 {
			t.Fatalf("%d bytes are kept, limit %d", len(whole.String()), limit)
		}
	})
}

// A secret is hidden also where the line is passed on in pieces, the middle is left out or it is written bit by bit.
func TestNoCutShowsHalfOfASecret(t *testing.T) {
	hide := redact.Of("hunter22-and-more")
	for before := range 40 {
		var lines []string
		tr := transcript.New(60, func(line string) { lines = append(lines, line) }, hide)
		for _, filler := range []int{before, 1<<16 - 20 + before, 20 + before, before} {
			fmt.Fprint(tr, strings.Repeat(".", filler), "hunter22", "-and-more")
		}
		fmt.Fprint(tr, "hunt")
		tr.End()
		for name, shown := range map[string]string{"lines": strings.Join(lines, ""), "kept": tr.String()} {
			if strings.Contains(shown, "hunter") || strings.Contains(shown, "more") || !strings.HasSuffix(shown, "hunt") {
				t.Fatalf("%s after %d bytes: %.200q", name, before, shown)
			}
		}
	}
}
