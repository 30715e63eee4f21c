package redact

import (
	"errors"

	"shardform/internal/diag"
)

// Err is err without secrets. An error that has none stays as it is; one that has loses its cause, whose text may have
// them too, except for what errors.Is must still find.
func (r *Redactor) Err(err error, keep ...error) error {
	if r == nil || err == nil {
		return err
	}
	list, changed := r.list(diag.All(err), keep)
	switch {
	case !changed && !r.Holds(err.Error()):
		return err
	case len(list) == 1:
		return list[0]
	}
	return list
}

// List is list without secrets.
func (r *Redactor) List(list diag.List) diag.List {
	if r == nil {
		return list
	}
	if clean, changed := r.list(list, nil); changed {
		return clean
	}
	return list
}

func (r *Redactor) list(list diag.List, keep []error) (clean diag.List, changed bool) {
	for _, d := range list {
		c := *d
		c.Summary, c.Detail, c.Hint = r.Text(d.Summary), r.Text(d.Detail), r.Text(d.Hint)
		if d.Place != nil && r.Holds(d.Place.Snippet) {
			place := *d.Place
			place.Snippet = ""
			c.Place, changed = &place, true
		}
		changed = changed || c.Summary != d.Summary || c.Detail != d.Detail || c.Hint != d.Hint || d.Cause != nil && r.Holds(d.Cause.Error())
		c.Cause = nil
		for _, target := range keep {
			if errors.Is(d.Cause, target) {
				c.Cause = target
			}
		}
		clean = append(clean, &c)
	}
	return clean, changed
}
