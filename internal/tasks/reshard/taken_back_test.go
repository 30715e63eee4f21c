package reshard

import (
	"strings"
	"testing"
	"time"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// switchBackByHand is what an operator did with vtctldclient behind a whole switch.
func (r *rig) switchBackByHand() {
	r.t.Helper()
	r.byHand(true, vitess.Rdonly, vitess.Replica)
	r.byHand(true, vitess.Primary)
	r.calls = nil
}

func (r *rig) byHand(backward bool, types ...vitess.TabletType) {
	r.t.Helper()
	request := vitess.SwitchTraffic{Keyspace: "customer", Workflow: r.request.Workflow, Types: types, Backward: backward, MaxLag: time.Minute, ReverseReplication: true}
	if _, err := r.SwitchTraffic(r.t.Context(), request); err != nil {
		r.t.Fatal(err)
	}
}

// recordedUpTo applies everything in front of a gate or task, and remembers it as the state does.
func recordedUpTo(t *testing.T, before string) *gatedRig {
	t.Helper()
	g := newGatedRig(t)
	for _, step := range Forward(g.request) {
		for _, planned := range step.Tasks {
			if planned.Label == before {
				g.calls = nil
				return g
			}
			if _, err := g.one(step.Name + "/" + planned.Label); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Fatalf("no task %s", before)
	return nil
}

func TestTrafficSwitchedBackByHandGoesForwardOnceThatIsApprovedAnew(t *testing.T) {
	for name, c := range map[string]struct {
		before   string
		edit     func(*gatedRig)
		conflict []string // steps that are in the way, with what they say
		says     string
	}{
		"everything": {"complete", func(g *gatedRig) { g.switchBackByHand() },
			[]string{"switch_rdonly", "switch_replica", "switch_primary"}, "traffic was switched to -80,80- and back to - by someone"},
		"writes only": {"complete", func(g *gatedRig) { g.byHand(true, vitess.Primary) },
			[]string{"switch_primary"}, "traffic was switched to -80,80- and back to - by someone"},
		"reads before writes were switched": {"switch_primary", func(g *gatedRig) { g.byHand(true, vitess.Rdonly, vitess.Replica) },
			[]string{"switch_rdonly", "switch_replica"}, " reads were switched to -80,80- and back to - by someone"},
		"RDONLY reads only": {"switch_primary", func(g *gatedRig) { g.byHand(true, vitess.Rdonly) },
			[]string{"switch_rdonly"}, "RDONLY reads were switched to -80,80- and back to - by someone"},
		"RDONLY reads in one cell": {"switch_replica", func(g *gatedRig) {
			g.faults = []fault{{method: "SwitchTraffic", at: "cell"}}
			g.SwitchTraffic(g.t.Context(), vitess.SwitchTraffic{Workflow: g.request.Workflow, Types: []vitess.TabletType{vitess.Rdonly}, Backward: true, MaxLag: time.Minute, ReverseReplication: true})
			g.faults = nil
		}, []string{"switch_rdonly"}, "RDONLY reads were switched to -80,80- and back to - by someone"},
	} {
		t.Run(name, func(t *testing.T) {
			g := recordedUpTo(t, c.before)
			g.given[g.operation.WithContainer(consentStep)] = tasks.Approval{By: "anna", At: g.clock.Time.Add(-24 * time.Hour)} // of the first time
			c.edit(g)
			g.clock.Time = g.clock.Time.Add(time.Hour)
			g.calls = nil
			for _, step := range c.conflict {
				place := step + "/" + step
				g.sees(place, tasks.Conflict, c.says, "to stay with -: commit that layout", "to go forward again: shardform approve keyspace.customer/-:-80,80-/switch_rdonly --plan sha256:1 --ahead")
				if _, err := g.attempt(place); diag.ExitOf(err) != diag.ExitRefused || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%s ended with %v", step, err)
				}
			}
			if _, closed, err := g.run(); closed != nil || diag.ExitOf(err) != diag.ExitRefused {
				t.Errorf("gate %+v, error %v", closed, err)
			}
			if g.count("SwitchTraffic")+g.count("DryRun") > 0 {
				t.Errorf("calls %q", g.calls)
			}
			g.approve("switch_primary") // another step
			g.sees(c.conflict[0]+"/"+c.conflict[0], tasks.Conflict)
			g.approve(consentStep)
			g.ends()
			for _, call := range g.calls {
				if strings.HasPrefix(call, "SwitchTraffic") && strings.HasSuffix(call, "backward") {
					t.Errorf("calls %q", g.calls)
				}
			}
		})
	}
}

// After the state was lost only what the cluster shows can tell.
func TestWithoutARecordAReversalOfWritesIsSeenAndOneOfReadsIsNot(t *testing.T) {
	g := recordedUpTo(t, "complete")
	g.ended = map[addr.Address]time.Time{}
	g.switchBackByHand()
	g.sees("switch_rdonly/switch_rdonly", tasks.Conflict)
	g.approve(consentStep)
	g.ends()

	g = recordedUpTo(t, "switch_primary")
	g.ended = map[addr.Address]time.Time{}
	g.byHand(true, vitess.Rdonly, vitess.Replica)
	g.sees("switch_rdonly/switch_rdonly", tasks.Absent)
	g.ends()
}

func TestTheChecksBeforeAnApprovalSeeAReversalToo(t *testing.T) {
	g := newGatedRig(t, func(r *Request) { r.Settings.Approval = []string{"switch_primary"}; r.Settings.Soak = time.Hour })
	g.approve("switch_primary")
	g.reaches("soak/soak", tasks.GateSoak)
	g.byHand(true, vitess.Primary)
	g.clock.Time = g.clock.Time.Add(25 * time.Hour) // the VDiff is old, and none is run for a refusal
	g.calls = nil
	g.sees("switch_primary/ready", tasks.Conflict, "by someone")
	if _, err := g.attempt("switch_primary/ready"); diag.ExitOf(err) != diag.ExitRefused || len(g.calls) > 0 {
		t.Errorf("ended with %v, calls %q", err, g.calls)
	}
}

func TestWhatWasApprovedCannotBeReadIsAnError(t *testing.T) {
	g := recordedUpTo(t, "complete")
	g.switchBackByHand()
	g.unread = errState
	for _, place := range []string{"switch_rdonly/switch_rdonly", "switch_primary/switch_primary"} {
		task, parameters, a := g.fresh(place)
		if _, err := task.(tasks.Observer).Observe(t.Context(), parameters, g.record(a)); err == nil || !strings.Contains(err.Error(), "switch_rdonly was approved") {
			t.Errorf("%s observed with %v", place, err)
		}
		if _, _, err := task.Run(t.Context(), parameters); err == nil {
			t.Errorf("%s ran", place)
		}
	}
}

// A task that is only asked about itself can name no command of shardform's.
func TestWithoutARunTheCommandsAreVtctldclients(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("complete")
	r.switchBackByHand()
	for _, label := range []string{"switch_rdonly", "switch_replica", "switch_primary"} {
		cure := strings.Join(r.expect(label, tasks.Conflict).Cure, "\n")
		for _, want := range []string{"commit that layout", "switchtraffic --tablet-types rdonly,replica", "switchtraffic --tablet-types primary"} {
			if !strings.Contains(cure, want) {
				t.Errorf("%s lacks %q: %s", label, want, cure)
			}
		}
		r.fails(label, diag.ExitRefused, false, "was switched to -80,80- and back to - by someone")
	}
	r.byHand(false, vitess.Rdonly, vitess.Replica)
	r.byHand(false, vitess.Primary)
	r.finishes()
}
