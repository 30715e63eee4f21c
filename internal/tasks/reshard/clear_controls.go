package reshard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"shardform/internal/keyrange"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var clearControlsSpec = &tasks.Spec{
	Name:    "clear_controls",
	Summary: "clears leftover tablet controls and rebuilds the serving graph",
	Doc: `A reshard that was taken back or deleted leaves tablet controls that disable its targets, and some failures leave other
ones: a shard never serves the type again then, and RebuildKeyspaceGraph refuses to work. For every disabled control on
a shard of no open reshard: SetShardTabletControl(disable_query_service = false); behind them RebuildKeyspaceGraph, which
makes every cell serve what the shard records say. A control on a shard without a record can only be cleared while there
is one: the shard is created, where a shard that serves overlaps it so that it comes up not serving, and deleted again.
With sources and targets this waits for the end of their reshard: Absent while its workflow is listed. A control of an
open reshard is never touched; while one has moved reads or writes of its own shards the serving graph is not rebuilt.
Done when no such control is left, no shard that was created for the moment is there, and reads are where writes are.
If it dies halfway the rest is done: a shard that gone names, without tablets and serving nothing, was created by it.`,
	Internal: true,
	Parameters: []tasks.Parameter{clusterParameter, keyspaceParameter,
		{Name: "gone", Kind: tasks.String, Doc: "shards without a record that controls are left on, joined by commas: they are created for the moment and deleted again"},
		{Name: "sources", Kind: tasks.String, Doc: "shards of the reshard that is taken back before, if any, joined by commas"},
		{Name: "targets", Kind: tasks.String, Doc: "shards that it went to, joined by commas"}},
}

// clearControlsTask remembers what this process has done and nobody can see: which shards it created for the moment, and
// that it rebuilt the serving graph.
type clearControlsTask struct {
	base
	created []string
	rebuilt bool
}

// Observe implements tasks.Observer.
func (t *clearControlsTask) Observe(ctx context.Context, parameters map[string]string, record tasks.Record) (tasks.Observation, error) {
	s, v, err := t.glance(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	o := t.cleared(s, v)
	began := (record.Announced || record.Attempts > 0) && !record.Done
	if o.State == tasks.Done && began && !t.rebuilt && len(unsettled(v.Snapshot)) == 0 {
		return running("the controls are cleared, and nothing shows whether the serving graph was rebuilt behind that: it is, once more"), nil
	}
	return o, nil
}

// cleared is what a view says of the controls.
func (t *clearControlsTask) cleared(s *scene, v *vitess.SegmentView) tasks.Observation {
	for _, w := range []*vitess.Workflow{v.Workflow, v.Reverse} {
		if w != nil {
			return absent(fmt.Sprintf("workflow %s is there: what it leaves behind is cleared when it is gone", w.Name))
		}
	}
	if controls := v.LeftoverControls(); len(controls) > 0 {
		return absent("tablet controls are left: " + controlList(controls))
	}
	if shards := t.momentary(s, v.Snapshot); len(shards) > 0 {
		return running(fmt.Sprintf("shard %s/%s was created for the moment and is deleted again", s.keyspace, strings.Join(shards, ",")))
	}
	const clean = "no tablet control is left"
	if open := unsettled(v.Snapshot); len(open) > 0 {
		o := done(clean)
		o.Warnings = []string{"the serving graph is not rebuilt while another reshard has moved traffic: " + strings.Join(open, ", ")}
		return o
	}
	if astray := readsAstray(v.Snapshot); len(astray) > 0 {
		return absent("reads are not served where writes are: " + strings.Join(astray, "; "))
	}
	return done(clean)
}

// momentary are the shards that were created only to clear their controls: named as gone when this was planned, created by
// this process, or targets of the reshard that lost their tablets, shard and all, since it was planned; and still without
// tablets and used by nobody.
func (t *clearControlsTask) momentary(s *scene, snapshot *vitess.Snapshot) []string {
	var shards []string
	for _, shard := range slices.Concat(splitNames(s.String("gone")), t.created, s.segment.Targets.Names()) {
		if hasShard(snapshot, shard) && !hasTablets(snapshot, shard) && len(shardUsers(snapshot, shard)) == 0 && !slices.Contains(shards, shard) {
			shards = append(shards, shard)
		}
	}
	return shards
}

// Run implements tasks.Task.
func (t *clearControlsTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, v, err := t.sight(ctx, parameters)
	if err != nil {
		return nil, "", err
	}
	if v.Workflow != nil || v.Reverse != nil {
		return nil, "", refused(fmt.Sprintf("controls of %s are not cleared while its workflow is there", s.arrow()), t.cleared(s, v).Detail+"; expected none",
			"apply again: it is deleted first\n"+vitess.CommandGetWorkflows(s.keyspace))
	}
	controls := v.LeftoverControls()
	steps := controlSteps(v.Snapshot, controls, t.momentary(s, v.Snapshot))
	for _, step := range steps {
		if step.verb == createShard {
			if err := mayCreate(v.Snapshot, step.shard); err != nil {
				return nil, "", err
			}
		}
	}
	for _, step := range steps {
		if err := t.take(ctx, s, step); err != nil {
			return nil, "", err
		}
	}
	said := "no tablet control was left"
	if len(controls) > 0 {
		said = "cleared " + controlList(controls)
	}
	if len(unsettled(v.Snapshot)) == 0 {
		s.say("rebuilding the serving graph of %s", s.keyspace)
		if err := s.cluster.RebuildKeyspaceGraph(ctx, s.keyspace); err != nil {
			return nil, "", wrap("rebuilding the serving graph of "+s.keyspace+" failed", err, "the controls are cleared\n"+vitess.CommandRebuildKeyspaceGraph(s.keyspace), true)
		}
		t.rebuilt = true
		said += "; rebuilt the serving graph"
	}
	v, ok, err := s.settle(ctx, confirmSettle, func(v *vitess.SegmentView) bool { return t.cleared(s, v).State == tasks.Done })
	switch {
	case err != nil:
		return nil, "", err
	case !ok:
		return nil, "", temporary(failed(fmt.Sprintf("the controls of %s were cleared and it does not show", s.keyspace), t.cleared(s, v).Detail, vitess.CommandGetSrvKeyspaces(s.keyspace)))
	}
	return nil, strings.Join(append([]string{said}, t.cleared(s, v).Warnings...), "; "), nil
}

// take makes one step. What it meets it leaves to the next attempt, which looks anew.
func (t *clearControlsTask) take(ctx context.Context, s *scene, step controlStep) error {
	var acted error
	s.say("%s", step.command(s.keyspace))
	switch step.verb {
	case createShard:
		t.created = append(t.created, step.shard)
		acted = s.cluster.CreateShard(ctx, s.keyspace, step.shard)
	case clearControl:
		acted = s.cluster.ClearTabletControl(ctx, s.keyspace, step.shard, step.kind)
	case deleteShard:
		v, err := s.look(ctx)
		switch {
		case err != nil:
			return err
		case !slices.Contains(t.momentary(s, v.Snapshot), step.shard):
			return refused(fmt.Sprintf("shard %s/%s was created for the moment and is in use now: it is not deleted", s.keyspace, step.shard),
				strings.Join(append([]string{"expected a shard without tablets that serves nothing"}, shardUsers(v.Snapshot, step.shard)...), "\n"), vitess.CommandGetSrvKeyspaces(s.keyspace))
		}
		acted = s.cluster.DeleteShard(ctx, s.keyspace, step.shard)
	}
	if acted != nil {
		return wrap(fmt.Sprintf("clearing the tablet controls of %s failed", s.keyspace), acted, step.command(s.keyspace), true)
	}
	return nil
}

// Commands implements tasks.Commander. Where the cluster can be asked they are exactly those for the controls that are
// left now, or will be when the reshard is taken back from where it is; else those for all that a way back can leave.
func (t *clearControlsTask) Commands(ctx context.Context, parameters map[string]string) []string {
	s, v, err := t.glimpse(ctx, parameters)
	switch {
	case err != nil:
		return nil
	case v != nil:
		return controlCommands(s.keyspace, controlSteps(v.Snapshot, expectedControls(v), t.momentary(s, v.Snapshot)))
	}
	gone := splitNames(s.String("gone"))
	assumed := &vitess.Snapshot{Keyspace: s.keyspace}
	var controls []vitess.Control
	for _, shard := range slices.Concat(s.segment.Targets.Names(), gone) {
		if !slices.Contains(gone, shard) {
			assumed.Shards = append(assumed.Shards, vitess.Shard{Shard: keyrange.Shard{Name: shard}})
		}
		controls = append(controls, vitess.Control{Type: vitess.Rdonly, Shard: shard}, vitess.Control{Type: vitess.Replica, Shard: shard})
	}
	return controlCommands(s.keyspace, controlSteps(assumed, controls, nil))
}

// Describe implements tasks.Describer.
func (t *clearControlsTask) Describe(parameters map[string]string) string {
	return fmt.Sprintf("clear the tablet controls that are left on %s and rebuild its serving graph", parameters["keyspace"])
}
