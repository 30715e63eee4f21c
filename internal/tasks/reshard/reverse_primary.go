package reshard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var reversePrimarySpec = &tasks.Spec{
	Name:    "reshard_reverse_primary",
	Summary: "moves writes back to the sources",
	Doc: `Demands that reads are back first: the other order leaves tablet controls behind for good. Right before it acts: reverse
streams that run on every source within max_replication_lag (waited for, at most lag_wait), no stopped streams on the
targets, and the same call as a dry run. Then one WorkflowSwitchTraffic for PRIMARY, backward: writes stop, the sources
catch up within timeout, writes go on there, and the workflow follows them again. Where a failed reversal has deleted
the workflow, the reverse one is switched forward instead, which makes the workflow again.
Done when the shard records and the SrvKeyspace of every cell say that the sources serve writes, and no switch is half
way.
If it dies halfway writes may be stopped. Then nothing is checked or waited for: the switch is finished first, in the
direction in which it was going; if that was forward, writes are taken back behind it. After any error what serves is
read before anything else, and the error says it.`,
	Internal:   true,
	Parameters: segmentParameters(maxLagParameter, lagWaitParameter, switchTimeout),
}

type reversePrimaryTask struct{ base }

// Observe implements tasks.Observer.
func (t *reversePrimaryTask) Observe(ctx context.Context, parameters map[string]string, _ tasks.Record) (tasks.Observation, error) {
	s, v, err := t.glance(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	return s.writesReversed(v), nil
}

func (s *scene) writesReversed(v *vitess.SegmentView) tasks.Observation {
	if o, found := s.finishing(v); found {
		return o
	}
	if v.Writes() == vitess.NotSwitched {
		o := done(fmt.Sprintf("writes are served by %s", s.segment.Sources))
		if v.Reverse != nil && v.Workflow != nil && !v.Reversed() {
			o.Warnings = []string{fmt.Sprintf("workflow %s does not follow %s, or %s is not frozen: it is not ready to be switched again", v.Workflow.Name, s.segment.Sources, v.Reverse.Name)}
		}
		return o
	}
	if o, found := s.withoutWorkflow(v); found {
		return o
	}
	if o, found := s.irreversible(v); found {
		return o
	}
	return absent(s.serving(v))
}

// Run implements tasks.Task.
func (t *reversePrimaryTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, v, err := t.sight(ctx, parameters)
	if err != nil {
		return nil, "", err
	}
	if direction, _, _, midFlight := v.MidFlight(); midFlight {
		if v, err = s.endMidFlight(ctx, v, direction, true); err != nil {
			return nil, "", err
		}
	}
	if s.writesReversed(v).State != tasks.Done {
		if v, err = s.mayReverse(ctx); err != nil {
			return nil, "", err
		}
		if v, err = s.reverseWrites(ctx, v); err != nil {
			return nil, "", err
		}
	}
	o := s.writesReversed(v)
	return nil, strings.Join(append([]string{o.Output}, o.Warnings...), "; "), nil
}

// mayReverse makes all the checks that come right before the switch back.
func (s *scene) mayReverse(ctx context.Context) (*vitess.SegmentView, error) {
	v, err := s.awaitReversible(ctx, func(v *vitess.SegmentView) tasks.Observation {
		if o := s.writesReversed(v); o.State != tasks.Absent {
			return o
		}
		return s.reversible(v)
	})
	if err != nil || v.Writes() == vitess.NotSwitched {
		return v, err
	}
	request := s.trafficRequest(v, vitess.Backward, vitess.Primary)
	request.DryRun = true
	if _, err := s.cluster.SwitchTraffic(ctx, request); err != nil {
		return nil, s.undone(v, fmt.Sprintf("the dry run of switching writes of %s back failed; %s", s.arrow(), s.serving(v)), err,
			"it finds tablets that cannot be reached and privileges that the streams lack\n"+vitess.CommandSwitchTraffic(request))
	}
	if s.stopping() {
		return nil, tasks.ErrStopped
	}
	return v, nil
}

// reversible observes what waiting cannot cure before writes are switched back.
func (s *scene) reversible(v *vitess.SegmentView) tasks.Observation {
	if types := (wayBack{v}).switchedReads(); len(types) > 0 {
		return conflict(fmt.Sprintf("writes are not switched back before reads: %s reads are served: %s", types[0], cellList(v, types[0])),
			fmt.Sprintf("reads that %s serves in every cell: switching writes back first leaves tablet controls behind for good", s.segment.Sources),
			"apply again: reads are switched back first", vitess.CommandSwitchTraffic(s.trafficRequest(v, vitess.Backward, types...)))
	}
	others := *v.Snapshot
	if v.Workflow != nil { // the server passes over the streams that it makes anew
		others.Workflows = slices.DeleteFunc(slices.Clone(others.Workflows), func(w vitess.Workflow) bool { return w.Name == v.Workflow.Name })
	}
	if stopped := stoppedOn(&others, s.segment.Targets.Names()); len(stopped) > 0 {
		return conflict(fmt.Sprintf("streams are stopped on the targets of %s: %s", s.arrow(), strings.Join(stopped, "; ")),
			"streams that run: the server refuses to switch writes then", "start or delete them: vtctldclient Workflow --keyspace "+s.keyspace+" list")
	}
	return absent(s.serving(v))
}

// reverseWrites sends the switch back once and judges by what serves behind it.
func (s *scene) reverseWrites(ctx context.Context, v *vitess.SegmentView) (*vitess.SegmentView, error) {
	if v.Writes() == vitess.NotSwitched {
		return v, nil // somebody was faster
	}
	s.say("switching writes back to %s", s.segment.Sources)
	_, acted := s.cluster.SwitchTraffic(ctx, s.trafficRequest(v, vitess.Backward, vitess.Primary))
	limit := switchSettle
	if acted != nil {
		limit = midFlightSettle
	}
	v, _, err := s.settle(ctx, limit, func(v *vitess.SegmentView) bool {
		o := s.writesReversed(v)
		return o.State == tasks.Done || acted != nil && o.State != tasks.Running
	})
	switch {
	case err != nil && acted != nil:
		return nil, s.undone(nil, fmt.Sprintf("switching writes of %s back failed, and %s", s.arrow(), s.serving(nil)), acted, "apply again: what serves is read first")
	case err != nil:
		return nil, err
	}
	if direction, _, _, midFlight := v.MidFlight(); midFlight {
		if v, err = s.endMidFlight(ctx, v, direction, true); err != nil {
			return nil, err
		}
	}
	switch {
	case v.Writes() == vitess.NotSwitched:
		return v, nil
	case acted != nil:
		return nil, s.undone(v, fmt.Sprintf("switching writes of %s back failed and was undone; %s", s.arrow(), s.serving(v)), acted,
			vitess.CommandGetWorkflows(s.keyspace))
	}
	return nil, temporary(failed(fmt.Sprintf("writes of %s were switched back and it does not show", s.arrow()), s.serving(v), vitess.CommandGetSrvKeyspaces(s.keyspace)))
}

// Commands implements tasks.Commander.
func (t *reversePrimaryTask) Commands(ctx context.Context, parameters map[string]string) []string {
	s, v, err := t.glimpse(ctx, parameters)
	if err != nil {
		return nil
	}
	request := s.trafficRequest(v, vitess.Backward, vitess.Primary)
	dry := request
	dry.DryRun = true
	return []string{vitess.CommandSwitchTraffic(dry), vitess.CommandSwitchTraffic(request)}
}

// Describe implements tasks.Describer.
func (t *reversePrimaryTask) Describe(parameters map[string]string) string {
	return fmt.Sprintf("serve writes from %s again instead of %s", parameters["sources"], parameters["targets"])
}
