package config

import (
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// maxMend is how deep blocks are searched for the part that is mistaken: as deep as blocks go in a plan file.
const maxMend = 5

// mend is a block with mistakes in it, without what is mistaken; the mistakes are reported. nil if nothing can be told
// of the block.
func (l *loader) mend(src *source, it item, diags hcl.Diagnostics, depth int) *block {
	b := l.blockHeader(src, it)
	if b == nil {
		l.addSyntax(diags)
		return nil
	}
	b.bodies = nil
	if it.close < 0 || depth >= maxMend || !l.mendInside(b, it, depth) {
		l.addSyntax(diags)
		b.broken = true
	}
	return b
}

// mendInside parses a block's items one by one; false if that finds no mistake: then it is not in the parts, but in how
// they are put together.
func (l *loader) mendInside(b *block, it item, depth int) bool {
	items, s := split(b.src.text, it.open+1, it.close, it.openLine)
	if s.problem != "" {
		return false
	}
	found := false
	for _, inner := range items {
		if l.full() {
			break
		}
		body, diags := parseNative(b.src, inner.start, inner.end, inner.line)
		if body != nil && !broken(diags) {
			b.bodies = append(b.bodies, body)
			continue
		}
		found = true
		l.hideSecrets(b.src, it)
		if inner.close >= 0 {
			if nested := l.mend(b.src, inner, diags, depth+1); nested != nil {
				b.mended = append(b.mended, nested)
				continue
			}
		} else {
			l.addSyntax(diags)
		}
		b.lose(b.src.text[inner.start:inner.end])
	}
	if !found {
		b.bodies = nil
	}
	return found
}

// addSyntax reports why an item could not be parsed. A string without its end makes the parser complain about every
// line up to the next quote: one of these is enough.
func (l *loader) addSyntax(diags hcl.Diagnostics) {
	for _, d := range diags {
		if d.Summary == "Invalid multi-line string" || d.Summary == "Unterminated template string" {
			l.errorAt(*d.Subject, "a string is not closed", "it has to end on the line on which it begins", `add the closing ", or write a text of several lines as <<EOT … EOT`)
			return
		}
	}
	l.addHCL(diags)
}

var itemName = regexp.MustCompile(`^(?:\s|#[^\n]*\n|//[^\n]*\n)*([\pL_][\pL\pN_-]*)\s*[="{]`)

// lose notes that an item could not be parsed, so that nobody misses it.
func (b *block) lose(text string) {
	if m := itemName.FindStringSubmatch(text); m != nil {
		b.lost = append(b.lost, m[1])
		return
	}
	b.broken = true
}

var sensitiveWord = regexp.MustCompile(`\bsensitive\b`)

// hideSecrets keeps the inside of a mistaken variable block out of complaints if it may be about a secret.
func (l *loader) hideSecrets(src *source, it item) {
	if sensitiveWord.MatchString(src.text[it.start:it.close]) {
		last := it.openLine + strings.Count(src.text[it.open:it.close], "\n")
		src.hide(hcl.Range{Start: hcl.Pos{Line: it.openLine}, End: hcl.Pos{Line: last}})
	}
}
