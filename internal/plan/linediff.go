package plan

import (
	"strings"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// LineOp says what becomes of a line.
type LineOp int

// The fates of a line.
const (
	LineKept LineOp = iota
	LineRemoved
	LineAdded
)

// String is the sign that stands before the line: " ", "-" or "+".
func (o LineOp) String() string {
	switch o {
	case LineRemoved:
		return "-"
	case LineAdded:
		return "+"
	}
	return " "
}

// DiffLine is one line of a comparison, without its line end.
type DiffLine struct {
	Op   LineOp
	Text string
}

// LineDiff compares two texts line by line, all lines included. What it says depends on the texts only, never on the
// machine's speed. A text that does not end in a line end is compared as if it did.
func LineDiff(before, after string) []DiffLine {
	dmp := diffmatchpatch.New()
	dmp.DiffTimeout = 0 // a deadline would make the result depend on the machine
	a, b, lines := dmp.DiffLinesToRunes(endLine(before), endLine(after))
	diffs := dmp.DiffCharsToLines(dmp.DiffMainRunes(a, b, false), lines)
	var result []DiffLine
	for _, d := range diffs {
		op := LineKept
		switch d.Type {
		case diffmatchpatch.DiffDelete:
			op = LineRemoved
		case diffmatchpatch.DiffInsert:
			op = LineAdded
		}
		for line := range strings.Lines(d.Text) {
			result = append(result, DiffLine{op, strings.TrimSuffix(line, "\n")})
		}
	}
	return result
}

func endLine(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}
