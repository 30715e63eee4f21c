package diag

import "strings"

// All returns the diagnostics of an error: every one in its tree of wrapped and joined errors, in order, except those that
// are only the Cause of another. What wrappers say stands before the Summary of what they wrap; an error without
// diagnostics is one itself, with its text as Summary. In all of them Exit is what the error asks for. nil gives nil.
func All(err error) List {
	if err == nil {
		return nil
	}
	if list, ok := err.(List); ok && len(list) > 0 {
		return list.resolved()
	}
	if d, ok := err.(*Diagnostic); ok {
		return List{d}.resolved()
	}
	if !hasDiagnostics(err) && len(children(err)) < 2 {
		return List{{Severity: Error, Summary: err.Error(), Cause: err}}
	}
	wrapped := children(err)
	texts := make([]string, len(wrapped))
	for i, child := range wrapped {
		texts[i] = child.Error()
	}
	if err.Error() == strings.Join(texts, "\n") { // errors.Join, or a wrapper that says nothing itself
		var all List
		for _, child := range wrapped {
			all = append(all, All(child)...)
		}
		return all
	}
	if list := inside(err.Error(), wrapped, texts); list != nil {
		return list
	}
	return List{{Severity: Error, Summary: err.Error(), Cause: err}}
}

// children are the errors that err wraps directly.
func children(err error) []error {
	var all []error
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		all = []error{wrapper.Unwrap()}
	case interface{ Unwrap() []error }:
		all = wrapper.Unwrap()
	}
	var some []error
	for _, child := range all {
		if child != nil {
			some = append(some, child)
		}
	}
	return some
}

// inside returns the diagnostics of wrapped errors with the text of their wrapper around them: what stands before the
// text of the wrapped error goes in front of the summaries, what stands after it to the last detail. nil if there are none.
func inside(text string, wrapped []error, texts []string) List {
	var all List
	for i, child := range wrapped {
		if !hasDiagnostics(child) {
			continue // its text is a part of the wrapper's
		}
		before, after, found := strings.Cut(text, texts[i])
		if !found {
			before, after = text, ""
		}
		for _, d := range All(child) {
			all = append(all, d.after(before))
		}
		text = after
	}
	if rest := strings.Trim(text, ":;,) \n"); len(all) > 0 && rest != "" {
		last := *all[len(all)-1]
		last.Detail = strings.TrimPrefix(last.Detail+"\n"+rest, "\n")
		all[len(all)-1] = &last
	}
	return all
}

func hasDiagnostics(err error) bool {
	switch err.(type) {
	case *Diagnostic, List:
		return true
	}
	for _, child := range children(err) {
		if hasDiagnostics(child) {
			return true
		}
	}
	return false
}

// after returns d with a wrapper's text in front of its summary.
func (d *Diagnostic) after(text string) *Diagnostic {
	text = strings.Join(strings.Fields(strings.Trim(text, ":;,( \n")), " ")
	if text == "" {
		return d
	}
	wrapped := *d
	wrapped.Summary = text + ": " + d.Summary
	return &wrapped
}

// resolved returns l with the exit codes of its causes where it has none itself.
func (l List) resolved() List {
	all := make(List, len(l))
	for i, d := range l {
		all[i] = d
		if d.Exit == ExitOK && d.Severity == Error && d.Cause != nil && hasDiagnostics(d.Cause) {
			resolved := *d
			resolved.Exit = ExitOf(d.Cause)
			all[i] = &resolved
		}
	}
	return all
}

// At returns the diagnostics of err, with the address for those that have none.
func At(address string, err error) List {
	all := All(err)
	for i, d := range all {
		if d.Address == "" {
			placed := *d
			placed.Address = address
			all[i] = &placed
		}
	}
	return all
}

// ExitOf is the exit code that err asks for: the worst of its error diagnostics, ExitFailed for any other error, ExitOK for nil.
func ExitOf(err error) Exit {
	exit := ExitOK
	for _, d := range All(err) {
		if d.Severity != Error {
			continue
		}
		e := d.Exit
		if e == ExitOK {
			e = ExitFailed
		}
		exit = Worst(exit, e)
	}
	return exit
}

// IsTemporary reports whether err says that trying again may help: all of its errors do.
func IsTemporary(err error) bool {
	temporary := false
	for _, d := range All(err) {
		if d.Severity == Error {
			if !d.Temporary {
				return false
			}
			temporary = true
		}
	}
	return temporary
}
