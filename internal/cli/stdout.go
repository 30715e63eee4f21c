package cli

import (
	"io"

	"shardform/internal/diag"
)

// results is standard output. What is printed there is what the command is for, so an error of writing it is the command's:
// it is kept here, and nothing more is written. A nil one has no error.
type results struct {
	w   io.Writer
	err error
}

func (r *results) Write(p []byte) (n int, err error) {
	if r.err != nil {
		return 0, r.err
	}
	n, r.err = r.w.Write(p)
	return n, r.err
}

// failure is the error of what was written so far; nil if there was none.
func (r *results) failure() error {
	if r == nil || r.err == nil {
		return nil
	}
	return &diag.Diagnostic{Severity: diag.Error, Summary: "standard output cannot be written", Detail: r.err.Error(),
		Hint: "what the command did or found is not all shown; what it recorded is in the state: shardform status", Cause: r.err}
}
