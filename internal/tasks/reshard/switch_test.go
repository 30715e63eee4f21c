package reshard

import (
	"strings"
	"testing"
	"time"

	"shardform/internal/diag"
	"shardform/internal/event"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

type progressEvent = event.Progress

// A primary that is reparented inside the switch makes the server fail to start some streams again when it undoes it.
func TestStreamsThatAFailedSwitchHasLeftStoppedAreStarted(t *testing.T) {
	for name, c := range map[string]struct {
		fault  fault
		starts int
	}{
		"": {fault{method: "none"}, 1}, "the answer is lost": {fault{method: "StartWorkflow", at: "after"}, 1}, "it fails once": {fault{method: "StartWorkflow", at: "before"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.upTo("switch_primary")
			r.faults = []fault{{method: "SwitchTraffic", at: "partly undone"}}
			r.fails("switch_primary", diag.ExitFailed, true, "failed and was undone; writes are served by customer/-")
			if o := r.expect("switch_primary", tasks.Running); !strings.Contains(o.Detail, "(stopped for cutover)") || strings.Contains(o.Detail, "someone") {
				t.Errorf("observed %+v", o)
			}
			r.faults = []fault{c.fault}
			r.finishes()
			if r.count("StartWorkflow") != c.starts {
				t.Errorf("calls %q", r.calls)
			}
		})
	}
}

func TestASwitchWaitsForTheLag(t *testing.T) {
	for _, label := range []string{"switch_rdonly", "switch_primary"} {
		r := newRig(t, "-:-80,80-")
		r.upTo(label)
		began := r.clock.Time
		r.lag = func(now time.Time) time.Duration { return max(0, 5*time.Minute-now.Sub(began)) }
		if _, err := r.run(label); err != nil {
			t.Fatal(err)
		}
		if took := r.clock.Time.Sub(began); took < 4*time.Minute {
			t.Errorf("%s: switched after %s", label, took)
		}
		r.lag = nil
		r.finishes()
	}
}

func TestALagThatStaysEndsTheStepWithNothingSwitched(t *testing.T) {
	for _, label := range []string{"switch_replica", "switch_primary"} {
		r := newRig(t, "-:-80,80-")
		r.upTo(label)
		r.lag = func(time.Time) time.Duration { return time.Hour }
		r.fails(label, diag.ExitFailed, false, "a lag of at most 30s within 10m", "the lag is 1h0m0s", "nothing was switched by this step")
		if r.count("SwitchTraffic") > 0 {
			t.Errorf("calls %q", r.calls)
		}
	}
}

func TestReadsSwitchedInSomeCellsAreFinished(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("switch_rdonly")
	r.faults = []fault{{method: "SwitchTraffic", at: "cell"}}
	r.fails("switch_rdonly", diag.ExitFailed, true, "zone1 from -80,80-; zone2 from -")
	r.expect("switch_rdonly", tasks.Running)
	r.faults = nil
	r.finishes()
}

func TestWritesAreSwitchedOnAYoungVDiffOnly(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("switch_primary")
	r.clock.Time = r.clock.Time.Add(25 * time.Hour)
	r.finishes()
	if got := strings.Join(r.calls, ","); !strings.HasPrefix(got, "VDiffCreate "+r.request.Workflow+",DryRun forward,SwitchTraffic PRIMARY forward") {
		t.Errorf("calls %s", got)
	}

	r = newRig(t, "-:-80,80-", func(r *Request) { r.Settings.VerifyEnabled = false })
	r.finishes()
	if r.count("VDiffCreate") > 0 {
		t.Errorf("compared although verify is disabled: %q", r.calls)
	}

	r = newRig(t, "-:-80,80-")
	r.upTo("switch_primary")
	r.clock.Time = r.clock.Time.Add(25 * time.Hour)
	r.mismatch = true
	r.fails("switch_primary", diag.ExitFailed, false, "found differences")
	if r.count("SwitchTraffic") > 0 {
		t.Errorf("calls %q", r.calls)
	}
}

func TestWhatMakesASwitchOfWritesImpossibleIsFoundBeforeIt(t *testing.T) {
	for name, c := range map[string]struct {
		before    string
		edit      func(*rig)
		exit      diag.Exit
		temporary bool
		want      string
	}{
		"reads not switched": {"switch_replica", func(*rig) {}, diag.ExitRefused, false, "REPLICA reads are served: zone1 from -"},
		"stopped streams on a source": {"switch_primary", func(r *rig) {
			r.foreign = []vitess.Workflow{{Name: "ddl_1", Type: "OnlineDDL", SourceKeyspace: "customer", Sources: mustLayout([]string{"-"}), Targets: mustLayout([]string{"-"}),
				Streams: []vitess.Stream{{ID: 9, Target: "-", Source: "-", State: vitess.StateStopped}}}}
		}, diag.ExitRefused, false, "OnlineDDL workflow ddl_1: stream 9 on - is stopped"},
		"dry run":          {"switch_primary", func(r *rig) { r.faults = []fault{{method: "DryRun", at: "before", nth: -1}} }, diag.ExitFailed, true, "writes are served by customer/-"},
		"streams in error": {"switch_primary", func(r *rig) { r.workflow(r.request.Workflow).errorMessage = "duplicate key" }, diag.ExitFailed, false, "duplicate key"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.upTo(c.before)
			c.edit(r)
			r.fails("switch_primary", c.exit, c.temporary, c.want)
			if r.count("SwitchTraffic") > 0 {
				t.Errorf("calls %q", r.calls)
			}
		})
	}
}

func TestAnErrorOfTheSwitchSaysWhatServes(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("switch_primary")
	r.faults = []fault{{method: "SwitchTraffic", at: "before", nth: -1}}
	r.fails("switch_primary", diag.ExitFailed, true, "writes are served by customer/-", "was undone")

	r = newRig(t, "-:-80,80-")
	r.upTo("switch_primary")
	r.faults = []fault{{method: "SwitchTraffic", at: "stopped", nth: -1}}
	r.fails("switch_primary", diag.ExitFailed, true, "WRITES ARE STOPPED on customer/- since 2026-11-23T12:0", "finish it by hand, in this direction and no other", "switchtraffic --tablet-types primary")
}

func TestWritesAreNotLeftStoppedWhileSomethingIsWaitedFor(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("switch_primary")
	r.faults = []fault{{method: "SwitchTraffic", at: "stopped"}}
	began := r.clock.Time
	if _, err := r.run("switch_primary"); err != nil {
		t.Fatal(err)
	}
	if took := r.clock.Time.Sub(began); took > 5*time.Second || r.count("SwitchTraffic PRIMARY forward") != 2 {
		t.Errorf("writes were stopped for %s, calls %q", took, r.calls)
	}
}

func TestAMidFlightSwitchIsFinishedBeforeAnythingElse(t *testing.T) {
	for _, at := range []string{"stopped", "flags", "partitions", "unfrozen"} {
		t.Run(at, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.upTo("switch_primary")
			r.faults = []fault{{method: "SwitchTraffic", at: at}}
			if _, err := r.SwitchTraffic(t.Context(), vitess.SwitchTraffic{Workflow: r.request.Workflow, Types: []vitess.TabletType{vitess.Primary}, MaxLag: time.Minute, ReverseReplication: true}); err == nil {
				t.Fatal("no fault")
			}
			r.calls, r.faults = nil, nil
			// Hours later the VDiff is old and the lag, by the server's measure, far out of bound.
			r.clock.Time = r.clock.Time.Add(48 * time.Hour)
			for _, label := range []string{"create", "copy", "verify"} {
				r.expect(label, tasks.Done)
			}
			o := r.expect("switch_primary", tasks.Running)
			if !strings.Contains(o.Detail, "finished first") {
				t.Errorf("observed %+v", o)
			}
			close(r.stop) // a request to stop must not leave writes stopped, not even when the first try fails
			r.faults = []fault{{method: "SwitchTraffic", at: "before"}}
			if _, err := r.run("switch_primary"); err != nil {
				t.Fatal(err)
			}
			if r.calls[0] != "SwitchTraffic PRIMARY forward" {
				t.Errorf("calls %q", r.calls)
			}
			r.env.Stop = make(chan struct{})
			r.finishes()
		})
	}
}

func TestAMidFlightReversalIsFinishedBackwardAndThenRefused(t *testing.T) {
	for _, at := range []string{"stopped", "flags", "partitions"} {
		for _, label := range []string{"switch_rdonly", "switch_primary"} {
			t.Run(at+" "+label, func(t *testing.T) {
				r := newRig(t, "-:-80,80-")
				r.upTo("complete")
				back := vitess.SwitchTraffic{Workflow: r.request.Workflow, Types: []vitess.TabletType{vitess.Rdonly, vitess.Replica}, Backward: true, MaxLag: time.Minute, ReverseReplication: true}
				if _, err := r.SwitchTraffic(t.Context(), back); err != nil {
					t.Fatal(err)
				}
				back.Types = []vitess.TabletType{vitess.Primary}
				r.faults = []fault{{method: "SwitchTraffic", at: at, nth: 1}}
				if _, err := r.SwitchTraffic(t.Context(), back); err == nil {
					t.Fatal("no fault")
				}
				r.calls, r.faults = nil, nil
				r.clock.Time = r.clock.Time.Add(48 * time.Hour) // the VDiff is old, and none is run for a refusal
				r.fails(label, diag.ExitRefused, false, "and back to - by someone")
				if len(r.calls) != 1 || r.calls[0] != "SwitchTraffic PRIMARY backward" {
					t.Errorf("calls %q", r.calls)
				}
				if !r.shard("-").PrimaryServing || r.shard("-80").PrimaryServing {
					t.Error("writes are not back")
				}
			})
		}
	}
}

func TestTheWayBackHasToRunBehindTheSwitch(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("complete")
	reverse := r.workflow(r.request.Workflow + "_reverse")
	reverse.errorMessage = "duplicate entry"
	r.expect("switch_primary", tasks.Running)
	r.fails("switch_primary", diag.ExitFailed, false, "the way back does not run; writes are served by customer/-80,80-", "duplicate entry")
	reverse.errorMessage, reverse.stopped = "", true
	r.expect("switch_primary", tasks.Conflict)
	r.removeWorkflow(reverse.name)
	if o := r.expect("switch_primary", tasks.Done); len(o.Warnings) != 1 {
		t.Errorf("observed %+v", o)
	}
	if r.count("SwitchTraffic") > 0 {
		t.Errorf("calls %q", r.calls)
	}
}

func TestWithoutReverseReplicationNothingIsWaitedFor(t *testing.T) {
	r := newRig(t, "-:-80,80-", func(r *Request) { r.Settings.ReverseReplication = false })
	r.upTo("complete")
	if reverse := r.workflow(r.request.Workflow + "_reverse"); reverse == nil || !reverse.stopped {
		t.Errorf("reverse streams %+v, want some that stand still", reverse)
	}
	r.finishes()
}

// Nobody stopped streams that a switch without reverse replication made and did not start.
func TestReverseReplicationThatIsAskedForBehindTheSwitchIsStartedByHand(t *testing.T) {
	r := newRig(t, "-:-80,80-", func(r *Request) { r.Settings.ReverseReplication = false })
	r.upTo("complete")
	r.request.Settings.ReverseReplication = true
	o := r.expect("switch_primary", tasks.Conflict)
	if want := "the reverse streams are stopped, by someone or by a switch with reverse_replication = false, which does not start them: -/3, -/4"; !strings.Contains(o.Detail, want) {
		t.Errorf("found %q, want %q", o.Detail, want)
	}
	r.fails("switch_primary", diag.ExitRefused, false, "_reverse --target-keyspace customer start", "or, to go on without them: reverse_replication = false")
	if err := r.StartWorkflow(t.Context(), "customer", r.request.Workflow+"_reverse"); err != nil {
		t.Fatal(err)
	}
	r.expect("switch_primary", tasks.Done)
	r.finishes()
}
