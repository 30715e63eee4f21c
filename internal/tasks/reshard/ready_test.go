package reshard

import (
	"strings"
	"testing"
	"time"

	"shardform/internal/diag"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// atReady is a reshard of which all but the switch of writes is done, with one approval to be asked for.
func atReady(t *testing.T, edits ...func(*Request)) *gatedRig {
	t.Helper()
	g := newGatedRig(t, append(edits, func(r *Request) { r.Settings.Approval = []string{"switch_primary"} })...)
	if _, err := g.apply("ready"); err != nil {
		t.Fatal(err)
	}
	g.calls = nil
	return g
}

func TestNobodyIsAskedBeforeWritesCouldBeSwitched(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*gatedRig)
		exit diag.Exit
		want string
	}{
		"a dry run that fails": {func(g *gatedRig) { g.faults = []fault{{method: "DryRun", at: "before", nth: -1}} }, diag.ExitFailed, "the dry run of switching writes"},
		"a lag that stays":     {func(g *gatedRig) { g.lag = func(time.Time) time.Duration { return time.Hour } }, diag.ExitFailed, "the lag is 1h0m0s"},
		"a difference":         {func(g *gatedRig) { g.vdiffs = nil; g.mismatch = true }, diag.ExitFailed, "found differences"},
		"stopped streams on a source": {func(g *gatedRig) {
			g.foreign = []vitess.Workflow{{Name: "ddl_1", Type: "OnlineDDL", SourceKeyspace: "customer", Sources: mustLayout([]string{"-"}), Targets: mustLayout([]string{"-"}),
				Streams: []vitess.Stream{{ID: 9, Target: "-", Source: "-", State: vitess.StateStopped}}}}
		}, diag.ExitRefused, "stream 9 on - is stopped"},
	} {
		t.Run(name, func(t *testing.T) {
			g := atReady(t)
			c.edit(g)
			_, closed, err := g.run()
			if closed != nil || diag.ExitOf(err) != c.exit || !strings.Contains(err.Error(), c.want) {
				t.Errorf("gate %+v, error %v", closed, err)
			}
			if g.count("SwitchTraffic") > 0 {
				t.Errorf("calls %q", g.calls)
			}
		})
	}
}

func TestTheChecksAreNotMadeTwiceInOneGo(t *testing.T) {
	g := atReady(t)
	g.sees("switch_primary/ready", tasks.Absent, "not checked yet")
	task, parameters, _ := g.fresh("switch_primary/ready")
	if _, _, err := task.Run(t.Context(), parameters); err != nil {
		t.Fatal(err)
	}
	g.lag = func(time.Time) time.Duration { return time.Hour } // a moment later
	o, err := task.(tasks.Observer).Observe(t.Context(), parameters, tasks.Record{Announced: true})
	if err != nil || o.State != tasks.Done || !strings.Contains(o.Output, "writes can be switched: the streams run with a lag of 0s, a VDiff counts") {
		t.Errorf("observed %+v, %v", o, err)
	}
	g.lag = nil
	g.reaches("switch_primary/approve", tasks.GateApproval)
	g.calls = nil
	g.reaches("switch_primary/approve", tasks.GateApproval)
	if len(g.calls) > 0 {
		t.Errorf("calls %q", g.calls)
	}
}

func TestChecksThatDoNotHoldAnyMoreAreMadeAgain(t *testing.T) {
	for name, c := range map[string]struct {
		edit  func(*gatedRig)
		undo  func(*gatedRig)
		want  string
		calls string
	}{
		"an old VDiff":       {func(g *gatedRig) { g.clock.Time = g.clock.Time.Add(25 * time.Hour) }, nil, "more than 24h", "VDiffCreate,DryRun"},
		"no VDiff":           {func(g *gatedRig) { g.vdiffs = nil }, nil, "no VDiff was run", "VDiffCreate,DryRun"},
		"a lag":              {func(g *gatedRig) { g.lag = func(time.Time) time.Duration { return time.Hour } }, func(g *gatedRig) { g.lag = nil }, "the lag is 1h0m0s", "DryRun"},
		"streams in error":   {func(g *gatedRig) { g.workflow(g.request.Workflow).errorMessage = "duplicate key" }, func(g *gatedRig) { g.workflow(g.request.Workflow).errorMessage = "" }, "streams report errors: -80/", "DryRun"},
		"a pause in between": {func(g *gatedRig) { g.StopWorkflow(g.t.Context(), "", g.request.Workflow, vitess.PausedMessage) }, func(g *gatedRig) { g.StartWorkflow(g.t.Context(), "", g.request.Workflow) }, "is paused by shardform", "StopWorkflow,StartWorkflow,DryRun"},
	} {
		t.Run(name, func(t *testing.T) {
			g := atReady(t)
			g.reaches("switch_primary/approve", tasks.GateApproval)
			g.calls = nil
			c.edit(g)
			g.sees("switch_primary/ready", tasks.Absent, "it has to be checked again: ", c.want)
			if c.undo != nil {
				c.undo(g)
				g.sees("switch_primary/ready", tasks.Done)
				delete(g.ended, g.operation.WithContainer("switch_primary").WithTask("ready"))
			}
			g.reaches("switch_primary/approve", tasks.GateApproval)
			var methods []string
			for _, call := range g.calls {
				method, _, _ := strings.Cut(call, " ")
				methods = append(methods, method)
			}
			if got := strings.Join(methods, ","); got != c.calls {
				t.Errorf("calls %s, want %s", got, c.calls)
			}
		})
	}
}

func TestWithoutVerifyNoVDiffIsAskedFor(t *testing.T) {
	g := atReady(t, func(r *Request) { r.Settings.VerifyEnabled = false })
	g.reaches("switch_primary/approve", tasks.GateApproval)
	if o := g.sees("switch_primary/ready", tasks.Done); strings.Contains(o.Detail, "VDiff") || len(g.vdiffs) > 0 {
		t.Errorf("%q, %d VDiffs", o.Detail, len(g.vdiffs))
	}
}

// A difference between the clocks is named where a lag or an age that was computed with it is said.
func TestMessagesNameTheClock(t *testing.T) {
	const named = "this machine's clock is 31s ahead of that of tablet zone1-0000000110, which is taken into account"
	ahead := vitess.ClockAhead{Tablet: "zone1-0000000110", By: 31 * time.Second}
	late := func(time.Time) time.Duration { return time.Minute }

	r := newRig(t, "-:-80,80-")
	r.upTo("switch_primary")
	r.ahead, r.lag = ahead, late
	r.fails("switch_primary", diag.ExitFailed, false, "the lag is 1m0s", named)

	r = newRig(t, "-:-80,80-", func(r *Request) { r.Settings.Soak = time.Hour })
	r.upTo("soak")
	r.ahead = ahead
	if o := r.observe("soak"); !strings.Contains(o.Detail, named) {
		t.Errorf("soak is observed %q", o.Detail)
	}

	r = newRig(t, "-:-80,80-")
	r.upTo("switch_rdonly")
	r.ahead, r.clock.Time = ahead, r.clock.Time.Add(25*time.Hour)
	if o := r.observe("verify"); !strings.Contains(o.Detail, named) {
		t.Errorf("verify is observed %q", o.Detail)
	}
}
