package reshard

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/vitess"
)

// situation is a reshard as a way back finds it.
type situation struct {
	name, before string // the steps in front of this one were done
	edit         func(*rig)
	calls        []string // that the way back makes, for - to -80,80-; nil: not compared. W is the workflow
	leftTables   bool     // the server leaves tables on targets without streams
}

// traffic is a switch made by hand; it may fail half way.
func traffic(at string, backward bool, types ...vitess.TabletType) func(*rig) {
	return func(r *rig) {
		r.t.Helper()
		r.faults = nil
		if at != "" {
			r.faults = []fault{{method: "SwitchTraffic", at: at}}
		}
		_, err := r.SwitchTraffic(r.t.Context(), vitess.SwitchTraffic{Keyspace: "customer", Workflow: r.request.Workflow, Types: types, Backward: backward,
			MaxLag: resumeLag, ReverseReplication: true})
		if (err != nil) != (at != "") {
			r.t.Fatalf("switching %s by hand, fault %q: %v", types, at, err)
		}
		r.faults = nil
	}
}

// deletion is a deletion made by hand; it may fail half way.
func deletion(at string) func(*rig) {
	return func(r *rig) {
		r.t.Helper()
		if at != "" {
			r.faults = []fault{{method: "DeleteWorkflow", at: at}}
		}
		if err := r.DeleteWorkflow(r.t.Context(), "customer", r.request.Workflow, false); (err != nil) != (at != "") {
			r.t.Fatalf("deleting by hand, fault %q: %v", at, err)
		}
		r.faults = nil
	}
}

// creation is a creation that failed half way.
func creation(at string) func(*rig) {
	return func(r *rig) {
		r.faults = []fault{{method: "ReshardCreate", at: at}}
		if err := r.ReshardCreate(r.t.Context(), vitess.ReshardCreate{Workflow: r.request.Workflow, Keyspace: "customer", AutoStart: true,
			Sources: r.request.Segment.Sources.Names(), Targets: r.request.Segment.Targets.Names()}); err == nil {
			r.t.Fatal("no fault")
		}
		r.faults = nil
	}
}

func both(edits ...func(*rig)) func(*rig) {
	return func(r *rig) {
		for _, edit := range edits {
			edit(r)
		}
	}
}

var (
	reads      = []vitess.TabletType{vitess.Rdonly, vitess.Replica}
	readsBack  = traffic("", true, reads...)
	deleted    = "DeleteWorkflow W"
	primary    = []string{"DryRun backward", "SwitchTraffic PRIMARY backward", deleted}
	allBack    = append([]string{"SwitchTraffic RDONLY,REPLICA backward"}, primary...)
	readsOnly  = []string{"SwitchTraffic RDONLY,REPLICA backward", deleted, "ClearTabletControl -80 RDONLY", "ClearTabletControl -80 REPLICA", "ClearTabletControl 80- RDONLY", "ClearTabletControl 80- REPLICA", "RebuildKeyspaceGraph"}
	rdonlyOnly = []string{"SwitchTraffic RDONLY backward", deleted, "ClearTabletControl -80 RDONLY", "ClearTabletControl 80- RDONLY", "RebuildKeyspaceGraph"}
	byReverse  = []string{"DryRun forward by the reverse workflow", "SwitchTraffic PRIMARY forward by the reverse workflow", deleted}
)

// situations are all cases of docs/contributing/cluster.md#rollback that are not blocked.
func situations() []situation {
	list := []situation{
		{name: "copying", before: "copy", calls: []string{deleted}},
		{name: "copied", before: "switch_rdonly", calls: []string{deleted}},
		{name: "some reads", before: "switch_replica", calls: rdonlyOnly},
		{name: "all reads", before: "switch_primary", calls: readsOnly},
		{name: "some reads, the first cell back by hand", before: "switch_replica", edit: traffic("cell", true, vitess.Rdonly), calls: rdonlyOnly},
		{name: "all reads, one type back by hand", before: "switch_primary", edit: traffic("type", true, reads...)},
		{name: "reads back by hand", before: "switch_primary", edit: readsBack, calls: slices.Concat([]string{deleted}, readsOnly[2:])},
		{name: "writes", before: "complete", calls: allBack},
		{name: "writes, reads back by hand", before: "complete", edit: readsBack, calls: primary},
		{name: "writes before reads by hand", before: "switch_rdonly", edit: traffic("", false, vitess.Primary), calls: primary},
		{name: "writes back before reads by hand", before: "complete", edit: traffic("", true, vitess.Primary), calls: readsOnly},
		{name: "everything back by hand", before: "complete", edit: (*rig).switchBackByHand, calls: []string{deleted}},
		{name: "lost", before: "complete", edit: both(readsBack, traffic("undone", true, vitess.Primary)), calls: byReverse},
		{name: "lost before reads", before: "complete", edit: traffic("undone", true, vitess.Primary),
			calls: append([]string{"SwitchTraffic RDONLY,REPLICA forward by the reverse workflow"}, byReverse...)},
		{name: "lost and mid-flight again", before: "complete", edit: both(readsBack, traffic("undone", true, vitess.Primary), func(r *rig) {
			r.faults = []fault{{method: "SwitchTraffic", at: "stopped"}}
			r.SwitchTraffic(r.t.Context(), vitess.SwitchTraffic{Workflow: r.request.Workflow + "_reverse", Types: []vitess.TabletType{vitess.Primary}, MaxLag: resumeLag, ReverseReplication: true})
			r.faults = nil
		}), calls: []string{"SwitchTraffic PRIMARY forward by the reverse workflow", deleted}},
		{name: "streams of a failed reversal are left", before: "complete", edit: both(readsBack, func(r *rig) {
			forward := r.workflow(r.request.Workflow)
			forward.stopped, forward.stoppedMessage = true, ""
			for i := range forward.streams {
				forward.streams[i].Message = ""
			}
		}), calls: primary},
		{name: "the workflow is gone, its reverse streams frozen", before: "complete", edit: both((*rig).switchBackByHand, func(r *rig) { r.removeWorkflow(r.request.Workflow) }),
			calls: []string{"DeleteWorkflow W_reverse keep"}, leftTables: true},
		{name: "half created", before: "create", edit: creation("streams"), calls: []string{deleted}, leftTables: true},
		{name: "created, not started", before: "create", edit: creation("unstarted"), calls: []string{deleted}},
		{name: "paused", before: "switch_rdonly", edit: func(r *rig) { r.StopWorkflow(r.t.Context(), "", r.request.Workflow, vitess.PausedMessage) }, calls: []string{deleted}},
		{name: "stopped by someone behind reads", before: "switch_primary", edit: func(r *rig) { r.StopWorkflow(r.t.Context(), "", r.request.Workflow, "by hand") }, calls: readsOnly},
		{name: "in error", before: "switch_rdonly", edit: func(r *rig) { r.workflow(r.request.Workflow).errorMessage = "duplicate key" }, calls: []string{deleted}},
	}
	for _, at := range []string{"closed", "opened", "cell"} {
		list = append(list, situation{name: "reads in part, " + at, before: "switch_rdonly", edit: traffic(at, false, vitess.Rdonly), calls: rdonlyOnly})
	}
	for _, at := range []string{"stopped", "created", "flags", "partitions", "unfrozen"} {
		list = append(list,
			situation{name: "mid-flight forward, " + at, before: "switch_primary", edit: traffic(at, false, vitess.Primary), calls: append([]string{"SwitchTraffic PRIMARY forward"}, allBack...)},
			situation{name: "mid-flight forward before reads, " + at, before: "switch_rdonly", edit: traffic(at, false, vitess.Primary), calls: append([]string{"SwitchTraffic PRIMARY forward"}, primary...)},
			situation{name: "mid-flight backward, " + at, before: "complete", edit: both(readsBack, traffic(at, true, vitess.Primary)), calls: []string{"SwitchTraffic PRIMARY backward", deleted}},
			situation{name: "mid-flight backward before reads, " + at, before: "complete", edit: traffic(at, true, vitess.Primary), calls: append([]string{"SwitchTraffic PRIMARY backward"}, readsOnly...)},
		)
	}
	for _, at := range []string{"halted", "tables", "reverse", "streams"} {
		list = append(list,
			situation{name: "half deleted, " + at, before: "switch_rdonly", edit: deletion(at), calls: []string{deleted}},
			situation{name: "half deleted behind a reversal, " + at, before: "complete", edit: both((*rig).switchBackByHand, deletion(at)), calls: []string{deleted}})
	}
	return list
}

// foundBefore has the rigs that found has made, by the situation and the segment.
var foundBefore sync.Map

// found is a reshard in this situation, some time later. How it came to be so is played once.
func (c situation) found(t *testing.T, segment string) *rig {
	t.Helper()
	if r, ok := foundBefore.Load(c.name + " " + segment); ok {
		return r.(*rig).clone(t)
	}
	r := newRig(t, segment, func(r *Request) { r.Settings.VerifyEnabled = false })
	r.copyTakes = 0
	r.upTo(c.before)
	if c.edit != nil {
		c.edit(r)
	}
	r.clock.Time = r.clock.Time.Add(48 * time.Hour) // by the server's measure an interrupted switch is far out of bound
	r.calls = nil
	foundBefore.Store(c.name+" "+segment, r)
	return r.clone(t)
}

func (r *rig) view() *vitess.SegmentView {
	r.t.Helper()
	snapshot, err := r.Snapshot(r.t.Context(), "customer")
	if err != nil {
		r.t.Fatal(err)
	}
	return snapshot.View(r.request.Segment)
}

// goBack plans the way back, as the plan does: what was laid out once is gone on with, and has to be enough.
func (r *rig) goBack() {
	r.t.Helper()
	v := r.view()
	if r.back != nil && v.Workflow == nil && v.Reverse == nil {
		return
	}
	way := WayBack(v)
	switch {
	case way.Blocked != "":
		r.t.Fatalf("blocked: %s", way.Blocked)
	case r.back != nil && !r.back.Covers(way.Back):
		r.t.Fatalf("what was laid out, %+v, does not cover what is left, %+v", *r.back, way.Back)
	case r.back == nil:
		r.back = &way.Back
	}
}

// comesBack goes back to the end.
func (r *rig) comesBack(c situation) map[string]string {
	r.t.Helper()
	r.goBack()
	outputs, err := r.apply("")
	if err != nil {
		r.t.Fatal(err)
	}
	r.atTheStart(c)
	return outputs
}

// atTheStart wants the sources to serve everything, everywhere, with all their rows, and nothing to be left.
func (r *rig) atTheStart(c situation) {
	r.t.Helper()
	for _, cell := range r.cells {
		for _, kind := range vitess.ServingTypes {
			p := r.partitions[cell][kind]
			if diff := cmp.Diff(r.request.Segment.Sources.Names(), p.refs); diff != "" || len(p.disabled) > 0 {
				r.t.Errorf("%s in %s: controls %q, shards %s", kind, cell, p.disabled, diff)
			}
		}
	}
	if len(r.workflows) > 0 {
		r.t.Errorf("%d workflows are left", len(r.workflows))
	}
	for _, source := range r.request.Segment.Sources.Names() {
		if !r.shard(source).PrimaryServing || len(r.tables[source]) != 2 {
			r.t.Errorf("source %s serves %t, has %d tables", source, r.shard(source).PrimaryServing, len(r.tables[source]))
		}
	}
	for _, target := range r.request.Segment.Targets.Names() {
		if s := r.shard(target); s == nil || s.PrimaryServing || len(r.tables[target]) > 0 && !c.leftTables {
			r.t.Errorf("target %s: %+v, %d tables", target, s, len(r.tables[target]))
		}
	}
}

// plainCalls are the changing calls with the workflow called W.
func (r *rig) plainCalls() []string {
	var calls []string
	for _, call := range r.calls {
		calls = append(calls, strings.ReplaceAll(call, r.request.Workflow, "W"))
	}
	return calls
}

// halves are the places at which a changing call can fail.
func halves(call string) []string {
	method, detail, _ := strings.Cut(call, " ")
	switch {
	case method == "SwitchTraffic" && strings.HasPrefix(detail, "PRIMARY"):
		return []string{"before", "stopped", "created", "undone", "flags", "partitions", "unfrozen", "after"}
	case method == "SwitchTraffic":
		return []string{"before", "closed", "opened", "cell", "type", "after"}
	case method == "DeleteWorkflow":
		return []string{"before", "halted", "tables", "reverse", "streams", "after"}
	}
	return []string{"before", "after"}
}

func (d *dying) DeleteWorkflow(ctx context.Context, keyspace, workflow string, keepData bool) error {
	return d.end(d.fakeCluster.DeleteWorkflow(ctx, keyspace, workflow, keepData))
}

func (d *dying) CreateShard(ctx context.Context, keyspace, shard string) error {
	return d.end(d.fakeCluster.CreateShard(ctx, keyspace, shard))
}

func (d *dying) ClearTabletControl(ctx context.Context, keyspace, shard string, kind vitess.TabletType) error {
	return d.end(d.fakeCluster.ClearTabletControl(ctx, keyspace, shard, kind))
}

func (d *dying) RebuildKeyspaceGraph(ctx context.Context, keyspace string) error {
	return d.end(d.fakeCluster.RebuildKeyspaceGraph(ctx, keyspace))
}
