// Package diag has the one shape of complaint that users see: what is wrong, where, why, and what to do next; and
// the one place where complaints become exit codes. Packages return Diagnostics as errors; only internal/ui prints them.
package diag

import (
	"fmt"
	"strings"
)

// Severity tells errors from warnings.
type Severity int

// An Error makes the run fail; a Warning is shown and the run goes on.
const (
	Error Severity = iota + 1
	Warning
)

func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Exit is what a process tells its caller: see docs/operating.md#exit-codes. The zero value counts as Failed in an error.
type Exit int

// The exit codes.
const (
	ExitOK          Exit = 0
	ExitFailed      Exit = 1 // failed, or the plan has blocked items
	ExitChanges     Exit = 2 // plan --detailed-exitcode found changes
	ExitUnformatted Exit = 3 // fmt --check found unformatted files
	ExitWaiting     Exit = 4 // waiting at an approval or window
	ExitStopped     Exit = 5 // stopped on request, resumable
	ExitRefused     Exit = 6 // stale or used plan, declined, conflict with what the cluster shows
	ExitLocked      Exit = 7 // the state is locked by another run
)

// worst orders exit codes for a run of several operations: 1, 6, 4, 5, 0; 7 stops everything before it starts.
var worst = map[Exit]int{ExitLocked: 6, ExitFailed: 5, ExitRefused: 4, ExitWaiting: 3, ExitStopped: 2, ExitOK: 0}

// Worst is the exit code that counts when several operations ended with a and b.
func Worst(a, b Exit) Exit {
	if worst[b] > worst[a] {
		return b
	}
	return a
}

// Place is where in a file a complaint is. Lines and columns count from 1; columns count characters.
type Place struct {
	File    string `json:"file"` // as the user would type it: relative to the working directory where possible
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	EndLine int    `json:"end_line"`
	EndCol  int    `json:"end_column"`
	Snippet string `json:"snippet,omitempty"` // the source line, without its line end
}

// String is file:line:column, or the file alone where no line is known.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Diagnostic is one complaint. It is an error; a run-time complaint names the Address it is about, one about a
// file its Place.
type Diagnostic struct {
	Severity  Severity
	Summary   string // one line, no trailing period
	Place     *Place // nil where no file is to blame
	Address   string // the block, container or task concerned; "" if none
	Detail    string // what was being done to what, what was expected and found; may have several lines
	Hint      string // what to do next; may have several lines (commands on lines of their own)
	Temporary bool   // true: trying again may help, and the engine does
	Exit      Exit   // 0 in an error: that of the Cause's diagnostics, ExitFailed if it has none
	Cause     error  // what went wrong below, for errors.Is and As; its text is not shown unless Detail has it
}

// Error is the complaint on one line: place, summary, detail.
func (d *Diagnostic) Error() string {
	var b strings.Builder
	if d.Place != nil {
		b.WriteString(d.Place.String() + ": ")
	}
	b.WriteString(d.Summary)
	if d.Detail != "" {
		b.WriteString(": " + strings.Join(strings.Fields(d.Detail), " "))
	}
	return b.String()
}

func (d *Diagnostic) Unwrap() error { return d.Cause }

// List is several complaints, reported together.
type List []*Diagnostic

// Error is every complaint's line.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, d := range l {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.Is and As the single complaints.
func (l List) Unwrap() []error {
	errs := make([]error, len(l))
	for i, d := range l {
		errs[i] = d
	}
	return errs
}

// HasErrors reports whether a complaint in l is an error rather than a warning.
func (l List) HasErrors() bool {
	for _, d := range l {
		if d.Severity == Error {
			return true
		}
	}
	return false
}

// Err is l as an error if it has errors, else nil.
func (l List) Err() error {
	if l.HasErrors() {
		return l
	}
	return nil
}
