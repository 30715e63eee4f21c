package reshard

import (
	"strings"
	"testing"
	"time"

	"shardform/internal/diag"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// pause is what `shardform pause` does.
func (r *rig) pause() {
	r.t.Helper()
	if err := r.StopWorkflow(r.t.Context(), "customer", r.request.Workflow, vitess.PausedMessage); err != nil {
		r.t.Fatal(err)
	}
}

func TestAPausedWorkflowStopsTheRunAndSaysHowToResume(t *testing.T) {
	for _, at := range []string{"copy/copy", "verify/verify", "switch_rdonly/switch_rdonly", "switch_replica/switch_replica", "switch_primary/ready", "switch_primary/switch_primary"} {
		t.Run(at, func(t *testing.T) {
			_, label, _ := strings.Cut(at, "/")
			g := newGatedRig(t, func(r *Request) { r.Settings.Approval = []string{"switch_primary"} })
			g.approve("switch_primary")
			if _, err := g.apply(label); err != nil && label != "switch_primary" {
				t.Fatal(err)
			}
			g.pause()
			g.calls = nil
			if label != "ready" {
				g.sees(at, tasks.Running, "workflow "+g.request.Workflow+" is paused by shardform")
			}
			_, err := g.attempt(at)
			all := diag.All(err)
			if diag.ExitOf(err) != diag.ExitStopped || diag.IsTemporary(err) || len(all) != 1 || all[0].Hint != "shardform resume keyspace.customer/-:-80,80- --config plans/it.hcl" ||
				!strings.Contains(all[0].Summary, "is paused by shardform") {
				t.Errorf("ended with exit %d: %+v", diag.ExitOf(err), all)
			}
			if len(g.calls) > 0 {
				t.Errorf("calls %q", g.calls)
			}
			if err := g.StartWorkflow(t.Context(), "customer", g.request.Workflow); err != nil {
				t.Fatal(err)
			}
			g.ends()
		})
	}
}

func TestAPauseIsNoticedByARunThatWaits(t *testing.T) {
	for _, label := range []string{"copy", "verify", "switch_rdonly"} {
		t.Run(label, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.upTo(label)
			r.diffTakes = time.Hour
			r.lag = func(time.Time) time.Duration { return time.Hour }
			r.clock.BeforeSleep = func() {
				if len(r.clock.Slept) > 20 && !r.workflow(r.request.Workflow).stopped {
					r.pause()
				}
			}
			r.clock.Slept = nil
			began := r.clock.Time
			// Without an address there is nothing that could be resumed by it.
			r.fails(label, diag.ExitStopped, false, "is paused by shardform", "vtctldclient Reshard --workflow "+r.request.Workflow+" --target-keyspace customer start")
			if took := r.clock.Time.Sub(began); took > time.Minute {
				t.Errorf("noticed after %s", took)
			}
		})
	}
}

func TestAPauseAndAStopOfSomeoneElseAreToldApart(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("switch_rdonly")
	if err := r.StopWorkflow(t.Context(), "customer", r.request.Workflow, "maintenance"); err != nil {
		t.Fatal(err)
	}
	for _, label := range []string{"verify", "switch_rdonly", "switch_primary"} {
		r.expect(label, tasks.Conflict)
		r.fails(label, diag.ExitRefused, false, "was stopped by someone: -80/1 (maintenance)")
	}
}
