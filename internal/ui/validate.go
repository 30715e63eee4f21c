package ui

import (
	"fmt"
	"io"

	"shardform/internal/diag"
	"shardform/internal/plan"
)

// Validation is the result of validate --json.
type Validation struct {
	Valid        bool             `json:"valid"`
	ErrorCount   int              `json:"error_count"`
	WarningCount int              `json:"warning_count"`
	Diagnostics  []diagnosticJSON `json:"diagnostics"`
}

// ValidateResult counts and lists the complaints of a configuration.
func ValidateResult(list diag.List) Validation {
	v := Validation{Valid: !list.HasErrors(), Diagnostics: []diagnosticJSON{}}
	for _, d := range list {
		if d.Severity == diag.Warning {
			v.WarningCount++
		} else {
			v.ErrorCount++
		}
		v.Diagnostics = append(v.Diagnostics, newDiagnosticJSON(d))
	}
	return v
}

// FileDiff prints how a file changes, as a unified diff of whole lines without context limits.
func FileDiff(w io.Writer, style Style, name, before, after string) {
	_, _ = fmt.Fprintf(w, "--- old/%s\n+++ new/%s\n", name, name)
	for _, l := range plan.LineDiff(before, after) {
		_, _ = fmt.Fprintln(w, style.diffLine(l, ""))
	}
}
