package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/state"
)

// sensitiveValue stands where a sensitive value would.
const sensitiveValue = "(sensitive)"

// Outputs prints outputs for people, under a heading; nothing if there are none.
func Outputs(w io.Writer, style Style, outputs []state.Output) {
	if len(outputs) == 0 {
		return
	}
	_, _ = fmt.Fprintf(w, "\n%s\n\n", style.Bold("Outputs:"))
	for _, o := range outputs {
		value := sensitiveValue
		if !o.Sensitive {
			value = indented(o.Value)
		}
		_, _ = fmt.Fprintf(w, "%s = %s\n", o.Name, value)
	}
}

func indented(value json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, value, "", "  ") != nil {
		return printable(string(value))
	}
	return string(escapeJSON(b.Bytes()))
}

// outputJSON is an output as JSON has it.
type outputJSON struct {
	Sensitive bool            `json:"sensitive"`
	Type      json.RawMessage `json:"type,omitempty"`
	Value     json.RawMessage `json:"value,omitempty"` // absent if sensitive: it is not recorded
}

// OutputsJSON are outputs by name.
func OutputsJSON(outputs []state.Output) map[string]outputJSON {
	byName := map[string]outputJSON{}
	for _, o := range outputs {
		byName[o.Name] = outputJSON{Sensitive: o.Sensitive, Type: o.Type, Value: o.Value}
	}
	return byName
}

// OneOutput prints a single output's value: JSON, or a bare string where it is one and JSON was not asked for.
func OneOutput(w io.Writer, o state.Output, asJSON bool) error {
	if o.Sensitive {
		return &diag.Diagnostic{Severity: diag.Error, Summary: "output " + o.Name + " is sensitive: its value is not recorded"}
	}
	var text string
	if !asJSON && json.Unmarshal(o.Value, &text) == nil {
		_, err := fmt.Fprintln(w, printable(text))
		return err
	}
	_, err := fmt.Fprintln(w, indented(o.Value))
	return err
}

// Outputs sends the outputs of an apply.
func (s *JSONStream) Outputs(outputs []state.Output) {
	s.write("info", "outputs", fmt.Sprintf("%d outputs", len(outputs)), addr.Address{}, map[string]any{"outputs": OutputsJSON(outputs)})
}
