package ui

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// printable is text without what a terminal would act on: names, messages of servers and the output of commands come from
// elsewhere, and must not move the cursor, clear the screen or change the title. Line ends and tabs stay.
func printable(text string) string {
	if strings.IndexFunc(text, acts) < 0 {
		return text
	}
	return strings.Map(func(r rune) rune {
		if acts(r) {
			return '\uFFFD'
		}
		return r
	}, text)
}

// acts reports whether a terminal acts on r instead of showing it: C0 and C1 controls, line and paragraph separators, and
// what changes the direction of writing, so that text is read otherwise than it is.
func acts(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

// oneLine is printable text that cannot end the line that it stands in.
func oneLine(text string) string {
	return strings.NewReplacer("\n", "\\n", "\t", "\\t").Replace(printable(text))
}

// escapedJSON is a writer of JSON: what a terminal would act on stands in it as \uXXXX, which means the same.
type escapedJSON struct{ w io.Writer }

// Write implements io.Writer for whole documents, as an encoder writes them.
func (e escapedJSON) Write(p []byte) (int, error) {
	if _, err := e.w.Write(escapeJSON(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func escapeJSON(document []byte) []byte {
	if bytes.IndexFunc(document, acts) < 0 {
		return document
	}
	var b bytes.Buffer
	for _, r := range string(document) {
		if acts(r) {
			fmt.Fprintf(&b, "\\u%04x", r) // none is beyond the first plane
		} else {
			b.WriteRune(r)
		}
	}
	return b.Bytes()
}
