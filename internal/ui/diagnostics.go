package ui

import (
	"fmt"
	"io"
	"strings"

	"shardform/internal/diag"
)

// Diagnostics prints complaints as Terraform's users know them: severity and summary, place with the source line and a
// mark under the column, address, detail, hint.
func Diagnostics(w io.Writer, style Style, list diag.List) {
	for _, d := range list {
		writeDiagnostic(w, style, d)
	}
}

func writeDiagnostic(w io.Writer, style Style, d *diag.Diagnostic) {
	head, paint := "Error", style.Red
	if d.Severity == diag.Warning {
		head, paint = "Warning", style.Yellow
	}
	bar := paint("│") + " "
	line := func(text string) {
		_, _ = fmt.Fprintln(w, strings.TrimRight(bar+text, " "))
	}
	_, _ = fmt.Fprintln(w, paint("╷"))
	line(paint(style.Bold(head+": ")) + style.Bold(oneLine(d.Summary)))
	if d.Place != nil {
		line("")
		line("  on " + d.Place.String() + ":")
		if d.Place.Snippet != "" {
			prefix := fmt.Sprintf("%5d: ", d.Place.Line)
			line(prefix + printable(d.Place.Snippet))
			line(strings.Repeat(" ", len(prefix)) + underline(d.Place, style))
		}
	}
	if d.Address != "" {
		line("")
		line("  at " + d.Address)
	}
	for _, text := range []string{d.Detail, d.Hint} {
		if text == "" {
			continue
		}
		line("")
		for l := range strings.SplitSeq(strings.TrimRight(printable(text), "\n"), "\n") {
			line(l)
		}
	}
	_, _ = fmt.Fprintln(w, paint("╵"))
}

// underline marks the complaint's columns below its source line; tabs stay tabs, so that the mark stands right.
func underline(p *diag.Place, style Style) string {
	runes := []rune(p.Snippet)
	start := min(max(p.Column-1, 0), len(runes))
	end := start + 1
	if p.EndLine == p.Line && p.EndCol-1 > start {
		end = min(p.EndCol-1, max(len(runes), start+1))
	} else if p.EndLine > p.Line {
		end = max(len(runes), start+1)
	}
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(runes[:start]))
	return pad + style.Red(strings.Repeat("^", end-start))
}
