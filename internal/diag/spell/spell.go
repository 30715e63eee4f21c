// Package spell writes values the way people and shells read them, for texts that several packages make: durations,
// words of a command line, and the name that was probably meant. It knows nothing of what the texts are about.
package spell

import (
	"fmt"
	"strings"
	"time"

	"github.com/agext/levenshtein"
)

// Duration is d as plan files write it and Go's flags read it: "24h", "1m30s", not "24h0m0s".
func Duration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Bytes is n in the largest fitting binary unit: 1.4 MiB.
func Bytes(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// ShellWord writes a word so that a POSIX shell reads it back as it is.
func ShellWord(word string) string {
	special := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_@%+=:,./-", r))
	}
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// MapKey returns a string as the key of a map in a plan file: bare where that can be read back, quoted otherwise.
func MapKey(key string) string {
	bare := key != "" && key != "for" // { for … } is an expression
	for i, r := range key {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_'
		bare = bare && (letter || i > 0 && ('0' <= r && r <= '9' || r == '-'))
	}
	if bare {
		return key
	}
	var text strings.Builder
	for _, r := range key {
		switch {
		case r == '"' || r == '\\':
			text.WriteString(`\` + string(r))
		case r < ' ' || r == '$' || r == '%': // ${ and %{ begin templates
			fmt.Fprintf(&text, `\u%04x`, r)
		default:
			text.WriteRune(r)
		}
	}
	return `"` + text.String() + `"`
}

// Nearest is the name of known that was probably meant by name; "" if none is near.
func Nearest(name string, known []string) string {
	best, distance := "", max(2, len(name)/3)+1
	for _, candidate := range known {
		if strings.EqualFold(name, candidate) {
			return candidate
		}
		if d := len(name) - len(candidate); d >= distance || -d >= distance {
			continue
		}
		if d := levenshtein.Distance(name, candidate, nil); d < distance && d < len(candidate) {
			best, distance = candidate, d
		}
	}
	return best
}
