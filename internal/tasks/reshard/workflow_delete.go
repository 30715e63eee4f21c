package reshard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var workflowDeleteSpec = &tasks.Spec{
	Name:    "reshard_delete",
	Summary: "deletes the workflow with everything that it copied",
	Doc: `Sends WorkflowDelete with keep_data = false for the workflow between these shards, in whatever state its streams are, also
where some are missing: the tables on the targets go, then the reverse streams, then the workflow. It is never sent while
a read type is switched in some cell, writes are switched, a switch of writes is half way, or a PRIMARY control is
disabled: the server would delete all the same, and leave shards that serve without tables.
Where the workflow is gone and only its reverse streams are left these are deleted, with keep_data = true: their targets
are the shards that serve. What was copied then stays, and is named.
Done when neither the workflow nor a reverse one is listed.
Where the targets have served writes their rows are counted against the sources first (count_rows), as verify does it the
other way round: what was put on the wrong shard there has no other place.
If it dies halfway it is sent again: the server deletes the streams last.`,
	Internal: true,
	Parameters: segmentParameters(
		tasks.Parameter{Name: "count_rows", Kind: tasks.Bool, Doc: "whether every row of the targets has to be accounted for"}, acceptParameter, samplesParameter),
}

// workflowDeleteTask keeps the output of its Run: behind it nobody knows the workflow any more.
type workflowDeleteTask struct {
	base
	deleted string
	counted string
}

// Observe implements tasks.Observer.
func (t *workflowDeleteTask) Observe(ctx context.Context, parameters map[string]string, _ tasks.Record) (tasks.Observation, error) {
	s, v, err := t.glance(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	o := s.workflowGone(v)
	_, strange := s.strangers(v)
	switch {
	case o.State == tasks.Done && t.deleted != "":
		o.Output = t.deleted
	case o.State == tasks.Conflict && !strange && (v.Workflow != nil || v.Reverse != nil):
		return absent(o.Detail), nil // the steps before it take that back; Run refuses while they have not
	}
	return o, nil
}

// workflowGone is what a view says of the deletion.
func (s *scene) workflowGone(v *vitess.SegmentView) tasks.Observation {
	if v.Workflow == nil && v.Reverse == nil {
		if v.Writes() != vitess.NotSwitched {
			o, _ := s.withoutWorkflow(v)
			return o
		}
		o := done(fmt.Sprintf("no workflow between %s and %s", s.segment.Sources, s.segment.Targets))
		for _, kind := range (wayBack{v}).switchedReads() {
			o.Warnings = append(o.Warnings, fmt.Sprintf("the workflow was deleted while %s reads were switched: %s", kind, cellList(v, kind)))
		}
		return o
	}
	if o, found := s.undeletable(v); found {
		return o
	}
	switch {
	case v.Workflow == nil:
		return absent(fmt.Sprintf("workflow %s is gone and its reverse streams are left: they are deleted", s.name(v)))
	case !v.Created():
		return running(fmt.Sprintf("workflow %s lacks streams: it was created, or deleted, in part only", v.Workflow.Name))
	}
	return absent(fmt.Sprintf("workflow %s is there", v.Workflow.Name))
}

// undeletable is why nothing may be deleted now: deleting would take tables away from shards that serve, or will.
func (s *scene) undeletable(v *vitess.SegmentView) (tasks.Observation, bool) {
	if _, _, _, midFlight := v.MidFlight(); midFlight {
		return conflict(s.serving(v)+", and a workflow is never deleted then", "a switch of writes that was finished", FinishCommands(v)...), true
	}
	if controls := primaryControls(v); len(controls) > 0 {
		return conflict(fmt.Sprintf("tablet controls stop writes: %s", controlList(controls)), "shards of which no control stops writes: deleting the workflow now could leave no shard that takes any",
			vitess.CommandClearTabletControl(s.keyspace, controls[0].Shard, vitess.Primary)), true
	}
	if v.Writes() != vitess.NotSwitched {
		return conflict(s.serving(v), fmt.Sprintf("writes that %s serves before the workflow is deleted", s.segment.Sources), "plan again: writes are switched back first",
			vitess.CommandGetSrvKeyspaces(s.keyspace)), true
	}
	if types := (wayBack{v}).switchedReads(); len(types) > 0 {
		back := "plan again: reads are switched back first"
		cure := []string{back}
		if v.Workflow != nil {
			cure = append(cure, vitess.CommandSwitchTraffic(vitess.SwitchTraffic{Keyspace: s.keyspace, Workflow: v.Workflow.Name, Types: types, Backward: true, ReverseReplication: true}))
		}
		return conflict(fmt.Sprintf("%s reads are switched: %s", types[0], cellList(v, types[0])),
			fmt.Sprintf("reads that %s serves in every cell: deleting the workflow now would leave them without tables", s.segment.Sources), cure...), true
	}
	return s.strangers(v)
}

// primaryControls are the disabled PRIMARY controls on the segment's shards.
func primaryControls(v *vitess.SegmentView) []vitess.Control {
	return slices.DeleteFunc(v.DisabledControls(), func(c vitess.Control) bool { return c.Type != vitess.Primary || !wayBack{v}.owns(c.Shard) })
}

// deletion is the workflow to delete, and whether the tables on its targets are kept: those of reverse streams serve.
func (s *scene) deletion(v *vitess.SegmentView) (name string, keepData bool) {
	if v != nil && v.Workflow == nil && v.Reverse != nil && v.Writes() == vitess.NotSwitched {
		return v.Reverse.Name, true
	}
	return s.name(v), false
}

// deleteSettle is how long streams may still show after they were deleted.
const deleteSettle = 30 * time.Second

// Run implements tasks.Task.
func (t *workflowDeleteTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, v, err := t.sight(ctx, parameters)
	if err != nil {
		return nil, "", err
	}
	switch o := s.workflowGone(v); o.State {
	case tasks.Done:
		return nil, o.Output, nil
	case tasks.Conflict:
		return nil, "", asError(o)
	}
	name, keep := s.deletion(v)
	if s.Bool("count_rows") && !keep && v.Workflow != nil && v.Created() && t.counted == "" {
		t.counted, _, err = s.account(ctx, v, custody{from: s.segment.Targets, to: s.segment.Sources, follows: v.Workflow.Running(),
			start: vitess.CommandStartWorkflow(s.keyspace, name)})
		if err != nil {
			return nil, "", err
		}
		return t.Run(ctx, parameters) // hours may have passed: nothing is deleted by what was seen before
	}
	said := fmt.Sprintf("deleted workflow %s and the rows on %s", name, s.segment.Targets)
	switch {
	case keep:
		said = fmt.Sprintf("deleted the reverse streams %s; what was copied to %s is still there", name, s.segment.Targets)
	case t.counted != "":
		said += "; " + t.counted
	}
	s.say("deleting workflow %s", name)
	acted := s.cluster.DeleteWorkflow(ctx, s.keyspace, name, keep)
	limit := deleteSettle
	if acted != nil {
		limit = 0
	}
	v, gone, err := s.settle(ctx, limit, func(v *vitess.SegmentView) bool { return s.workflowGone(v).State == tasks.Done })
	switch {
	case gone:
		t.deleted = strings.Join(append([]string{said}, s.workflowGone(v).Warnings...), "; ")
		return nil, t.deleted, nil
	case acted != nil:
		return nil, "", s.undone(v, fmt.Sprintf("deleting workflow %s failed", name), acted, vitess.CommandDeleteWorkflow(s.keyspace, name, keep))
	case err != nil:
		return nil, "", err
	}
	return nil, "", temporary(failed(fmt.Sprintf("workflow %s was deleted and still shows", name), s.workflowGone(v).Detail, vitess.CommandShowWorkflow(s.keyspace, name)))
}

// Commands implements tasks.Commander.
func (t *workflowDeleteTask) Commands(ctx context.Context, parameters map[string]string) []string {
	s, v, err := t.glimpse(ctx, parameters)
	if err != nil {
		return nil
	}
	name, keep := s.deletion(v)
	return []string{vitess.CommandDeleteWorkflow(s.keyspace, name, keep)}
}

// Describe implements tasks.Describer.
func (t *workflowDeleteTask) Describe(parameters map[string]string) string {
	return fmt.Sprintf("delete workflow %s and all rows on %s", parameters["workflow"], parameters["targets"])
}
