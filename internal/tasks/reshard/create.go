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

var createSpec = &tasks.Spec{
	Name:    "reshard_create",
	Summary: "creates the workflow that copies the source shards to the target shards",
	Doc: `Sends ReshardCreate with every option spelled out: the server's zero values are not vtctldclient's defaults. The
server copies the schema to the targets, creates one stream on every target for every source that it intersects, and
starts them.
Done when every target has a stream for every intersecting source. A Reshard between exactly these shards is taken
whatever its name; where its options differ from the wanted ones that is said.
If it dies halfway: streams that are all there but were never started are started; where some are missing what was
created is deleted and created again, which loses nothing, as nothing was copied. Tables that an interrupted copy of the
schema has not created on some target are created from the source's DDL; nothing is dropped for that. A workflow that
someone else stopped is left alone.`,
	Internal: true,
	Parameters: segmentParameters(cellsParameter, typesParameter,
		tasks.Parameter{Name: "on_ddl", Kind: tasks.String, Default: "STOP", Allowed: []string{"IGNORE", "STOP", "EXEC", "EXEC_IGNORE"}, Doc: "what the streams do at a DDL on the source"},
		tasks.Parameter{Name: "defer_secondary_keys", Kind: tasks.Bool, Default: "true", Doc: "build secondary keys after the rows of a table were copied"},
		tasks.Parameter{Name: "config", Kind: tasks.Map, Doc: "VReplication settings of this workflow"},
	),
}

type createTask struct{ base }

func (s *scene) createRequest() vitess.ReshardCreate {
	return vitess.ReshardCreate{
		Workflow: s.String("workflow"), Keyspace: s.keyspace,
		Sources: s.segment.Sources.Names(), Targets: s.segment.Targets.Names(),
		Cells: splitNames(s.String("cells")), TabletTypes: splitNames(s.String("tablet_types")),
		OnDDL: s.String("on_ddl"), DeferSecondaryKeys: s.Bool("defer_secondary_keys"), AutoStart: true, Config: s.Map("config"),
	}
}

// Observe implements tasks.Observer.
func (t *createTask) Observe(ctx context.Context, parameters map[string]string, _ tasks.Record) (tasks.Observation, error) {
	s, v, err := t.glance(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	return s.created(v), nil
}

// created is what a view says of the creation.
func (s *scene) created(v *vitess.SegmentView) tasks.Observation {
	if stageOf(v) >= isCreated {
		o := done(s.passed(v, "created"))
		if v.Workflow != nil {
			o.Detail = fmt.Sprintf("workflow %s from %s to %s", v.Workflow.Name, v.Sources, v.Targets)
			o.Output = o.Detail
			o.Warnings = s.differing(v.Workflow)
		}
		return o
	}
	if o, found := foreign(v); found {
		return o
	}
	switch {
	case v.Partial() == vitess.PartialStopped:
		return running(fmt.Sprintf("workflow %s was created and never started", v.Workflow.Name))
	case v.Partial() == vitess.PartialIncomplete:
		return running(fmt.Sprintf("workflow %s was created in part only: it is deleted and created again", v.Workflow.Name))
	case v.Workflow != nil:
		return conflict(
			fmt.Sprintf("workflow %s lacks streams, and it is not one that shardform was creating", v.Workflow.Name),
			fmt.Sprintf("no workflow, or one with a stream on every shard of %s for every intersecting one of %s", v.Targets, v.Sources),
			vitess.CommandShowWorkflow(s.keyspace, v.Workflow.Name), vitess.CommandDeleteWorkflow(s.keyspace, v.Workflow.Name, false))
	}
	return absent("no workflow")
}

// differing lists the options of an adopted workflow that are not the wanted ones. Empty ones are the server's choice.
func (s *scene) differing(w *vitess.Workflow) []string {
	var differ []string
	compare := func(option, found, wanted string) {
		if found != "" && wanted != "" && found != wanted {
			differ = append(differ, fmt.Sprintf("workflow %s has %s = %s instead of %s: it stays so", w.Name, option, found, wanted))
		}
	}
	sorted := func(list []string) string { return strings.Join(slices.Sorted(slices.Values(list)), ",") }
	compare("cells", sorted(w.Options.Cells), sorted(splitNames(s.String("cells"))))
	compare("tablet_types", strings.Join(w.Options.TabletTypes, ","), s.String("tablet_types"))
	compare("on_ddl", w.Options.OnDDL, s.String("on_ddl"))
	if w.Options.DeferSecondaryKeys != s.Bool("defer_secondary_keys") {
		differ = append(differ, fmt.Sprintf("workflow %s has defer_secondary_keys = %t: it stays so", w.Name, w.Options.DeferSecondaryKeys))
	}
	if w.Options.StopAfterCopy {
		differ = append(differ, fmt.Sprintf("workflow %s has stop_after_copy: it stops when all rows are copied and cannot be switched then", w.Name))
	}
	return differ
}

// createSettle is how long streams may take to show after the server has answered.
const createSettle = 30 * time.Second

// Run implements tasks.Task.
func (t *createTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, v, err := t.sight(ctx, parameters)
	if err != nil {
		return nil, "", err
	}
	switch o := s.created(v); {
	case o.State == tasks.Done:
		return nil, o.Output, nil
	case o.State == tasks.Conflict:
		return nil, "", asError(o)
	}
	if v.Partial() == vitess.PartialIncomplete {
		if v, err = s.removePartial(ctx, v); err != nil {
			return nil, "", err
		}
	}
	var acted error
	if v.Partial() == vitess.PartialStopped {
		s.say("starting workflow %s, which was created and never started", v.Workflow.Name)
		acted = s.cluster.StartWorkflow(ctx, s.keyspace, v.Workflow.Name)
	} else {
		if err := s.completeSchema(ctx, v); err != nil {
			return nil, "", err
		}
		s.say("creating workflow %s", s.String("workflow"))
		acted = s.cluster.ReshardCreate(ctx, s.createRequest())
	}
	limit := createSettle
	if acted != nil {
		limit = 0 // one look tells whether it happened all the same
	}
	v, ok, err := s.settle(ctx, limit, func(v *vitess.SegmentView) bool { return s.created(v).State == tasks.Done })
	switch {
	case ok:
		return nil, s.created(v).Output, nil
	case acted != nil:
		return nil, "", wrap(fmt.Sprintf("creating the workflow %s failed", s.arrow()), acted, "nothing that serves was touched", true)
	case err != nil:
		return nil, "", err
	}
	return nil, "", temporary(failed(fmt.Sprintf("workflow %s was created and does not show", s.String("workflow")),
		fmt.Sprintf("expected a stream on every shard of %s for every intersecting one of %s, found: %s", s.segment.Targets, s.segment.Sources, s.created(v).Detail),
		vitess.CommandShowWorkflow(s.keyspace, s.name(v))))
}

// removePartial deletes what an interrupted creation left, with the empty tables that it made.
func (s *scene) removePartial(ctx context.Context, v *vitess.SegmentView) (*vitess.SegmentView, error) {
	name := v.Workflow.Name
	s.say("deleting workflow %s, which was created in part only", name)
	acted := s.cluster.DeleteWorkflow(ctx, s.keyspace, name, false)
	v, gone, err := s.settle(ctx, createSettle, func(v *vitess.SegmentView) bool { return acted != nil || v.Workflow == nil })
	switch {
	case gone && v.Workflow == nil:
		return v, nil
	case acted != nil:
		return nil, s.undone(v, fmt.Sprintf("deleting workflow %s, which was created in part only, failed", name), acted, vitess.CommandDeleteWorkflow(s.keyspace, name, false))
	case err != nil:
		return nil, err
	}
	return nil, temporary(failed(fmt.Sprintf("workflow %s was deleted and still shows", name), "", vitess.CommandShowWorkflow(s.keyspace, name)))
}

// Commands implements tasks.Commander.
func (t *createTask) Commands(_ context.Context, parameters map[string]string) []string {
	s, err := t.scene(parameters)
	if err != nil {
		return nil
	}
	return []string{vitess.CommandReshardCreate(s.createRequest())}
}

// Describe implements tasks.Describer.
func (t *createTask) Describe(parameters map[string]string) string {
	s, err := t.scene(parameters)
	if err != nil {
		return createSpec.Summary
	}
	return fmt.Sprintf("create workflow %s, %s to %s", s.String("workflow"), s.segment.Sources, s.segment.Targets)
}
