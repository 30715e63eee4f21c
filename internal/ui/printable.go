package ui

import (
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

func acts(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
