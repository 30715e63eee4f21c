package ui

import (
	"bytes"
	"strings"
	"testing"

	"shardform/internal/addr"
	"shardform/internal/plan"
	"shardform/internal/state"
)

// hostile clears the screen, turns the direction of writing and begins a line of its own.
const hostile = "a\x1b[2J\u009b1m\u202eb\u2028c\n  - forged"

// Whatever comes from a cluster, a configuration or another user of the state is shown, and nothing of it acts.
func TestNothingInDataActsOnATerminal(t *testing.T) {
	at := addr.Operation("o")
	step := plan.Container{Address: at.WithContainer("c"), Summary: hostile, WayBack: hostile, Notes: []string{hostile},
		Tasks: []plan.Task{{Address: at.WithContainer("c").WithTask("t"), Name: "echo", Action: plan.Add, Summary: hostile, Note: hostile, Parameters: map[string]string{"text": hostile}}}}
	operation := plan.Operation{Address: at, Action: plan.Add, Reason: hostile, Case: hostile, Containers: []plan.Container{step}}
	for name, show := range map[string]func(b *bytes.Buffer) error{
		"plan": func(b *bytes.Buffer) error {
			Plan(b, Style{}, &plan.Plan{Alerts: []string{hostile}, Operations: []plan.Operation{operation}})
			return nil
		},
		"runs": func(b *bytes.Buffer) error {
			Runs(b, []state.Run{{Who: state.Holder{User: hostile, Host: hostile, Operation: hostile}}})
			return nil
		},
		"ledger": func(b *bytes.Buffer) error {
			Ledger(b, []state.LedgerEntry{{Detail: hostile}})
			return nil
		},
		"status": func(b *bytes.Buffer) error {
			return Status(b, Style{}, StatusView{Alerts: []string{hostile}, AlertError: hostile, Operations: []OperationStatus{{Address: at, Error: hostile, LiveError: hostile, Live: &LiveView{Errors: []string{hostile}}}}})
		},
	} {
		var b bytes.Buffer
		if err := show(&b); err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(b.String(), acts); i >= 0 {
			t.Errorf("%s: %q", name, b.String()[i:])
		}
		if name == "runs" || name == "ledger" {
			if strings.Contains(b.String(), "\n  - forged") {
				t.Errorf("%s: data makes a line of its own: %q", name, b.String())
			}
		}
	}
}
