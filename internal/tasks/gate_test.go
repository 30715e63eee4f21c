package tasks_test

import (
	"strings"
	"testing"
	"time"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/tasks"
)

func TestCommandsAreReadyToBeTyped(t *testing.T) {
	step := addr.Keyspace("customer").WithOperation("-:-80,80-").WithContainer("switch_primary")
	for config, want := range map[string]string{
		"":            "shardform approve keyspace.customer/-:-80,80-/switch_primary --plan 0af1",
		".":           "shardform approve keyspace.customer/-:-80,80-/switch_primary --plan 0af1",
		"my plan.hcl": "shardform approve keyspace.customer/-:-80,80-/switch_primary --plan 0af1 --config 'my plan.hcl'",
	} {
		if got := tasks.ApproveCommand(step, "0af1", config); got != want {
			t.Errorf("config %q: %s, want %s", config, got, want)
		}
		want = strings.NewReplacer("approve", "resume", "/switch_primary", "", " --plan 0af1", "").Replace(want)
		if got := tasks.ResumeCommand(step.Operation(), config); got != want {
			t.Errorf("config %q: %s, want %s", config, got, want)
		}
	}
}

func TestAClosedGateSaysWhenItOpensAndHowTheRunEnds(t *testing.T) {
	opens := time.Date(2026, 11, 24, 9, 0, 0, 0, time.FixedZone("CET", 3600))
	for _, tt := range []struct {
		gate *tasks.GateClosed
		text string
		exit diag.Exit
	}{
		{&tasks.GateClosed{Gate: tasks.GateApproval, Reason: "waits for an approval"}, "waits for an approval", diag.ExitWaiting},
		{&tasks.GateClosed{Gate: tasks.GateWindow, Reason: "the window is closed", Opens: opens}, "the window is closed (opens 2026-11-24T08:00:00Z)", diag.ExitWaiting},
		{&tasks.GateClosed{Gate: tasks.GateSoak, Reason: "soaking", Opens: opens}, "soaking (opens 2026-11-24T08:00:00Z)", diag.ExitOK},
	} {
		if tt.gate.Error() != tt.text || tt.gate.Exit() != tt.exit {
			t.Errorf("%s: %q, exit %d; want %q, exit %d", tt.gate.Gate, tt.gate.Error(), tt.gate.Exit(), tt.text, tt.exit)
		}
	}
}
