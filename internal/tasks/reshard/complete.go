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

var completeSpec = &tasks.Spec{
	Name:    "reshard_complete",
	Summary: "removes the workflow and its reverse streams",
	Doc: `Sends MoveTablesComplete with keep_data = true, the RPC behind "Reshard complete" too: streams and reverse streams go, all
shards stay. Right before it the rows are counted once more (count_rows), as verify does it: rows that lie on the wrong
shard of the sources would be deleted with it. Without reverse streams that run the two sides differ by everything that was
written since: then every row of the sources is placed by its keyspace id. Where a vindex is not computed here, reverse streams
that stand still are an error, and ones that were never started a warning. From here on the only rollback is a new reshard. (Without keep_data the source shards would be deleted
first, and a completion that dies then can never be repeated.)
Where only the reverse workflow is left, as a reversal of writes that failed leaves it, the server completes neither: its
streams are stopped and their rows of _vt.vreplication deleted by ExecuteFetchAsDBA.
Done when reads and writes are on the targets and no workflow and no reverse workflow is left.
If it dies halfway it is sent again. A completion that somebody else left stuck, its source shards gone and the frozen
workflow still listed, is cured by deleting the workflow's rows of _vt.vreplication by ExecuteFetchAsDBA.`,
	Internal:   true,
	Parameters: segmentParameters(countParameter, acceptParameter, samplesParameter),
}

// completeTask remembers what was counted: behind its Run there is nothing left to be counted.
type completeTask struct {
	base
	counted string
	warning string
}

// Observe implements tasks.Observer.
func (t *completeTask) Observe(ctx context.Context, parameters map[string]string, _ tasks.Record) (tasks.Observation, error) {
	s, v, err := t.glance(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	o := s.completed(v)
	if o.State == tasks.Done {
		o = done(t.counting(o.Output))
		if t.warning != "" {
			o.Warnings = append(o.Warnings, t.warning)
		}
	}
	return o, nil
}

// counting adds to an output what was counted.
func (t *completeTask) counting(output string) string {
	return strings.Join(slices.DeleteFunc([]string{output, t.counted}, func(text string) bool { return text == "" }), "; ")
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
	switch {
	case v.RemovalBegun():
		return running(s.removalBegun(v))
	case v.ForwardGone():
		return absent(s.forwardGone(v) + "; they are stopped and removed")
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
	if s.Bool("count_rows") && !v.StuckComplete() && t.counted == "" {
		if err := t.count(ctx, s, v); err != nil {
			return nil, "", err
		}
		return t.Run(ctx, parameters) // hours may have passed: nothing is removed by what was seen before
	}
	name := s.name(v)
	var acted error
	switch {
	case v.StuckComplete():
		s.say("deleting the streams of %s, whose completion is stuck", name)
		acted = s.cluster.RemoveStreams(ctx, s.keyspace, name)
	case v.ForwardGone():
		acted = s.removeReverse(ctx, v)
	default:
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
		return nil, t.counting(s.completed(v).Output), nil
	case acted != nil:
		return nil, "", s.undone(v, fmt.Sprintf("completing workflow %s failed; %s", name, s.serving(v)), acted, strings.Join(s.completeCommands(v), "\n"))
	case err != nil:
		return nil, "", err
	}
	return nil, "", temporary(failed(fmt.Sprintf("workflow %s was completed and still shows", name), s.serving(v), vitess.CommandShowWorkflow(s.keyspace, name)))
}

// removeReverse gives up the streams back where they are all that is left of the reshard.
func (s *scene) removeReverse(ctx context.Context, v *vitess.SegmentView) error {
	s.say("stopping and removing the reverse streams %s: workflow %s is gone", v.Reverse.Name, s.name(v))
	if err := s.cluster.StopWorkflow(ctx, s.keyspace, v.Reverse.Name, vitess.RemovalMessage); err != nil {
		return err
	}
	return s.cluster.RemoveStreams(ctx, s.keyspace, v.Reverse.Name)
}

// completeCommands are those that complete the reshard as it stands; v nil: as it will.
func (s *scene) completeCommands(v *vitess.SegmentView) []string {
	switch {
	case v != nil && v.StuckComplete():
		return vitess.CommandsRemoveStreams(s.keyspace, v.Workflow)
	case v != nil && v.ForwardGone():
		return vitess.CommandsRemoveStreams(s.keyspace, v.Reverse)
	}
	name := s.String("workflow")
	if v != nil && v.Created() {
		name = v.Workflow.Name
	}
	return []string{vitess.CommandCompleteWorkflow(s.keyspace, name)}
}

// count accounts for the rows of the sources, which are about to lose their streams.
func (t *completeTask) count(ctx context.Context, s *scene, v *vitess.SegmentView) (err error) {
	start := "" // where their removal has begun, it was counted before it
	if v.Reverse != nil && !neverStarted(v.Reverse) && !v.RemovalBegun() {
		start = vitess.CommandStartWorkflow(s.keyspace, v.Reverse.Name)
	}
	t.counted, t.warning, err = s.account(ctx, v, custody{from: s.segment.Sources, to: s.segment.Targets, follows: v.ReverseRunning(), start: start})
	return err
}

// mayComplete refuses to give up the way back of a reshard that has not moved everything.
func (s *scene) mayComplete(v *vitess.SegmentView) error {
	if stageOf(v) != isSwitched {
		return refused(fmt.Sprintf("%s cannot be completed", s.arrow()), s.serving(v)+", expected a frozen workflow and writes on "+s.segment.Targets.String(),
			"apply again: the steps before it are looked at anew")
	}
	if kinds := readsNotMoved(v); len(kinds) > 0 {
		kind := kinds[0]
		request := vitess.SwitchTraffic{Keyspace: s.keyspace, Workflow: s.name(v), Types: []vitess.TabletType{kind}, ReverseReplication: true}
		return refused(fmt.Sprintf("%s cannot be completed: %s reads have not moved", s.arrow(), kind), cellList(v, kind), strings.Join(readsCommands(v, request), "\n"))
	}
	return nil
}

// Commands implements tasks.Commander.
func (t *completeTask) Commands(ctx context.Context, parameters map[string]string) []string {
	s, v, err := t.glimpse(ctx, parameters)
	if err != nil {
		return nil
	}
	return s.completeCommands(v)
}

// Describe implements tasks.Describer.
func (t *completeTask) Describe(parameters map[string]string) string {
	return fmt.Sprintf("remove workflow %s and its reverse streams", parameters["workflow"])
}
