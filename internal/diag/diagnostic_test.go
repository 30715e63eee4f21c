package diag

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestWorstOrdersExitCodesAsTheContractHasThem(t *testing.T) {
	order := []Exit{ExitLocked, ExitFailed, ExitRefused, ExitWaiting, ExitStopped, ExitOK}
	for i, worse := range order {
		for _, better := range order[i:] {
			if Worst(worse, better) != worse || Worst(better, worse) != worse {
				t.Errorf("of %d and %d the worst is not %d", worse, better, worse)
			}
		}
	}
}

func TestExitOfAnError(t *testing.T) {
	stopped := &Diagnostic{Severity: Error, Summary: "s", Exit: ExitStopped}
	refused := &Diagnostic{Severity: Error, Summary: "r", Exit: ExitRefused}
	for _, tc := range []struct {
		name string
		err  error
		want Exit
	}{
		{"none", nil, ExitOK},
		{"no diagnostic", errors.New("x"), ExitFailed},
		{"one that asks for nothing", &Diagnostic{Severity: Error}, ExitFailed},
		{"wrapped", fmt.Errorf("while: %w", refused), ExitRefused},
		{"several", List{stopped, refused}, ExitRefused},
		{"a warning alone", List{{Severity: Warning, Exit: ExitRefused}}, ExitOK},
	} {
		if got := ExitOf(tc.err); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

func TestAllKeepsEveryComplaint(t *testing.T) {
	cause := &Diagnostic{Severity: Error, Summary: "cannot read", Detail: "two\n lines", Place: &Place{File: "a.hcl", Line: 3, Column: 5}, Cause: fs.ErrNotExist}
	if got := cause.Error(); got != "a.hcl:3:5: cannot read: two lines" {
		t.Errorf("Error() = %q", got)
	}
	list := List{cause, {Severity: Warning, Summary: "w"}}
	wrapped := fmt.Errorf("loading: %w", list)
	if got := All(wrapped); len(got) != 2 || got[0].Summary != "loading: cannot read" || got[0].Place != cause.Place || got[1].Summary != "loading: w" {
		t.Errorf("All = %v", got)
	}
	if !errors.Is(wrapped, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
	if !list.HasErrors() || list.Err() == nil || list[1:].HasErrors() || list[1:].Err() != nil {
		t.Error("errors and warnings are mixed up")
	}
	if got := All(errors.New("plain")); len(got) != 1 || got[0].Summary != "plain" || got[0].Severity != Error {
		t.Errorf("plain error: %v", got)
	}
}
