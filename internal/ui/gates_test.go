package ui

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/addr"
	"shardform/internal/apply"
	"shardform/internal/diag"
	"shardform/internal/event"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

var (
	split = addr.Keyspace("customer").WithOperation("-:-80,80-")
	opens = time.Date(2026, 11, 24, 9, 0, 0, 0, time.FixedZone("CET", 3600))
)

func waitingResult(exit diag.Exit, gate *tasks.GateClosed) *apply.Result {
	behind := addr.Operation("nightly")
	return &apply.Result{Exit: exit, Operations: []apply.OperationResult{
		{Address: split, Outcome: apply.OutcomeWaiting, Exit: exit, Err: gate, Gate: gate, At: split.WithContainer("soak").WithTask("soak"), TasksDone: 3, Remaining: 2},
		{Address: behind, Outcome: apply.OutcomeSkipped, Waits: split, Remaining: 1},
	}}
}

func TestTheResultOfARunThatWaitsSaysWhatForAndIsNoError(t *testing.T) {
	for _, tt := range []struct {
		exit diag.Exit
		gate *tasks.GateClosed
		want string
	}{
		{diag.ExitOK, &tasks.GateClosed{Gate: tasks.GateSoak, Reason: "it stays reversible for 24h", Opens: opens}, `
keyspace.customer/-:-80,80-: waiting at keyspace.customer/-:-80,80-/soak/soak (tasks: 3 done now, 2 left)
  || it stays reversible for 24h
     until 2026-11-24 08:00:00 UTC
operation.nightly: skipped: it waits for keyspace.customer/-:-80,80- (tasks: 1 left)

Apply waits. Tasks: 3 done, 3 left.
To go on where this left off: shardform apply
`},
		{diag.ExitWaiting, &tasks.GateClosed{Gate: tasks.GateApproval, Reason: "finish waits for an approval", Command: "shardform approve X --plan D"}, `
keyspace.customer/-:-80,80-: waiting at keyspace.customer/-:-80,80-/soak/soak (tasks: 3 done now, 2 left)
  || finish waits for an approval
     to open it: shardform approve X --plan D
operation.nightly: skipped: it waits for keyspace.customer/-:-80,80- (tasks: 1 left)

Apply waits. Tasks: 3 done, 3 left.
To go on where this left off: shardform apply
`},
	} {
		var out bytes.Buffer
		result := waitingResult(tt.exit, tt.gate)
		Result(&out, Style{}, result, "shardform apply")
		if diff := cmp.Diff(tt.want, out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.gate.Gate, diff)
		}
		if list := ResultErrors(result); len(list) != 0 {
			t.Errorf("%s is told as the errors %v", tt.gate.Gate, list)
		}
	}
}

func TestARunThatWaitsAndFailsHasFailed(t *testing.T) {
	result := waitingResult(diag.ExitWaiting, &tasks.GateClosed{Gate: tasks.GateApproval, Reason: "it waits for an approval"})
	result.Exit = diag.ExitFailed
	result.Operations[1].Outcome, result.Operations[1].Exit, result.Operations[1].Err = apply.OutcomeFailed, diag.ExitFailed, &diag.Diagnostic{Severity: diag.Error, Summary: "it broke"}
	var out bytes.Buffer
	Result(&out, Style{}, result, "")
	if !strings.Contains(out.String(), "Apply did not finish.") || len(ResultErrors(result)) != 1 {
		t.Errorf("it says\n%s", out.String())
	}
}

func TestGatesInTheStream(t *testing.T) {
	var out bytes.Buffer
	s := NewJSONStream(&out, func() time.Time { return opens }, "1.2.3")
	gate := split.WithContainer("finish").WithTask("approve")
	s.Event(event.Event{Kind: event.Gate, Address: gate, Message: "finish waits", Gate: &event.GateInfo{Gate: "approval", Command: "shardform approve X"}})
	s.Event(event.Event{Kind: event.Gate, Address: gate, Message: "it soaks", Gate: &event.GateInfo{Gate: "soak", Opens: opens}})
	s.Result(waitingResult(diag.ExitOK, &tasks.GateClosed{Gate: tasks.GateSoak, Reason: "it soaks", Opens: opens}))
	var got []map[string]any
	for line := range strings.Lines(out.String()) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatal(err)
		}
		delete(object, "@timestamp")
		delete(object, "@message")
		delete(object, "tasks")
		delete(object, "elapsed_seconds")
		got = append(got, object)
	}
	want := []map[string]any{
		{"@level": "info", "type": "gate", "event": "gate", "address": gate.String(), "gate": "approval", "reason": "finish waits", "command": "shardform approve X"},
		{"@level": "info", "type": "gate", "event": "gate", "address": gate.String(), "gate": "soak", "reason": "it soaks", "opens": "2026-11-24T08:00:00Z"},
		{"@level": "warn", "type": "gate", "event": "operation_result", "address": split.String(), "outcome": "waiting", "exit_code": 0.0, "gate": "soak", "reason": "it soaks", "opens": "2026-11-24T08:00:00Z"},
		{"@level": "info", "type": "apply_complete", "event": "operation_result", "address": "operation.nightly", "outcome": "skipped", "exit_code": 0.0},
	}
	if diff := cmp.Diff(want, got[1:]); diff != "" {
		t.Errorf("stream (-want +got):\n%s", diff)
	}
}

func TestStatusSaysWhatIsWaitedFor(t *testing.T) {
	op := state.Operation{Address: split, State: 2, Waiting: &state.Waiting{Task: split.WithContainer("finish").WithTask("approve"), Gate: "approval", Reason: "finish waits", Command: "shardform approve X"}}
	containers := []state.Container{{Address: split.WithContainer("create"), Tasks: []state.Task{{State: 3}}}, {Address: split.WithContainer("finish"), Tasks: []state.Task{{State: 1}, {State: 1}}}}
	status := NewOperationStatus(op, containers)
	for open, want := range map[string]string{
		"":                "  || finish waits\n     to open it: shardform approve X\n",
		"approved by ann": "  || finish waits\n     approved by ann: the next apply goes on\n",
	} {
		status.Waiting.Open = open
		var out bytes.Buffer
		if err := Status(&out, Style{}, StatusView{Operations: []OperationStatus{status}}); err != nil {
			t.Fatal(err)
		}
		if want := "keyspace.customer/-:-80,80-  RUNNING\n  ✓ create\n  || finish  0 of 2 tasks\n" + want; out.String() != want {
			t.Errorf("status (-want +got):\n%s", cmp.Diff(want, out.String()))
		}
	}
}

func TestAPlanShowsGatesAndReleases(t *testing.T) {
	soak := split.WithContainer("soak")
	p := &plan.Plan{Released: []addr.Address{split}, Operations: []plan.Operation{{Address: split, Action: plan.Add, Digest: "d", Containers: []plan.Container{
		{Address: soak, Action: plan.Gate, Tasks: []plan.Task{{Address: soak.WithTask("soak"), Action: plan.Gate, Note: "it soaks"}}},
	}}}}
	var out bytes.Buffer
	Plan(&out, Style{}, p)
	want := `keyspace.customer/-:-80,80- is no longer held: its layout was edited since it was rolled back

shardform will do the following. Symbols:
  || gate: apply goes as far as this and waits

# keyspace.customer/-:-80,80-
#   digest d
  || keyspace.customer/-:-80,80-/soak
      || keyspace.customer/-:-80,80-/soak/soak
          it soaks

Plan: 0 to add, 0 to change, 0 to destroy.
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}
