package reshard

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

func TestAReshardRunsFromEndToEnd(t *testing.T) {
	for _, segment := range []string{"-:-80,80-", "-80,80-:-", "0:-80,80-", "-80,80-:-40,40-c0,c0-", "-40,40-80:-80"} {
		t.Run(segment, func(t *testing.T) {
			r := newRig(t, segment)
			outputs := r.finishes()
			name := r.request.Workflow
			want := []string{"ReshardCreate " + name, "VDiffCreate " + name, "SwitchTraffic RDONLY forward", "SwitchTraffic REPLICA forward",
				"DryRun forward", "SwitchTraffic PRIMARY forward", "CompleteWorkflow " + name}
			for _, source := range r.request.Segment.Sources.Names() {
				want = append(want, "DeleteShard "+source)
			}
			if diff := cmp.Diff(want, r.calls); diff != "" {
				t.Error(diff)
			}
			first := r.request.Segment.Sources[0].Name
			if output := outputs["delete_shard:"+first]; !strings.Contains(output, "tablets to stop: zone1-0000000100") {
				t.Errorf("deleting says %q", output)
			}
			if output := outputs["confirm"]; !strings.Contains(output, "customer serves from "+r.request.Segment.Targets.String()) {
				t.Errorf("confirm says %q", output)
			}
			if len(r.warnings) > 0 {
				t.Errorf("warnings %q", r.warnings)
			}
		})
	}
}

func TestApplyingAgainChangesNothing(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.finishes()
	r.calls = nil
	r.finishes()
	if len(r.calls) > 0 {
		t.Errorf("calls %q", r.calls)
	}
}

func TestEveryFaultIsOvercomeWithNothingDoneTwice(t *testing.T) {
	for _, f := range []fault{
		{method: "ReshardCreate", at: "before"}, {method: "ReshardCreate", at: "after"}, {method: "ReshardCreate", at: "streams"}, {method: "ReshardCreate", at: "unstarted"},
		{method: "VDiffCreate", at: "before"}, {method: "VDiffCreate", at: "after"},
		{method: "SwitchTraffic", at: "before"}, {method: "SwitchTraffic", at: "after"}, {method: "SwitchTraffic", at: "cell"},
		{method: "SwitchTraffic", nth: 2, at: "before"}, {method: "SwitchTraffic", nth: 2, at: "after"}, {method: "SwitchTraffic", nth: 2, at: "cell"},
		{method: "SwitchTraffic", nth: 3, at: "before"}, {method: "SwitchTraffic", nth: 3, at: "after"}, {method: "SwitchTraffic", nth: 3, at: "stopped"},
		{method: "SwitchTraffic", nth: 3, at: "flags"}, {method: "SwitchTraffic", nth: 3, at: "partitions"}, {method: "SwitchTraffic", nth: 3, at: "unfrozen"},
		{method: "DryRun", at: "before"},
		{method: "CompleteWorkflow", at: "before"}, {method: "CompleteWorkflow", at: "after"}, {method: "CompleteWorkflow", at: "reverse"},
		{method: "DeleteShard", at: "before"}, {method: "DeleteShard", at: "after"},
		{method: "Snapshot", nth: 7, at: "before"},
	} {
		t.Run(f.method+" "+strings.Repeat("i", max(f.nth, 1))+" "+f.at, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.faults = []fault{f}
			r.finishes()
			for _, call := range r.calls {
				if strings.HasPrefix(call, "SwitchTraffic") && strings.HasSuffix(call, "backward") {
					t.Errorf("traffic went backward: %q", r.calls)
				}
			}
			if f.at == "after" && r.count(f.method) != map[string]int{"SwitchTraffic": 3}[f.method]+map[bool]int{true: 1}[f.method != "SwitchTraffic"] {
				t.Errorf("done again although it was done: %q", r.calls)
			}
		})
	}
}

// A process that dies between two looks leaves whatever the call made of the cluster; the next one has fresh tasks.
func TestAProcessThatDiesInEveryCallIsResumedByAnother(t *testing.T) {
	for _, c := range []struct {
		method string
		times  int
		halves []string
	}{
		{"ReshardCreate", 1, []string{"before", "after", "streams", "unstarted"}},
		{"VDiffCreate", 1, []string{"before", "after"}},
		{"SwitchTraffic", 3, []string{"before", "after", "cell", "stopped", "flags", "partitions", "unfrozen"}},
		{"CompleteWorkflow", 1, []string{"before", "after", "reverse"}},
		{"DeleteShard", 1, []string{"before", "after"}},
	} {
		for _, at := range c.halves {
			for nth := range c.times {
				r := newRig(t, "-:-80,80-")
				r.faults = []fault{{method: c.method, at: at, nth: nth + 1}}
				if !r.dies() {
					t.Errorf("%s %s, call %d: did not die", c.method, at, nth+1)
				}
				r.faults = nil
				r.finishes()
			}
		}
	}
}

// dies applies until the first changing call that fails, and not one look further.
func (r *rig) dies() (died bool) {
	alive := r.env.Cluster
	r.env.Cluster = func(string) (vitess.Cluster, error) { return &dying{r.fakeCluster}, nil }
	defer func() {
		r.env.Cluster = alive
		p := recover()
		if died = p == errDied; p != nil && !died {
			panic(p)
		}
	}()
	r.apply("")
	return false
}

var errDied = errors.New("died")

// dying panics behind the first changing call that failed.
type dying struct{ *fakeCluster }

func (d *dying) end(err error) error {
	if errors.Is(err, errInjected) {
		panic(errDied)
	}
	return err
}

func (d *dying) ReshardCreate(ctx context.Context, r vitess.ReshardCreate) error {
	return d.end(d.fakeCluster.ReshardCreate(ctx, r))
}

func (d *dying) VDiffCreate(ctx context.Context, r vitess.VDiffCreate) error {
	return d.end(d.fakeCluster.VDiffCreate(ctx, r))
}

func (d *dying) SwitchTraffic(ctx context.Context, r vitess.SwitchTraffic) ([]string, error) {
	results, err := d.fakeCluster.SwitchTraffic(ctx, r)
	return results, d.end(err)
}

func (d *dying) CompleteWorkflow(ctx context.Context, keyspace, workflow string) error {
	return d.end(d.fakeCluster.CompleteWorkflow(ctx, keyspace, workflow))
}

func (d *dying) StopWorkflow(ctx context.Context, keyspace, workflow, message string) error {
	return d.end(d.fakeCluster.StopWorkflow(ctx, keyspace, workflow, message))
}

func (d *dying) RemoveStreams(ctx context.Context, keyspace, workflow string) error {
	return d.end(d.fakeCluster.RemoveStreams(ctx, keyspace, workflow))
}

func (d *dying) DeleteShard(ctx context.Context, keyspace, shard string) error {
	return d.end(d.fakeCluster.DeleteShard(ctx, keyspace, shard))
}

// Where only the reverse streams are left they are stopped and then removed: ending in between is ours, not somebody else's stop.
func TestARemovalThatDiesIsResumedByAnother(t *testing.T) {
	for _, f := range []fault{{method: "StopWorkflow", at: "before"}, {method: "StopWorkflow", at: "after"}, {method: "RemoveStreams", at: "before"}, {method: "RemoveStreams", at: "after"}} {
		t.Run(f.method+" "+f.at, func(t *testing.T) {
			g := soaking(t)
			g.clock.Time = g.clock.Time.Add(25 * time.Hour)
			if _, err := g.one("soak/soak"); err != nil {
				t.Fatal(err)
			}
			g.removeWorkflow(g.request.Workflow)
			g.faults = []fault{f}
			if !g.dies() {
				t.Fatal("did not die")
			}
			g.faults = nil
			g.ended = nil // nothing but the cluster tells how far it came
			for _, label := range []string{"switch_primary", "soak"} {
				o := g.expect(label, tasks.Done)
				if strings.Contains(o.Detail+strings.Join(o.Warnings, ""), "by someone") {
					t.Errorf("%s is observed %+v", label, o)
				}
			}
			if v := g.view(); f.method+f.at != "StopWorkflowbefore" && v.Reverse != nil && !v.RemovalBegun() {
				t.Errorf("reverse streams %+v", v.Reverse.Streams)
			}
			g.finishes()
		})
	}
}

func TestStoppingIsPossibleAtEveryWait(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("copy")
	sleeps := 0
	r.clock.BeforeSleep = func() {
		if sleeps++; sleeps == 3 {
			close(r.stop)
		}
	}
	if _, err := r.run("copy"); !errors.Is(err, tasks.ErrStopped) {
		t.Errorf("copy ended with %v", err)
	}
	r.clock.BeforeSleep, r.env.Stop = nil, make(chan struct{})
	r.finishes()
}

func TestTheLastSafePointIsBeforeTheSwitchOfWrites(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("switch_primary")
	close(r.stop)
	if _, err := r.run("switch_primary"); !errors.Is(err, tasks.ErrStopped) {
		t.Errorf("ended with %v", err)
	}
	if r.count("SwitchTraffic") > 0 {
		t.Errorf("calls %q", r.calls)
	}
}

func TestStepsThatLaterStatesImplyCountAsDone(t *testing.T) {
	labels := []string{"preflight", "create", "copy", "verify", "switch_rdonly", "switch_replica", "switch_primary", "complete"}
	for i, next := range labels {
		if i < 2 {
			continue // nothing shows that preflight ran
		}
		r := newRig(t, "-:-80,80-")
		r.upTo(next)
		for _, label := range labels[:i] {
			if label == "verify" && next == "switch_rdonly" {
				continue // nothing but a record shows that rows were counted
			}
			r.expect(label, tasks.Done)
		}
		if next == "copy" {
			continue // it is under way by itself
		}
		if o := r.observe(next); o.State != tasks.Absent {
			t.Errorf("%s is observed %s (%s) before it ran", next, o.State, o.Detail)
		}
	}
}
