package apply

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"shardform/internal/diag"
)

// redacted stands where a secret was.
const redacted = "(sensitive)"

// redactor takes the values of sensitive parameters out of texts. The nil redactor changes nothing.
type redactor struct{ replacer *strings.Replacer }

// newRedactor hides the given values. Those shorter than 4 bytes are left: hiding every "on" would hide more than it
// protects.
func newRedactor(secrets []string) *redactor {
	var all []string
	for _, s := range secrets {
		for _, part := range append([]string{s}, elements(s)...) {
			all = append(append(all, part), lines(part)...)
		}
	}
	secrets = slices.DeleteFunc(all, func(s string) bool { return len(s) < 4 })
	if len(secrets) == 0 {
		return nil
	}
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // the longer of two that overlap goes first
	var pairs []string
	for _, s := range secrets {
		pairs = append(pairs, s, redacted)
	}
	return &redactor{strings.NewReplacer(pairs...)}
}

// elements are the texts in a list or map, which parameters of these kinds are as JSON: a command prints the value of a
// variable of its environment, not the JSON of all of them.
func elements(secret string) []string {
	var list []string
	if json.Unmarshal([]byte(secret), &list) == nil {
		return list
	}
	var byName map[string]string
	if json.Unmarshal([]byte(secret), &byName) == nil {
		return slices.Collect(maps.Values(byName))
	}
	return nil
}

// lines are those of a text that has several, without what is around them: output is shown line by line, and a key in
// it is never seen whole.
func lines(secret string) []string {
	if !strings.Contains(secret, "\n") {
		return nil
	}
	all := strings.Split(secret, "\n")
	for i, line := range all {
		all[i] = strings.TrimSpace(line)
	}
	return all
}

func (r *redactor) text(s string) string {
	if r == nil {
		return s
	}
	return r.replacer.Replace(s)
}

// err is err without secrets. An error that has none stays as it is; one that has loses its cause, whose text may have
// them too, except for what errors.Is must still find.
func (r *redactor) err(err error, keep ...error) error {
	if r == nil || err == nil {
		return err
	}
	var list diag.List
	changed := r.text(err.Error()) != err.Error()
	for _, d := range diag.All(err) {
		clean := *d
		clean.Summary, clean.Detail, clean.Hint = r.text(d.Summary), r.text(d.Detail), r.text(d.Hint)
		changed = changed || clean.Summary != d.Summary || clean.Detail != d.Detail || clean.Hint != d.Hint ||
			d.Cause != nil && r.text(d.Cause.Error()) != d.Cause.Error()
		clean.Cause = nil
		for _, target := range keep {
			if errors.Is(d.Cause, target) {
				clean.Cause = target
			}
		}
		list = append(list, &clean)
	}
	switch {
	case !changed:
		return err
	case len(list) == 1:
		return list[0]
	}
	return list
}
