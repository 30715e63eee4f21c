package reshard

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/diag"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

func TestAReshardWaitsAtEachGateAndGoesOnBehindIt(t *testing.T) {
	g := newGatedRig(t, everyGate)
	for _, step := range ApprovalSteps {
		switch step {
		case "finish":
			closed := g.reaches("soak/soak", tasks.GateSoak)
			if left := closed.Opens.Sub(g.clock.Time); left > 24*time.Hour || left < 23*time.Hour || closed.Exit() != diag.ExitOK || closed.Command != "" {
				t.Errorf("the soak: %+v, exit %d", closed, closed.Exit())
			}
			g.clock.Time = closed.Opens
		}
		closed := g.reaches(step+"/approve", tasks.GateApproval)
		want := "shardform approve keyspace.customer/-:-80,80-/" + step + " --plan sha256:1"
		if closed.Command != want || !closed.Opens.IsZero() || closed.Exit() != diag.ExitWaiting || !strings.Contains(closed.Reason, step+" of customer - to -80,80- waits for an approval") {
			t.Errorf("%s: %+v, exit %d", step, closed, closed.Exit())
		}
		g.approve(step)
		if step == "switch_primary" {
			closed := g.reaches("switch_primary/window", tasks.GateWindow)
			if got := closed.Opens.Format(time.RFC3339); got != "2026-11-23T21:00:00Z" || closed.Command != "" || closed.Exit() != diag.ExitWaiting ||
				!strings.Contains(closed.Reason, "(0 22 * * *, Europe/Berlin, for 2h) is closed until Mon 2026-11-23 22:00 CET") {
				t.Errorf("the window: %+v, exit %d, opens %s", closed, closed.Exit(), got)
			}
			g.until("21:00")
		}
	}
	g.ends()
	name := g.request.Workflow
	want := []string{"ReshardCreate " + name, "VDiffCreate " + name, "SwitchTraffic RDONLY forward", "SwitchTraffic REPLICA forward",
		"DryRun forward", "DryRun forward", "SwitchTraffic PRIMARY forward", "CompleteWorkflow " + name, "DeleteShard -"}
	if diff := cmp.Diff(want, g.calls); diff != "" {
		t.Error(diff)
	}
}

func TestAskingAClosedGateAgainCostsNothing(t *testing.T) {
	g := newGatedRig(t, everyGate)
	for place, gate := range map[string]tasks.Gate{"create/approve": tasks.GateApproval, "switch_primary/window": tasks.GateWindow, "soak/soak": tasks.GateSoak} {
		g.stands(place, gate)
	}
	g.approve("create")
	g.reaches("switch_rdonly/approve", tasks.GateApproval)
	calls := len(g.calls)
	g.reaches("switch_rdonly/approve", tasks.GateApproval)
	if len(g.calls) != calls {
		t.Errorf("calls %q", g.calls[calls:])
	}
}

// gates are all there are, as STEP/LABEL.
var gates = []string{"hold/approve", "create/approve", "switch_rdonly/approve", "switch_replica/approve", "switch_primary/approve", "switch_primary/window", "soak/soak", "finish/approve"}

func TestAGateIsPassedOnceTheClusterShowsWhatItGuards(t *testing.T) {
	stages := []struct {
		before string // the first step that was not done
		open   int    // gates of the list above, behind the first, that are open; none of them was opened by anyone
	}{{"create", 0}, {"copy", 1}, {"switch_rdonly", 1}, {"switch_replica", 2}, {"switch_primary", 3}, {"complete", 5}, {"delete_shard:-", 7}, {"", 7}}
	for _, stage := range stages {
		t.Run("before "+stage.before, func(t *testing.T) {
			g := newGatedRig(t)
			if _, err := g.apply(stage.before); err != nil {
				t.Fatal(err)
			}
			everyGate(&g.request)
			g.request.Hold = true
			g.checkGates(stage.open, stage.open >= 5)
		})
	}
}

// checkGates wants the first gates behind the hold to be done and the others not.
func (g *gatedRig) checkGates(open int, hold bool) {
	g.t.Helper()
	for i, place := range gates {
		want := tasks.Absent
		if i > 0 && i <= open || i == 0 && hold {
			want = tasks.Done
		}
		g.sees(place, want)
		_, err := g.attempt(place)
		if _, is := asClosed(err); is != (want == tasks.Absent) || err != nil && !is {
			g.t.Errorf("%s ran to %v", place, err)
		}
	}
}

func TestASwitchOfWritesThatWasInterruptedOutranksTheGatesBeforeIt(t *testing.T) {
	for _, at := range []string{"stopped", "flags", "partitions", "unfrozen"} {
		t.Run(at, func(t *testing.T) {
			g := newGatedRig(t)
			if _, err := g.apply("switch_primary"); err != nil {
				t.Fatal(err)
			}
			everyGate(&g.request)
			g.request.Hold = true
			g.faults = []fault{{method: "SwitchTraffic", at: at}}
			if _, err := g.SwitchTraffic(t.Context(), vitess.SwitchTraffic{Workflow: g.request.Workflow, Types: []vitess.TabletType{vitess.Primary}, MaxLag: time.Minute, ReverseReplication: true}); err == nil {
				t.Fatal("no fault")
			}
			g.faults, g.calls = nil, nil
			g.checkGates(5, true) // and the soak still has to come
			g.sees("switch_primary/ready", tasks.Done)
			if closed := g.reaches("soak/soak", tasks.GateSoak); closed.Opens.Sub(g.clock.Time) < 23*time.Hour {
				t.Errorf("soaks until %s", closed.Opens)
			}
			if g.count("SwitchTraffic PRIMARY forward") != 1 || g.count("DryRun") > 0 {
				t.Errorf("calls %q", g.calls)
			}
		})
	}
}

func TestAnApprovalSaysWhoGaveIt(t *testing.T) {
	g := newGatedRig(t, everyGate)
	g.sees("create/approve", tasks.Absent, "create of customer - to -80,80- waits for an approval")
	g.approve("create")
	g.faults = []fault{{method: "Snapshot", at: "before", nth: -1}} // the cluster need not answer for it
	g.sees("create/approve", tasks.Done, "approved by anna at 2026-11-23T12:00:01Z")
	g.faults = nil
	g.sees("switch_rdonly/approve", tasks.Absent)

	g.unread = errState
	task, parameters, _ := g.fresh("create/approve")
	if _, err := task.(tasks.Observer).Observe(t.Context(), parameters, tasks.Record{}); err == nil || !strings.Contains(err.Error(), "keyspace.customer/-:-80,80-/create was approved: the state") {
		t.Errorf("observed with %v", err)
	}
	if _, _, err := task.Run(t.Context(), parameters); err == nil {
		t.Error("opened although the state cannot be read")
	}
}

func TestARolledBackReshardIsHeldUntilItIsApproved(t *testing.T) {
	g := newGatedRig(t, func(r *Request) { r.Hold = true })
	closed := g.reaches("hold/approve", tasks.GateApproval)
	if !strings.Contains(closed.Reason, "was rolled back and waits for an approval") || !strings.Contains(closed.Command, "-:-80,80-/hold --plan") || len(g.calls) > 0 {
		t.Errorf("%+v, calls %q", closed, g.calls)
	}
	// A workflow that somebody made does not end the hold.
	if _, err := g.apply("copy"); err == nil {
		t.Fatal("the hold was passed over")
	}
	g.request.Hold = false
	if _, err := g.apply("copy"); err != nil {
		t.Fatal(err)
	}
	g.request.Hold = true
	g.reaches("hold/approve", tasks.GateApproval)
	g.approve("hold")
	g.ends()
}

// A task that is only asked about itself has no approvals and no command.
func TestAGateWithoutARunIsClosed(t *testing.T) {
	g := newGatedRig(t, everyGate)
	g.env.Approval, g.env.ApproveCommand = nil, nil
	if closed := g.stands("create/approve", tasks.GateApproval); closed.Command != "" {
		t.Errorf("command %q", closed.Command)
	}
}

func TestGatesSayWhatTheyWaitFor(t *testing.T) {
	g := newGatedRig(t, everyGate, func(r *Request) { r.Hold = true })
	for place, want := range map[string]string{
		"hold/approve":          "wait until somebody approves that the reshard begins again",
		"create/approve":        "wait until somebody approves create",
		"switch_primary/ready":  "check that writes can be switched: streams within 30s, a dry run, a VDiff of at most 24h ago",
		"switch_primary/window": "switch writes only in the window 0 22 * * * (Europe/Berlin), which lasts 2h, with at least 30m left",
		"soak/soak":             "stay reversible for 24h before it is finished",
	} {
		task, parameters, _ := g.fresh(place)
		if got := task.(tasks.Describer).Describe(parameters); got != want {
			t.Errorf("%s: %q, want %q", place, got, want)
		}
		if _, isGate := task.(tasks.Gatekeeper); isGate != (place != "switch_primary/ready") {
			t.Errorf("%s is a gate: %t", place, isGate)
		}
		if err := tasks.CheckParameters(task, parameters); err != nil {
			t.Error(err)
		}
	}
}
