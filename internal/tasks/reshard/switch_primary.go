package reshard

import (
	"context"
	"fmt"
	"strings"

	"shardform/internal/diag"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var switchPrimarySpec = &tasks.Spec{
	Name:    "reshard_switch_primary",
	Summary: "moves writes to the targets",
	Doc: `Right before it acts: a VDiff that counts and is young enough (else a new one is run here, unless verify is false), all
streams running, no stopped streams on the sources, the lag within max_replication_lag (waited for, at most lag_wait),
and the same call as a dry run, which finds unreachable tablets and missing privileges. Where a window is given it is
looked at once more after all that: if it has closed, nothing is sent. Then one WorkflowSwitchTraffic for PRIMARY: writes
stop, the targets catch up within timeout, writes go on there. Writes that someone has switched back by hand are not
switched again before switch_rdonly is approved anew.
Done when the shard records and the SrvKeyspace of every cell say so, the workflow is frozen, and the reverse streams
run.
Streams that a failed switch has left stopped are started before all that.
If it dies halfway writes may be stopped. Then nothing is checked or waited for: the switch is finished first, in the
direction in which it was going, under a bound of lag that the server does not refuse. After any error what serves is
read before anything else, and the error says it.`,
	Internal: true,
	Parameters: segmentParameters(append([]tasks.Parameter{maxLagParameter, lagWaitParameter, switchTimeout, reverseParameter,
		{Name: "verify", Kind: tasks.Bool, Default: "true", Doc: "whether a counting VDiff is demanded"},
		maxAgeParameter, diffTimeout, samplesParameter}, WindowParameters(false)...)...),
}

// switchPrimaryTask remembers, from being observed, what the state has of it.
type switchPrimaryTask struct {
	base
	record tasks.Record
}

// Observe implements tasks.Observer.
func (t *switchPrimaryTask) Observe(ctx context.Context, parameters map[string]string, record tasks.Record) (tasks.Observation, error) {
	t.record = record
	s, v, err := t.glanced(ctx, parameters, record)
	if err != nil {
		return tasks.Observation{}, err
	}
	return s.writesSwitched(v), nil
}

func (s *scene) writesSwitched(v *vitess.SegmentView) tasks.Observation {
	served := fmt.Sprintf("writes are served by %s", s.segment.Targets)
	reverse := s.Bool("reverse_replication")
	switch at := stageOf(v); {
	case at == isMidFlight:
		o, _ := s.finishing(v)
		return o
	case at == isCompleted:
		return done(s.passed(v, served))
	case at == isSwitched && reverse && !v.ReverseRunning():
		return s.reverseBroken(v, served)
	case at == isSwitched:
		o := done(served)
		if v.ForwardGone() {
			o.Warnings = []string{s.forwardGone(v)}
		}
		return o
	}
	if o, found := s.takenBack(v, true, "writes were"); found {
		return o
	}
	if o, found := foreign(v); found {
		return o
	}
	if o, found := s.stopped(v); found {
		return o
	}
	return absent(s.serving(v))
}

// forwardGone says what a reshard is of which only the streams back are left.
func (s *scene) forwardGone(v *vitess.SegmentView) string {
	return fmt.Sprintf("workflow %s is gone, as a reversal of writes that failed leaves it: what goes back goes by its reverse streams, %s", s.name(v), v.Reverse.Name)
}

// removalBegun says that a completion was interrupted which removes the reverse streams alone.
func (s *scene) removalBegun(v *vitess.SegmentView) string {
	return fmt.Sprintf("the completion was interrupted: shardform has stopped the reverse streams %s in order to remove them", v.Reverse.Name)
}

// reverseBroken observes a switch that ended while the way back does not run.
func (s *scene) reverseBroken(v *vitess.SegmentView, served string) tasks.Observation {
	if v.Reverse == nil {
		o := done(served)
		o.Warnings = []string{"there are no reverse streams: no way back after switch_primary"}
		return o
	}
	if v.RemovalBegun() {
		o := done(served)
		o.Warnings = []string{s.removalBegun(v)}
		return o
	}
	if stopped := whoStopped(v.Reverse); stopped != "" {
		return conflict(fmt.Sprintf("%s, and the reverse streams %s", served, stopped),
			"reverse streams that run: without them there is no way back", vitess.CommandStartWorkflow(s.keyspace, v.Reverse.Name),
			"# or, to go on without them: reverse_replication = false")
	}
	found := "do not run yet"
	if errs := v.Reverse.Errors(); len(errs) > 0 {
		found = "report errors: " + strings.Join(errs, "; ")
	}
	return running(fmt.Sprintf("%s, and the reverse streams %s", served, found))
}

// Run implements tasks.Task.
func (t *switchPrimaryTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, v, err := t.recalled(ctx, parameters, t.record)
	if err != nil {
		return nil, "", err
	}
	if stageOf(v) == isMidFlight {
		if v, err = s.finishMidFlight(ctx, v); err != nil {
			return nil, "", err
		}
	}
	if stageOf(v) < isSwitched {
		if v, err = s.maySwitch(ctx, v); err != nil {
			return nil, "", err
		}
		if _, err := WindowOpen(s.Values, s.now()); err != nil { // it may have closed during the checks
			return nil, "", err
		}
		if v, err = s.switchWrites(ctx, v); err != nil {
			return nil, "", err
		}
	}
	output, err := s.awaitReverse(ctx, v)
	return nil, output, err
}

// maySwitch makes all the checks that come right before the switch. What waiting cannot cure comes first: no VDiff is run
// for a refusal.
func (s *scene) maySwitch(ctx context.Context, v *vitess.SegmentView) (*vitess.SegmentView, error) {
	if err := s.switchable(v); err != nil {
		return nil, err
	}
	if v.SwitchUndone() {
		var err error
		if v, err = s.startAfterSwitch(ctx, v); err != nil {
			return nil, err
		}
	}
	if s.Bool("verify") {
		begun := s.now()
		if _, err := s.verify(ctx, v); err != nil {
			return nil, err
		}
		if s.now().Sub(begun) > reportEvery {
			v = nil // it may have taken hours
		}
	}
	v, err := s.ready(ctx, v, s.switchable)
	if err != nil {
		return nil, err
	}
	request := s.switchRequest(v, vitess.Primary)
	request.DryRun = true
	if _, err := s.cluster.SwitchTraffic(ctx, request); err != nil {
		return nil, s.undone(v, fmt.Sprintf("the dry run of switching writes of %s failed; %s", s.arrow(), s.serving(v)), err,
			"it finds tablets that cannot be reached and privileges that the reverse streams lack\n"+vitess.CommandSwitchTraffic(request))
	}
	if s.stopping() {
		return nil, tasks.ErrStopped
	}
	return v, nil
}

// switchable fails for what waiting cannot cure.
func (s *scene) switchable(v *vitess.SegmentView) error {
	if o := s.writesSwitched(v); o.State == tasks.Conflict {
		return asError(o)
	}
	if kinds := readsNotMoved(v); len(kinds) > 0 {
		kind := kinds[0]
		return refused(fmt.Sprintf("writes of %s are not switched before %s reads", s.arrow(), kind),
			fmt.Sprintf("%s reads are served: %s", kind, cellList(v, kind)),
			"switching writes first leaves tablet controls behind for good; switch reads: "+vitess.CommandSwitchTraffic(s.switchRequest(v, kind)))
	}
	if stopped := stoppedOn(v.Snapshot, s.segment.Sources.Names()); len(stopped) > 0 {
		return refused(fmt.Sprintf("streams are stopped on the sources of %s", s.arrow()), strings.Join(stopped, "\n"),
			"the server refuses to switch writes then; start or delete them: vtctldclient Workflow --keyspace "+s.keyspace+" list")
	}
	return nil
}

// stoppedOn lists streams on the shards that are stopped and not frozen, with their workflows.
func stoppedOn(snapshot *vitess.Snapshot, shards []string) []string {
	var found []string
	for _, w := range snapshot.Workflows {
		for _, st := range w.Streams {
			for _, shard := range shards {
				if st.Target == shard && st.State == vitess.StateStopped && !st.Frozen() {
					found = append(found, fmt.Sprintf("%s workflow %s: stream %d on %s is stopped", w.Type, w.Name, st.ID, shard))
				}
			}
		}
	}
	return found
}

// switchWrites sends the switch once and judges by what serves behind it. It returns the last look.
func (s *scene) switchWrites(ctx context.Context, v *vitess.SegmentView) (*vitess.SegmentView, error) {
	request := s.switchRequest(v, vitess.Primary)
	s.say("switching writes to %s", s.segment.Targets)
	_, acted := s.cluster.SwitchTraffic(ctx, request)
	over := func(v *vitess.SegmentView) bool { return stageOf(v) != isMidFlight }
	limit := switchSettle
	if acted != nil {
		limit = midFlightSettle // writes may be stopped: a switch that is still at work in the server holds off the next one by its lock
	}
	v, settled, err := s.settle(ctx, limit, func(v *vitess.SegmentView) bool { return over(v) && (acted != nil || stageOf(v) >= isSwitched) })
	switch {
	case err != nil && acted != nil:
		return nil, s.undone(nil, fmt.Sprintf("switching writes of %s failed, and %s", s.arrow(), s.serving(nil)), acted, "apply again: what serves is read first")
	case err != nil:
		return nil, err
	case !over(v):
		return s.finishMidFlight(ctx, v)
	case stageOf(v) >= isSwitched:
		return v, nil
	case acted != nil:
		return nil, s.undone(v, fmt.Sprintf("switching writes of %s failed and was undone; %s", s.arrow(), s.serving(v)), acted, vitess.CommandShowWorkflow(s.keyspace, s.name(v)))
	case !settled:
		return nil, temporary(failed(fmt.Sprintf("writes of %s were switched and do not show", s.arrow()), s.serving(v), ""))
	}
	return v, nil
}

// awaitReverse waits until the reverse streams run, if there are to be any. first is a look of a moment ago.
func (s *scene) awaitReverse(ctx context.Context, first *vitess.SegmentView) (string, error) {
	until := s.now().Add(s.Duration("lag_wait"))
	var last tasks.Observation
	var v *vitess.SegmentView
	err := s.watchFrom(ctx, first, quick(), func(seen *vitess.SegmentView) (bool, error) {
		v, last = seen, s.writesSwitched(seen)
		if last.State == tasks.Conflict {
			return false, asError(last)
		}
		return last.State == tasks.Done || !s.now().Before(until), nil
	})
	switch {
	case err != nil:
		return "", err
	case last.State == tasks.Done:
		return strings.Join(append([]string{last.Output}, last.Warnings...), "; "), nil
	}
	hint := ""
	if v.Reverse != nil {
		hint = "apply again when they run: " + vitess.CommandShowWorkflow(s.keyspace, v.Reverse.Name)
	}
	return "", &diag.Diagnostic{Severity: diag.Error, Summary: "the way back does not run; " + s.serving(v), Detail: last.Detail, Hint: hint}
}

// Commands implements tasks.Commander.
func (t *switchPrimaryTask) Commands(_ context.Context, parameters map[string]string) []string {
	s, err := t.scene(parameters)
	if err != nil {
		return nil
	}
	dry := s.switchRequest(nil, vitess.Primary)
	dry.DryRun = true
	return []string{vitess.CommandSwitchTraffic(dry), vitess.CommandSwitchTraffic(s.switchRequest(nil, vitess.Primary))}
}

// Describe implements tasks.Describer.
func (t *switchPrimaryTask) Describe(parameters map[string]string) string {
	return fmt.Sprintf("serve writes from %s instead of %s", parameters["targets"], parameters["sources"])
}
