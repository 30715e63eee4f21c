package ui

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"shardform/internal/addr"
	"shardform/internal/diag"
)

// JSONVersion is the version of the JSON stream's format (docs/json-format.md).
const JSONVersion = "1"

// JSONStream writes one object a line: the machine's form of everything a command says. It is safe for concurrent use.
type JSONStream struct {
	mu  sync.Mutex
	enc *json.Encoder
	now func() time.Time
}

// NewJSONStream writes to w and takes timestamps from now. Its first line names the versions.
func NewJSONStream(w io.Writer, now func() time.Time, version string) *JSONStream {
	enc := json.NewEncoder(escapedJSON{w})
	enc.SetEscapeHTML(false)
	s := &JSONStream{enc: enc, now: now}
	s.write("info", "version", "shardform "+version, addr.Address{}, map[string]any{"shardform": version, "ui": JSONVersion})
	return s
}

// write sends one object; fields are the type's own.
func (s *JSONStream) write(level, kind, message string, address addr.Address, fields map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	object := map[string]any{
		"@level":     level,
		"@message":   message,
		"@timestamp": s.now().UTC().Format("2006-01-02T15:04:05.000000Z"),
		"type":       kind,
	}
	if !address.IsZero() {
		object["address"] = address
	}
	for k, v := range fields {
		object[k] = v
	}
	_ = s.enc.Encode(object) // a reader that went away is not ours to report
}

// Log sends a line of a service's own.
func (s *JSONStream) Log(text string) { s.write("info", "log", text, addr.Address{}, nil) }

// diagnosticJSON is a complaint as the stream and `--json` results have it.
type diagnosticJSON struct {
	Severity string      `json:"severity"`
	Summary  string      `json:"summary"`
	Detail   string      `json:"detail,omitempty"`
	Hint     string      `json:"hint,omitempty"`
	Address  string      `json:"address,omitempty"`
	Range    *diag.Place `json:"range,omitempty"`
}

func newDiagnosticJSON(d *diag.Diagnostic) diagnosticJSON {
	return diagnosticJSON{Severity: d.Severity.String(), Summary: d.Summary, Detail: d.Detail, Hint: d.Hint, Address: d.Address, Range: d.Place}
}

// Diagnostics sends complaints.
func (s *JSONStream) Diagnostics(list diag.List) {
	for _, d := range list {
		level := "error"
		if d.Severity == diag.Warning {
			level = "warn"
		}
		a, _ := addr.Parse(d.Address)
		fields := map[string]any{"diagnostic": newDiagnosticJSON(d)}
		if d.Place != nil {
			fields["range"] = d.Place
		}
		s.write(level, "diagnostic", d.Error(), a, fields)
	}
}
