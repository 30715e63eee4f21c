package reshard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"shardform/internal/diag"
	"shardform/internal/diag/spell"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var soakSpec = &tasks.Spec{
	Name:    "reshard_soak",
	Summary: "waits until the reshard was reversible for long enough",
	Doc: `A gate between the switch of writes and what makes it final. Its clock is on the cluster: it starts with the creation of
the youngest reverse stream, which the log of the tablet's MySQL tells, so that neither a lost state nor a pause of days
between two runs changes it. A switch that was taken back and made again starts it anew.
It is over when that time has passed, every reverse stream runs, and their lag is within max_replication_lag: until then
the reshard can be taken back at any moment. Reverse streams that do not run are an error at once, as nothing is gained by
waiting then.
Done when it is over, and where the workflow is completed already. What has been over stays so, whatever the reverse
streams do later.
Read-only, and it never waits: the run ends well and says until when.`,
	Internal: true,
	Parameters: segmentParameters(
		tasks.Parameter{Name: "lasts", Kind: tasks.Duration, Required: true, Doc: "how long, counted from the creation of the reverse streams"}, maxLagParameter),
}

// soakTask remembers, from being observed, whether it was over before.
type soakTask struct {
	base
	record tasks.Record
}

// Gate implements tasks.Gatekeeper.
func (*soakTask) Gate() tasks.Gate { return tasks.GateSoak }

// Observe implements tasks.Observer.
func (t *soakTask) Observe(ctx context.Context, parameters map[string]string, record tasks.Record) (tasks.Observation, error) {
	t.record = record
	o, err := t.soak(ctx, parameters)
	if closed, is := asClosed(err); is {
		o = absent(closed.Reason)
		if !closed.Opens.IsZero() {
			o.Detail += ", until " + closed.Opens.Format(time.RFC3339)
		}
		return o, nil
	}
	return o, err
}

// Run implements tasks.Task.
func (t *soakTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	o, err := t.soak(ctx, parameters)
	switch {
	case err != nil:
		return nil, "", err
	case o.State == tasks.Done:
		return nil, o.Output, nil
	}
	return nil, "", asError(o)
}

// soak judges the soak now: done, a conflict, or the error *tasks.GateClosed.
func (t *soakTask) soak(ctx context.Context, parameters map[string]string) (tasks.Observation, error) {
	s, v, err := t.sight(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	switch at := stageOf(v); {
	case at == isCompleted || v.StuckComplete() || v.RemovalBegun():
		return done(s.passed(v, "not reversible any more")), nil
	case at != isSwitched:
		return tasks.Observation{}, &tasks.GateClosed{Gate: tasks.GateSoak, Reason: "the soak begins when writes are switched; " + s.serving(v)}
	case t.record.Done && v.Reverse == nil:
		return done("the soak was over, and the reverse streams are gone"), nil // a completion that was interrupted
	}
	if o, found := s.noWayBack(v); found && !t.record.Done {
		return o, nil
	}
	return s.timed(ctx, v, t.record.Done)
}

// noWayBack is the conflict of a soak without reverse streams that run: it would wait for nothing.
func (s *scene) noWayBack(v *vitess.SegmentView) (tasks.Observation, bool) {
	const expected = "reverse streams that run on every source: soaking keeps the way back open, and there is none"
	switch {
	case v.Reverse == nil:
		return conflict("writes are switched and there are no reverse streams", expected,
			"to finish without a way back: "+vitess.CommandCompleteWorkflow(s.keyspace, s.name(v))), true
	case v.ReverseRunning():
		return tasks.Observation{}, false
	}
	show, start := vitess.CommandShowWorkflow(s.keyspace, v.Reverse.Name), vitess.CommandStartWorkflow(s.keyspace, v.Reverse.Name)
	found := "do not run"
	if errs := v.Reverse.Errors(); len(errs) > 0 {
		found = "report errors: " + strings.Join(errs, "; ")
	} else if stopped := whoStopped(v.Reverse); stopped != "" {
		found = stopped
	}
	return conflict("writes are switched and the reverse streams "+found, expected, show, "when the cause is removed: "+start), true
}

// timed judges the soak by its clock. Once it has been over only the clock counts, which a new switch starts anew.
func (s *scene) timed(ctx context.Context, v *vitess.SegmentView, over bool) (tasks.Observation, error) {
	created, err := s.cluster.StreamsCreated(ctx, s.keyspace, v.Reverse)
	if err != nil {
		return tasks.Observation{}, s.noClock(ctx, v, err)
	}
	lasts, bound := s.Duration("lasts"), s.Duration("max_replication_lag")
	until := created.Add(lasts)
	lag, known := v.Reverse.Lag(s.now())
	closed := &tasks.GateClosed{Gate: tasks.GateSoak}
	switch {
	case s.now().Before(until):
		closed.Opens = until.UTC()
		closed.Reason = fmt.Sprintf("%s stays reversible for %s%s", s.arrow(), spell.Duration(lasts), v.Reverse.Clock)
	case over || known && lag <= bound:
		return done(fmt.Sprintf("reversible for %s, since %s", spell.Duration(lasts), created.UTC().Format(time.RFC3339))), nil
	case !known:
		closed.Reason = fmt.Sprintf("the soak of %s is over and the lag of the reverse streams is not known", s.arrow())
	default:
		closed.Reason = fmt.Sprintf("the soak of %s is over and the reverse streams are %s behind: expected at most %s%s", s.arrow(), lag.Round(time.Second), spell.Duration(bound), v.Reverse.Clock)
	}
	return tasks.Observation{}, closed
}

// noClock is the error of a soak of which it cannot be told when it began. Where another look would not help it says how
// to go on without.
func (s *scene) noClock(ctx context.Context, v *vitess.SegmentView, err error) error {
	const what = "reading since when there is a way back for"
	var d *diag.Diagnostic
	if !errors.As(err, &d) || d.Temporary || ctx.Err() != nil {
		return s.unread(ctx, what, err)
	}
	final := wrap(fmt.Sprintf("%s %s failed", what, s.arrow()), err, d.Hint, false)
	final.Hint = strings.TrimSpace(final.Hint + "\nto go back: commit the old layout; to finish without knowing how long it was reversible:\n" + strings.Join(s.completeCommands(v), "\n"))
	return final
}

// Describe implements tasks.Describer.
func (t *soakTask) Describe(parameters map[string]string) string {
	return fmt.Sprintf("stay reversible for %s before it is finished", parameters["lasts"])
}
