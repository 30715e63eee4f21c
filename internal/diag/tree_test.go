package diag

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// silent wraps an error and says nothing itself.
type silent struct{ error }

func (s silent) Unwrap() error { return s.error }

func TestEveryDiagnosticOfTheTreeIsKept(t *testing.T) {
	first := &Diagnostic{Severity: Error, Summary: "first", Detail: "one", Exit: ExitRefused}
	second := &Diagnostic{Severity: Error, Summary: "second", Exit: ExitLocked}
	warning := &Diagnostic{Severity: Warning, Summary: "warning"}
	plain := errors.New("plain")
	for _, tc := range []struct {
		name string
		err  error
		want []string // severity: summary [detail]
		exit Exit
	}{
		{"joined", errors.Join(first, second), []string{"error: first [one]", "error: second"}, ExitLocked},
		{"joined lists", errors.Join(List{first, warning}, List{second}), []string{"error: first [one]", "warning: warning", "error: second"}, ExitLocked},
		{"joined with a plain error", errors.Join(plain, first), []string{"error: plain", "error: first [one]"}, ExitFailed},
		{"plain errors, joined", errors.Join(plain, errors.New("other")), []string{"error: plain", "error: other"}, ExitFailed},
		{"joined with nothing", errors.Join(nil, first), []string{"error: first [one]"}, ExitRefused},
		{"wrapped", fmt.Errorf("opening x: %w", first), []string{"error: opening x: first [one]"}, ExitRefused},
		{"wrapped twice", fmt.Errorf("a: %w", fmt.Errorf("b: %w", first)), []string{"error: a: b: first [one]"}, ExitRefused},
		{"joined and wrapped", fmt.Errorf("a: %w", errors.Join(first, second)), []string{"error: a: first [one]", "error: a: second"}, ExitLocked},
		{"a list, wrapped", fmt.Errorf("a: %w", List{first, second}), []string{"error: a: first [one]", "error: a: second"}, ExitLocked},
		{"wrapped, joined", errors.Join(fmt.Errorf("a: %w", first), fmt.Errorf("b: %w", second)), []string{"error: a: first [one]", "error: b: second"}, ExitLocked},
		{"wrapped with text around", fmt.Errorf("a (%w); nothing was changed", first), []string{"error: a: first [one\nnothing was changed]"}, ExitRefused},
		{"wrapped beside a plain one", fmt.Errorf("%w: %w", plain, first), []string{"error: plain: first [one]"}, ExitRefused},
		{"two wrapped at once", fmt.Errorf("a: %w, then %w", first, second), []string{"error: a: first [one]", "error: then: second"}, ExitLocked},
		{"a wrapper without text", silent{silent{first}}, []string{"error: first [one]"}, ExitRefused},
		{"plain errors, wrapped", fmt.Errorf("%w and %w", plain, plain), []string{"error: plain and plain"}, ExitFailed},
		{"the cause of a diagnostic", &Diagnostic{Severity: Error, Summary: "outer", Cause: errors.Join(plain, first)}, []string{"error: outer"}, ExitFailed},
		{"a cause that refuses", &Diagnostic{Severity: Error, Summary: "outer", Cause: fmt.Errorf("x: %w", first)}, []string{"error: outer"}, ExitRefused},
		{"a cause that knows less", &Diagnostic{Severity: Error, Summary: "outer", Exit: ExitStopped, Cause: first}, []string{"error: outer"}, ExitStopped},
		{"nothing", nil, nil, ExitOK},
	} {
		var got []string
		for _, d := range All(tc.err) {
			line := d.Severity.String() + ": " + d.Summary
			if d.Detail != "" {
				line += " [" + d.Detail + "]"
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s:\n%s", tc.name, diff)
		}
		if exit := ExitOf(tc.err); exit != tc.exit {
			t.Errorf("%s: exit %d, want %d", tc.name, exit, tc.exit)
		}
		if first.Summary != "first" || first.Detail != "one" {
			t.Fatalf("%s: the diagnostic itself was changed: %+v", tc.name, first)
		}
	}
}

func TestAnErrorIsTemporaryIfAllOfItIs(t *testing.T) {
	soon, never := &Diagnostic{Severity: Error, Summary: "soon", Temporary: true}, &Diagnostic{Severity: Error, Summary: "never"}
	for _, tc := range []struct {
		err  error
		want bool
	}{
		{soon, true}, {fmt.Errorf("a: %w", soon), true}, {errors.Join(soon, soon), true},
		{errors.Join(soon, never), false}, {errors.Join(never, soon), false}, {errors.Join(soon, errors.New("plain")), false},
		{&Diagnostic{Severity: Error, Cause: soon}, false}, {never, false}, {nil, false},
	} {
		if got := IsTemporary(tc.err); got != tc.want {
			t.Errorf("%v: %v", tc.err, got)
		}
	}
}
