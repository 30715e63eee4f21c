package cli

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/plan"
	"shardform/internal/ui"
)

// something is a plan with something to do.
var something = &plan.Plan{Operations: []plan.Operation{{Address: addr.Operation("a"), Action: plan.Add}}}

func TestApprovalRules(t *testing.T) {
	for _, tc := range []struct {
		name     string
		plan     *plan.Plan
		options  applyOptions
		saved    bool
		terminal bool
		noInput  bool
		answer   string
		want     diag.Exit
	}{
		{"yes is an approval", something, applyOptions{}, false, true, false, "yes\n", diag.ExitOK},
		{"anything else is none", something, applyOptions{}, false, true, false, "y\n", diag.ExitRefused},
		{"nor is the end of the input", something, applyOptions{}, false, true, false, "", diag.ExitRefused},
		{"without a terminal nothing is asked", something, applyOptions{}, false, false, false, "yes\n", diag.ExitRefused},
		{"nor with --input=false", something, applyOptions{}, false, true, true, "yes\n", diag.ExitRefused},
		{"--auto-approve is enough", something, applyOptions{autoApprove: true}, false, false, false, "", diag.ExitOK},
		{"a saved plan was approved", something, applyOptions{}, true, false, false, "", diag.ExitOK},
		{"nothing to do needs none", &plan.Plan{}, applyOptions{}, false, false, false, "", diag.ExitOK},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app := &App{Streams: ui.Streams{In: strings.NewReader(tc.answer), Out: io.Discard, InTerminal: tc.terminal}, env: lookup(nil), input: !tc.noInput, signals: watchSignals()}
			defer app.signals.close()
			run := &applyRun{options: tc.options}
			if tc.saved {
				run.saved = &plan.Saved{}
			}
			if got := diag.ExitOf(app.ask(tc.plan, run)); got != tc.want {
				t.Errorf("exit %d, want %d", got, tc.want)
			}
		})
	}
}

func TestASignalEndsThePrompt(t *testing.T) {
	never, writer := io.Pipe()
	defer func() { _ = writer.Close() }()
	var out bytes.Buffer
	app := &App{Streams: ui.Streams{In: never, Out: &out, InTerminal: true}, env: lookup(nil), input: true, signals: &signals{stop: make(chan struct{})}}
	close(app.signals.stop)
	if got := diag.ExitOf(app.ask(something, &applyRun{})); got != diag.ExitStopped {
		t.Errorf("exit %d, want %d", got, diag.ExitStopped)
	}
}
