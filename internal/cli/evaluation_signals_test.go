package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"shardform/internal/diag"
	"shardform/internal/tasks"
	"shardform/internal/tasks/builtin"
	"shardform/internal/ui"
)

// An evaluation that would last for hours ends with the first signal, also of a command that finishes what is in flight.
func TestASignalEndsAnEvaluation(t *testing.T) {
	file := t.TempDir() + "/endless.hcl"
	endless := "locals {\n  list = flatten([for a in range(100) : range(1000)])\n  x    = [for a in local.list : contains(local.list, -1)]\n}\n"
	if err := os.WriteFile(file, []byte(endless), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"validate", file}, {"plan", file}, {"apply", "--auto-approve", file}, {"status", "--config", file}} {
		var shown bytes.Buffer
		app := &App{Streams: ui.Streams{In: strings.NewReader(""), Out: &shown, Err: &shown}, env: lookup(nil), registry: builtin.Registry(), clock: tasks.SystemClock{}}
		app.signals = watchSignals()
		app.signals.ch <- os.Interrupt
		if exit := app.run(args); exit != diag.ExitStopped || !strings.Contains(shown.String(), "stopped on request") {
			t.Errorf("%v: exit %d\n%s", args, exit, shown.String())
		}
		if err := app.signals.close(); err != nil {
			t.Error(err)
		}
	}
}

// A second signal ends the process, unless something is being changed.
func TestASecondSignalEndsWhatChangesNothing(t *testing.T) {
	for _, changing := range []bool{false, true} {
		s := watchSignals()
		codes := make(chan int, 1)
		s.exit = func(code int) { codes <- code }
		s.finishAtFirst()
		if changing {
			s.changing()
		}
		s.ch <- os.Interrupt
		<-s.stop
		s.ch <- os.Interrupt
		<-s.ctx.Done()
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		select {
		case code := <-codes:
			if changing || code != int(diag.ExitStopped) {
				t.Errorf("changing %t: exit %d", changing, code)
			}
		default:
			if !changing {
				t.Error("the process continues")
			}
		}
	}
}
