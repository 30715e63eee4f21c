// Package redact takes secrets out of what is shown and recorded: out of strings, errors and streams. It knows their
// values and nothing of where they come from.
package redact

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Hidden stands where a secret was.
const Hidden = "(sensitive)"

// shortest is how many bytes a secret has at least that is hidden: to hide every "on" would hide more than it protects.
const shortest = 4

// Set collects secrets. The zero value is empty.
type Set struct {
	secrets map[string]bool
	public  map[string]bool
}

// Add takes a secret and, as output is shown by lines and a key in it is never seen whole, each of its lines.
func (s *Set) Add(secret string) {
	s.AddWhole(secret)
	for line := range strings.Lines(secret) {
		s.AddWhole(line)
	}
}

// AddWhole takes a secret of which only the whole is one.
func (s *Set) AddWhole(secret string) {
	if s.secrets == nil {
		s.secrets = map[string]bool{}
	}
	for _, form := range []string{secret, strings.TrimSpace(secret)} {
		if len(form) >= shortest {
			s.secrets[form] = true
		}
	}
}

// Publish says that a string is not a secret, although it was or will be added.
func (s *Set) Publish(text string) {
	if s.public == nil {
		s.public = map[string]bool{}
	}
	s.public[text] = true
}

// Of hides the given secrets.
func Of(secrets ...string) *Redactor {
	var s Set
	for _, secret := range secrets {
		s.Add(secret)
	}
	return s.Redactor()
}

// Redactor hides what was collected, also as it stands in JSON, in Go's quotes and in a URL; nil if that is nothing.
func (s *Set) Redactor() *Redactor {
	forms := map[string]bool{}
	for secret := range s.secrets {
		if s.public[secret] {
			continue
		}
		for _, form := range escaped(secret) {
			forms[form] = true
		}
	}
	if len(forms) == 0 {
		return nil
	}
	r := &Redactor{byStart: make(map[[shortest]byte][]string, len(forms))}
	for form := range forms {
		start := [shortest]byte([]byte(form[:shortest]))
		r.byStart[start] = append(r.byStart[start], form)
		for i := range start {
			r.starts[i][start[i]] = true
		}
	}
	for _, list := range r.byStart {
		slices.SortFunc(list, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	}
	return r
}

// escaped is a secret in the forms in which programs print it. None is shorter than the secret.
func escaped(secret string) []string {
	forms := []string{secret}
	quoted := strconv.Quote(secret)
	forms = append(forms, quoted[1:len(quoted)-1], url.QueryEscape(secret), url.PathEscape(secret))
	for _, html := range []bool{true, false} {
		var b strings.Builder
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(html)
		if encoder.Encode(secret) == nil {
			forms = append(forms, strings.TrimSuffix(b.String(), "\"\n")[1:])
		}
	}
	return forms
}

// Redactor hides secrets. It is immutable; the nil Redactor hides nothing.
type Redactor struct {
	byStart map[[shortest]byte][]string // the longest first
	starts  [shortest][256]bool         // which bytes secrets have at each of their first places: most positions are settled by these
}

// Text is s without secrets. Secrets that overlap are hidden together.
func (r *Redactor) Text(s string) string {
	if r == nil || len(s) < shortest {
		return s
	}
	shown, _ := r.hide([]byte(s), true)
	return string(shown)
}

// Holds reports whether a secret stands in s.
func (r *Redactor) Holds(s string) bool { return r.Text(s) != s }

// hide is what may be shown of text, and the rest, in which a secret may begin that continues after it. final: nothing
// comes after it, and rest is empty.
func (r *Redactor) hide(text []byte, final bool) (shown, rest []byte) {
	shown = make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		end, open := i, false
		for j := i; j == i || j < end; j++ { // from j > i on: what overlaps with what was found
			n, more := r.at(text[j:])
			end, open = max(end, j+n), open || more
		}
		switch {
		case open && !final:
			return shown, text[i:]
		case end > i:
			shown = append(shown, Hidden...)
			i = end
		default:
			shown = append(shown, text[i])
			i++
		}
	}
	return shown, nil
}

// at is the length of the longest secret that text begins with, 0 if there is none, and whether all of text is the
// beginning of a longer one.
func (r *Redactor) at(text []byte) (length int, more bool) {
	for i := range min(shortest, len(text)) {
		if !r.starts[i][text[i]] {
			return 0, false
		}
	}
	if len(text) < shortest {
		for start := range r.byStart {
			if string(start[:len(text)]) == string(text) {
				return 0, true
			}
		}
		return 0, false
	}
	for _, secret := range r.byStart[[shortest]byte(text)] {
		switch {
		case len(secret) > len(text):
			more = more || secret[:len(text)] == string(text)
		case length == 0 && secret == string(text[:len(secret)]):
			length = len(secret)
		}
	}
	return length, more
}

// Stream hides secrets in what comes in pieces, before anything cuts it: of a secret that a cut goes through both halves
// would be shown.
type Stream struct {
	redactor *Redactor
	held     []byte
}

// Stream begins a stream.
func (r *Redactor) Stream() *Stream { return &Stream{redactor: r} }

// Next is what may be shown of the stream once p has come. A beginning of a secret at its end is held back until it is
// known how it continues; final says that nothing comes after p.
func (s *Stream) Next(p []byte, final bool) []byte {
	if s.redactor == nil {
		return p
	}
	shown, rest := s.redactor.hide(append(s.held, p...), final)
	s.held = slices.Clone(rest)
	return shown
}
