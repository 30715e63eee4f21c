package reshard

import (
	"context"
	"fmt"
	"time"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var completeSpec = &tasks.Spec{
	Name:    "reshard_complete",
	Summary: "removes the workflow and its reverse streams",
	Doc: `Sends MoveTablesComplete with keep_data = true, the RPC behind "Reshard complete" too: streams and reverse streams go, all
shards stay. From here on there is no way back but a new reshard. (Without keep_data the source shards would be deleted
first, and a completion that dies then can never be repeated.)
Done when reads and writes are on the targets and no workflow and no reverse workflow is left.
If it dies halfway it is sent again. A completion that somebody else left stuck, its source shards gone and the frozen
workflow still listed, is cured by deleting the workflow's rows of _vt.vreplication by ExecuteFetchAsDBA.`,
	Internal:   true,
	Parameters: segmentParameters(),
}

type completeTask struct{ base }

// Observe implements tasks.Observer.
func (t *completeTask) Observe(ctx context.Context, parameters map[string]string, _ tasks.Record) (tasks.Observation, error) {
	s, v, err := t.glance(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	return s.completed(v), nil
}

func (s *scene) completed(v *vitess.SegmentView) tasks.Observation {
	switch at := stageOf(v); {
	case at == isCompleted:
		return done(fmt.Sprintf("no workflow; %s serves%s", s.segment.Targets, stopList(s.keyspace, v.Tablets, s.segment.Sources.Names())))
	case v.StuckComplete():
		return running(fmt.Sprintf("the completion of workflow %s is stuck: source shards are gone and its frozen streams are still there; their rows are deleted", v.Workflow.Name))
	}
	if o, found := foreign(v); found {
		return o
	}
	return absent(s.serving(v))
}

// completeSettle is how long streams may still show after they were deleted.
const completeSettle = 15 * time.Second

// Run implements tasks.Task.
func (t *completeTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, v, err := t.sight(ctx, parameters)
	if err != nil {
		return nil, "", err
	}
	o := s.completed(v)
	switch o.State {
	case tasks.Done:
		return nil, o.Output, nil
	case tasks.Conflict:
		return nil, "", asError(o)
	}
	if err := s.mayComplete(v); err != nil {
		return nil, "", err
	}
	name := v.Workflow.Name
	var acted error
	if v.StuckComplete() {
		s.say("deleting the streams of %s, whose completion is stuck", name)
		acted = s.cluster.RemoveStreams(ctx, s.keyspace, name)
	} else {
		s.say("completing workflow %s", name)
		acted = s.cluster.CompleteWorkflow(ctx, s.keyspace, name)
	}
	limit := completeSettle
	if acted != nil {
		limit = 0
	}
	v, ok, err := s.settle(ctx, limit, func(v *vitess.SegmentView) bool { return s.completed(v).State == tasks.Done })
	switch {
	case ok:
		return nil, s.completed(v).Output, nil
	case acted != nil:
		return nil, "", wrap(fmt.Sprintf("completing workflow %s failed; %s", name, s.serving(v)), acted, vitess.CommandCompleteWorkflow(s.keyspace, name), true)
	case err != nil:
		return nil, "", err
	}
	return nil, "", temporary(failed(fmt.Sprintf("workflow %s was completed and still shows", name), s.serving(v), vitess.CommandShowWorkflow(s.keyspace, name)))
}

// mayComplete refuses to give up the way back of a reshard that has not moved everything.
func (s *scene) mayComplete(v *vitess.SegmentView) error {
	if v.Workflow == nil || stageOf(v) != isSwitched || !v.WritesDone(false) {
		return refused(fmt.Sprintf("%s cannot be completed", s.arrow()), s.serving(v)+", expected a frozen workflow and writes on "+s.segment.Targets.String(),
			"apply again: the steps before it are looked at anew")
	}
	if kinds := readsNotMoved(v); len(kinds) > 0 {
		kind := kinds[0]
		return refused(fmt.Sprintf("%s cannot be completed: %s reads have not moved", s.arrow(), kind), cellList(v, kind),
			vitess.CommandSwitchTraffic(vitess.SwitchTraffic{Keyspace: s.keyspace, Workflow: v.Workflow.Name, Types: []vitess.TabletType{kind}, ReverseReplication: true}))
	}
	return nil
}

// Commands implements tasks.Commander.
func (t *completeTask) Commands(_ context.Context, parameters map[string]string) []string {
	return []string{vitess.CommandCompleteWorkflow(parameters["keyspace"], parameters["workflow"])}
}

// Describe implements tasks.Describer.
func (t *completeTask) Describe(parameters map[string]string) string {
	return fmt.Sprintf("remove workflow %s and its reverse streams", parameters["workflow"])
}
