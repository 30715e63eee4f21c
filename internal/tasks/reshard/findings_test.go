package reshard

import (
	"slices"
	"strings"
	"testing"
	"time"

	"shardform/internal/diag"
	"shardform/internal/vitess"
)

// What the server does in the states that a way back has to keep away from, shown by the cluster of these tests, and what
// shardform does there instead.

func TestDeletingBehindSwitchedReadsWouldSucceedAndDestroyTheKeyspace(t *testing.T) {
	r := goingBack(t, "switch_primary", Back{})
	r.fails("delete", diag.ExitRefused, false, "RDONLY reads are switched")
	if len(r.calls) > 0 || len(r.tables["-80"]) == 0 {
		t.Fatalf("calls %q", r.calls)
	}
	deletion("")(r) // by hand: no error
	for _, kind := range reads {
		p := r.partitions["zone1"][kind]
		if !slices.Equal(p.refs, []string{"-80", "80-"}) || !slices.Equal(p.disabled, []string{"-"}) || len(r.tables["-80"]) > 0 {
			t.Errorf("%s: %+v, %d tables", kind, p, len(r.tables["-80"]))
		}
	}
	if err := r.RebuildKeyspaceGraph(t.Context(), ""); err == nil {
		t.Error("the server rebuilds the serving graph")
	}
}

func TestDeletingInTheMiddleOfASwitchWouldSucceedAndLeaveNoShardThatTakesWrites(t *testing.T) {
	r := goingBack(t, "switch_primary", Back{})
	traffic("created", false, vitess.Primary)(r)
	r.calls = nil
	r.fails("delete", diag.ExitRefused, false, "WRITES ARE STOPPED on customer/-")
	if len(r.calls) > 0 {
		t.Fatalf("calls %q", r.calls)
	}
	deletion("")(r) // by hand: no error
	if p := r.partitions["zone1"][vitess.Primary]; !slices.Equal(p.refs, []string{"-"}) || !slices.Equal(p.disabled, []string{"-"}) || len(r.tables["-80"]) > 0 {
		t.Errorf("%+v, %d tables", p, len(r.tables["-80"]))
	}
}

func TestAnInterruptedReversalIsRefusedByTheServerUnderTheUsualBound(t *testing.T) {
	r := goingBack(t, "complete", all())
	readsBack(r)
	traffic("stopped", true, vitess.Primary)(r)
	r.clock.Time = r.clock.Time.Add(5 * time.Minute)
	back := vitess.SwitchTraffic{Workflow: r.request.Workflow, Types: []vitess.TabletType{vitess.Primary}, Backward: true, MaxLag: 30 * time.Second, ReverseReplication: true}
	if _, err := r.SwitchTraffic(t.Context(), back); err == nil || !strings.Contains(err.Error(), "replication lag 5m0s is higher than allowed lag 30s") {
		t.Errorf("the server says %v", err)
	}
	r.does("reverse_primary")
}

func TestReversingReadsTwiceIsAnErrorOfTheServerAndIsNotSent(t *testing.T) {
	r := goingBack(t, "switch_primary", Back{Reads: reads, Controls: true})
	r.does("reverse_reads")
	again := vitess.SwitchTraffic{Workflow: r.request.Workflow, Types: reads, Backward: true, MaxLag: time.Minute}
	if _, err := r.SwitchTraffic(t.Context(), again); err == nil || !strings.Contains(err.Error(), "reads have not been switched") {
		t.Errorf("the server says %v", err)
	}
	r.calls = nil
	if _, err := r.run("reverse_reads"); err != nil || len(r.calls) > 0 {
		t.Errorf("error %v, calls %q", err, r.calls)
	}

	// While writes are switched repeating it is harmless.
	r = goingBack(t, "complete", all())
	readsBack(r)
	readsBack(r)
	r.comesBack(situation{})
}

func TestOnlyReadsBeforeWritesLeavesNoControls(t *testing.T) {
	for _, c := range []struct {
		name  string
		order [][]vitess.TabletType
		clean bool
	}{
		{"reads first", [][]vitess.TabletType{reads, {vitess.Primary}}, true},
		{"writes first", [][]vitess.TabletType{{vitess.Primary}, reads}, false},
	} {
		r := goingBack(t, "complete", all())
		for _, types := range c.order {
			traffic("", true, types...)(r)
		}
		snapshot, _ := r.Snapshot(t.Context(), "customer")
		if left := snapshot.DisabledControls(); (len(left) == 0) != c.clean {
			t.Errorf("%s: controls %v", c.name, left)
		}
	}
}

// Deleting the reverse streams of a workflow that is gone, as one deletes a workflow, would drop the tables that serve.
func TestReverseStreamsAreNeverDeletedWithTheTablesOfTheirTargets(t *testing.T) {
	r := goingBack(t, "complete", Back{})
	r.switchBackByHand()
	r.removeWorkflow(r.request.Workflow)
	if output, err := r.run("delete"); err != nil || !strings.Contains(output, "what was copied to -80,80- is still there") {
		t.Errorf("output %q, error %v", output, err)
	}
	if len(r.tables["-"]) != 2 || len(r.workflows) > 0 {
		t.Errorf("%d tables, %d workflows", len(r.tables["-"]), len(r.workflows))
	}

	r = goingBack(t, "complete", Back{})
	r.switchBackByHand()
	r.removeWorkflow(r.request.Workflow)
	if err := r.DeleteWorkflow(t.Context(), "customer", r.request.Workflow+"_reverse", false); err != nil || len(r.tables["-"]) != 0 {
		t.Errorf("the server says %v and leaves %d tables", err, len(r.tables["-"]))
	}
}
