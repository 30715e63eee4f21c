package reshard

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"shardform/internal/diag"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// goingBack is a reshard of - to -80,80- whose steps before one are done, and which is being taken back as b says.
func goingBack(t *testing.T, before string, b Back) *rig {
	t.Helper()
	r := newRig(t, "-:-80,80-")
	r.upTo(before)
	r.back = &b
	return r
}

func all() Back { return Back{Reads: reads, Writes: true, Controls: true} }

// overlapping is a workflow of somebody else that writes to a target.
var overlapping = vitess.Workflow{Name: "move", Type: "MoveTables", SourceKeyspace: "commerce", Sources: mustLayout([]string{"0"}), Targets: mustLayout([]string{"-80"}),
	Streams: []vitess.Stream{{ID: 77, Target: "-80", Source: "0", State: vitess.StateRunning, Position: "1-5"}}}

func TestWhatStandsInTheWayOfGoingBackIsRefusedAndNothingSent(t *testing.T) {
	reverse := func(edit func(*fakeWorkflow)) func(*rig) {
		return func(r *rig) { edit(r.workflow(r.request.Workflow + "_reverse")) }
	}
	stopped := reverse(func(w *fakeWorkflow) { w.stopped, w.stoppedMessage = true, "by hand" })
	incomplete := reverse(func(w *fakeWorkflow) { w.streams = w.streams[:1] })
	missing := func(r *rig) { r.removeWorkflow(r.request.Workflow + "_reverse") }
	for name, c := range map[string]struct {
		label, before string
		back          Back
		earlier       bool // a step before it takes that back: it is no conflict before this one acts
		edit          func(*rig)
		want          []string
	}{
		"a type that was switched since the plan": {"reverse_reads", "switch_primary", Back{Reads: reads[:1]}, false, nil,
			[]string{"REPLICA reads are switched too: zone1 from -80,80-", "only RDONLY reads switched, as when this was planned", "plan again"}},
		"reads, reverse streams stopped":    {"reverse_reads", "complete", all(), false, stopped, []string{"reverse streams are stopped: -/3 (by hand)", "_reverse --target-keyspace customer start"}},
		"reads, reverse streams missing":    {"reverse_reads", "complete", all(), false, incomplete, []string{"reverse streams are frozen or missing"}},
		"reads, no reverse streams":         {"reverse_reads", "complete", all(), false, missing, []string{"there are no reverse streams", "the sources lack what was written since"}},
		"reads, finished":                   {"reverse_reads", "confirm", all(), false, nil, []string{"the reshard was finished: -80,80- serves", "plan again"}},
		"reads, deleted behind them":        {"reverse_reads", "switch_primary", Back{Reads: reads}, false, deletion(""), []string{"traffic is on -80,80- and the workflow is gone", "SetShardTabletControl --disable-query-service=false customer/- rdonly", "RebuildKeyspaceGraph"}},
		"reads, somebody else's workflow":   {"reverse_reads", "switch_primary", Back{Reads: reads}, false, func(r *rig) { r.foreign = []vitess.Workflow{overlapping} }, []string{"MoveTables workflow move"}},
		"writes before reads":               {"reverse_primary", "complete", all(), true, nil, []string{"writes are not switched back before reads: RDONLY reads are served: zone1 from -80,80-", "leaves tablet controls behind"}},
		"writes before reads in one cell":   {"reverse_primary", "complete", all(), true, both(readsBack, traffic("", false, reads...), traffic("cell", true, vitess.Replica, vitess.Rdonly)), []string{"not switched back before reads"}},
		"writes, reverse streams stopped":   {"reverse_primary", "complete", all(), false, both(readsBack, stopped), []string{"reverse streams are stopped", "start"}},
		"writes, reverse streams missing":   {"reverse_primary", "complete", all(), false, both(readsBack, incomplete), []string{"reverse streams are frozen or missing"}},
		"writes, no reverse streams":        {"reverse_primary", "complete", all(), false, both(readsBack, missing), []string{"there are no reverse streams"}},
		"writes, lost and reverse stopped":  {"reverse_primary", "complete", all(), false, both(readsBack, traffic("undone", true, vitess.Primary), stopped), []string{"reverse streams are stopped"}},
		"writes, finished":                  {"reverse_primary", "confirm", all(), false, nil, []string{"the reshard was finished"}},
		"writes, somebody else's workflow":  {"reverse_primary", "complete", all(), false, both(readsBack, func(r *rig) { r.foreign = []vitess.Workflow{overlapping} }), []string{"MoveTables workflow move"}},
		"delete behind writes":              {"delete", "complete", all(), true, nil, []string{"writes are served by customer/-80,80-", "writes are switched back first"}},
		"delete behind writes, lost":        {"delete", "complete", all(), true, both(readsBack, traffic("undone", true, vitess.Primary)), []string{"writes are served by customer/-80,80-"}},
		"delete behind reads":               {"delete", "switch_primary", Back{}, true, nil, []string{"RDONLY reads are switched: zone1 from -80,80-", "would leave them without tables", "reversetraffic --tablet-types rdonly,replica"}},
		"delete behind reads of one cell":   {"delete", "switch_rdonly", Back{}, true, traffic("cell", false, vitess.Rdonly), []string{"RDONLY reads are switched: zone1 from -80,80-; zone2 from -"}},
		"delete behind reads that closed":   {"delete", "switch_rdonly", Back{}, true, traffic("closed", false, vitess.Rdonly), []string{"RDONLY reads are switched"}},
		"delete while writes are stopped":   {"delete", "switch_rdonly", Back{}, true, traffic("created", false, vitess.Primary), []string{"WRITES ARE STOPPED on customer/-", "never deleted", "switchtraffic --tablet-types primary --max-replication-lag-allowed 720h"}},
		"delete while a reversal is open":   {"delete", "complete", all(), true, both(readsBack, traffic("unfrozen", true, vitess.Primary)), []string{"WRITES ARE STOPPED on customer/-80,80-", "reversetraffic --tablet-types primary"}},
		"delete with a PRIMARY control":     {"delete", "switch_rdonly", Back{}, true, func(r *rig) { r.partitions["zone2"][vitess.Primary].disabled = []string{"80-"} }, []string{"tablet controls stop writes: PRIMARY on 80- in zone2", "SetShardTabletControl --disable-query-service=false customer/80- primary"}},
		"delete, somebody else's workflow":  {"delete", "switch_rdonly", Back{}, false, func(r *rig) { r.foreign = []vitess.Workflow{overlapping} }, []string{"MoveTables workflow move"}},
		"delete, finished":                  {"delete", "confirm", all(), false, nil, []string{"the reshard was finished"}},
		"delete, a part of something else":  {"delete", "create", Back{}, false, both(creation("streams"), func(r *rig) { r.workflows[0].name = "by_hand" }), []string{"workflow by_hand", "has streams for a part of the shards only"}},
		"delete, a part of another reshard": {"delete", "create", Back{}, false, both(creation("streams"), func(r *rig) { r.workflows[0].name = "sf_00000000" }), []string{"workflow sf_00000000 from - to -80", "a part of another reshard"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := goingBack(t, c.before, c.back)
			if c.edit != nil {
				c.edit(r)
			}
			r.calls = nil
			want := tasks.Conflict
			if c.earlier {
				want = tasks.Absent
			}
			r.expect(c.label, want)
			r.fails(c.label, diag.ExitRefused, false, c.want...)
			if len(r.calls) > 0 {
				t.Errorf("calls %q", r.calls)
			}
		})
	}
}

func TestStoppedStreamsOnTheTargetsAreFoundBeforeWritesGoBack(t *testing.T) {
	r := goingBack(t, "complete", all())
	readsBack(r)
	r.foreign = []vitess.Workflow{{Name: "ddl_1", Type: "OnlineDDL", SourceKeyspace: "customer", Sources: mustLayout([]string{"80-"}), Targets: mustLayout([]string{"80-"}),
		Streams: []vitess.Stream{{ID: 9, Target: "80-", Source: "80-", State: vitess.StateStopped}}}}
	r.calls = nil
	r.fails("reverse_primary", diag.ExitRefused, false, "streams are stopped on the targets", "OnlineDDL workflow ddl_1: stream 9 on 80- is stopped")
	if len(r.calls) > 0 {
		t.Errorf("calls %q", r.calls)
	}
	// The server refuses it too, and that is why.
	if _, err := r.SwitchTraffic(t.Context(), vitess.SwitchTraffic{Workflow: r.request.Workflow, Types: []vitess.TabletType{vitess.Primary}, Backward: true, MaxLag: time.Minute}); err == nil ||
		!strings.Contains(err.Error(), "cannot migrate until all streams are running") {
		t.Errorf("the server says %v", err)
	}
}

func TestGoingBackWaitsForTheReverseStreams(t *testing.T) {
	for _, label := range []string{"reverse_reads", "reverse_primary"} {
		behind := map[string]func(*rig){"reverse_reads": func(*rig) {}, "reverse_primary": readsBack}[label]
		t.Run(label+" catches up", func(t *testing.T) {
			r := goingBack(t, "complete", all())
			behind(r)
			began := r.clock.Time
			r.lag = func(now time.Time) time.Duration { return max(0, 5*time.Minute-now.Sub(began)) }
			r.does(label)
			if took := r.clock.Time.Sub(began); took < 4*time.Minute {
				t.Errorf("switched after %s", took)
			}
		})
		for name, c := range map[string]struct {
			edit func(*rig)
			want string
		}{
			"stays behind": {func(r *rig) { r.lag = func(time.Time) time.Duration { return time.Hour } }, "their lag is 1h0m0s"},
			"in error":     {func(r *rig) { r.workflow(r.request.Workflow + "_reverse").errorMessage = "duplicate key" }, "they report errors: -/3: duplicate key"},
			"copying":      {func(r *rig) { r.workflow(r.request.Workflow + "_reverse").stuck = true }, "they do not run"},
		} {
			t.Run(label+" "+name, func(t *testing.T) {
				r := goingBack(t, "complete", all())
				behind(r)
				c.edit(r)
				r.calls = nil
				began := r.clock.Time
				r.fails(label, diag.ExitFailed, false, "cannot be taken back now; writes are served by customer/-80,80-", "at most 30s within 10m", c.want, "nothing was switched by this step")
				if took := r.clock.Time.Sub(began); took < 10*time.Minute || took > 11*time.Minute {
					t.Errorf("waited %s", took)
				}
				if len(r.calls) > 0 {
					t.Errorf("calls %q", r.calls)
				}
			})
		}
		t.Run(label+" stops", func(t *testing.T) {
			r := goingBack(t, "complete", all())
			behind(r)
			r.lag = func(time.Time) time.Duration { return time.Hour }
			r.calls = nil
			close(r.stop)
			if _, err := r.run(label); !errors.Is(err, tasks.ErrStopped) || len(r.calls) > 0 {
				t.Errorf("error %v, calls %q", err, r.calls)
			}
		})
	}
}

// Before writes are switched there is no lag that could matter: the sources have every row.
func TestReadsGoBackAtOnceBeforeWritesAreSwitched(t *testing.T) {
	for name, edit := range map[string]func(*rig){
		"lag":    func(r *rig) { r.lag = func(time.Time) time.Duration { return time.Hour } },
		"paused": func(r *rig) { r.StopWorkflow(r.t.Context(), "", r.request.Workflow, vitess.PausedMessage) },
		"error":  func(r *rig) { r.workflow(r.request.Workflow).errorMessage = "duplicate key" },
	} {
		t.Run(name, func(t *testing.T) {
			r := goingBack(t, "switch_primary", Back{Reads: reads, Controls: true})
			edit(r)
			began := r.clock.Time
			r.does("reverse_reads")
			if took := r.clock.Time.Sub(began); took > time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestATypeThatNobodyServesIsNoObstacle(t *testing.T) {
	c := situation{before: "switch_rdonly", edit: func(r *rig) {
		for _, cell := range r.cells {
			delete(r.partitions[cell], vitess.Rdonly)
		}
		traffic("", false, vitess.Replica)(r)
	}}
	r := c.found(t, "-:-80,80-")
	r.goBack()
	if !slices.Equal(r.back.Reads, reads[1:]) {
		t.Errorf("%+v", r.back)
	}
	if _, err := r.apply(""); err != nil {
		t.Fatal(err)
	}
	if want := []string{"SwitchTraffic REPLICA backward", deleted, "ClearTabletControl -80 REPLICA", "ClearTabletControl 80- REPLICA", "RebuildKeyspaceGraph"}; !slices.Equal(r.plainCalls(), want) {
		t.Errorf("calls %q", r.calls)
	}
}

func TestTheLastSafePointIsBeforeWritesGoBack(t *testing.T) {
	r := goingBack(t, "complete", all())
	readsBack(r)
	r.calls = nil
	close(r.stop)
	if _, err := r.run("reverse_primary"); !errors.Is(err, tasks.ErrStopped) {
		t.Errorf("ended with %v", err)
	}
	if r.count("SwitchTraffic") > 0 {
		t.Errorf("calls %q", r.calls)
	}
}

func TestErrorsOfAReversalSayWhoServes(t *testing.T) {
	for name, c := range map[string]struct {
		label     string
		fault     fault
		temporary bool
		want      []string
	}{
		"reads":        {"reverse_reads", fault{method: "SwitchTraffic", at: "cell"}, true, []string{"switching RDONLY and REPLICA reads back to - failed", "zone1 from -; zone2 from -80,80-"}},
		"dry run":      {"reverse_primary", fault{method: "DryRun", at: "before"}, true, []string{"the dry run of switching writes", "writes are served by customer/-80,80-"}},
		"undone":       {"reverse_primary", fault{method: "SwitchTraffic", at: "undone"}, true, []string{"failed and was undone; writes are served by customer/-80,80-"}},
		"for ever":     {"reverse_primary", fault{method: "SwitchTraffic", at: "stopped", nth: -1}, true, []string{"could not be finished backward", "WRITES ARE STOPPED on customer/-80,80-", "in this direction and no other", "reversetraffic --tablet-types primary --max-replication-lag-allowed 720h"}},
		"not answered": {"delete", fault{method: "DeleteWorkflow", at: "tables"}, true, []string{"deleting workflow", "cancel"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := goingBack(t, "complete", all())
			switch c.label {
			case "reverse_primary":
				readsBack(r)
			case "delete":
				r.switchBackByHand()
			}
			r.faults = []fault{c.fault}
			r.fails(c.label, diag.ExitFailed, c.temporary, c.want...)
		})
	}
}

// A reversal that failed before its journal takes the workflow with it. The next attempt finds its own way.
func TestAReversalThatLosesTheWorkflowGoesOnByTheReverseOne(t *testing.T) {
	r := goingBack(t, "complete", all())
	r.faults = []fault{{method: "SwitchTraffic", at: "undone", nth: 2}}
	if _, err := r.apply(""); err != nil {
		t.Fatal(err)
	}
	want := []string{"SwitchTraffic RDONLY,REPLICA backward", "DryRun backward", "SwitchTraffic PRIMARY backward", "DryRun forward by the reverse workflow", "SwitchTraffic PRIMARY forward by the reverse workflow", "DeleteWorkflow W"}
	if got := r.plainCalls(); !slices.Equal(want, got) {
		t.Errorf("calls %q", got)
	}
	r.atTheStart(situation{})
}

// A request to stop must not leave writes stopped, not even when the first try fails.
func TestAnInterruptedReversalIsFinishedAlsoWhileStopping(t *testing.T) {
	r := goingBack(t, "complete", all())
	readsBack(r)
	traffic("flags", true, vitess.Primary)(r)
	r.clock.Time = r.clock.Time.Add(48 * time.Hour)
	o := r.expect("reverse_primary", tasks.Running)
	if !strings.Contains(o.Detail, "WRITES ARE STOPPED on customer/-80,80-") || !strings.Contains(o.Detail, "backward is finished first") {
		t.Errorf("observed %+v", o)
	}
	close(r.stop)
	r.calls, r.faults = nil, []fault{{method: "SwitchTraffic", at: "before"}}
	if _, err := r.run("reverse_primary"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"SwitchTraffic PRIMARY backward", "SwitchTraffic PRIMARY backward"}; !slices.Equal(r.calls, want) {
		t.Errorf("calls %q", r.calls)
	}
}

func TestWritesThatAreBackWithoutAFollowingWorkflowAreSaid(t *testing.T) {
	r := goingBack(t, "complete", all())
	r.switchBackByHand()
	if o := r.expect("reverse_primary", tasks.Done); len(o.Warnings) > 0 {
		t.Errorf("observed %+v", o)
	}
	r.workflow(r.request.Workflow).errorMessage = "duplicate key"
	if o := r.expect("reverse_primary", tasks.Done); len(o.Warnings) != 1 || !strings.Contains(o.Warnings[0], "is not ready to be switched again") {
		t.Errorf("observed %+v", o)
	}
}
