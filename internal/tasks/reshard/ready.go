package reshard

import (
	"context"
	"fmt"
	"strings"
	"time"

	"shardform/internal/diag/spell"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var readySpec = &tasks.Spec{
	Name:    "reshard_ready",
	Summary: "makes the checks of the switch of writes before anybody is asked for it",
	Doc: `Stands in front of the gates of the switch of writes, so that nobody approves, and no window is waited for, what could not
be done: a VDiff that counts and is young enough (else a new one is run here), all streams running, no stopped streams on
the sources, the lag within max_replication_lag (waited for, at most lag_wait), and the dry run of the switch. The switch
makes the same checks once more, as days may go by in between.
Done when they were made and what can be read of them still holds, and where a switch of writes has begun.
If it dies halfway it is done again.`,
	Internal:   true,
	Parameters: switchPrimarySpec.Parameters,
}

// readyTask remembers that this process made the checks: the lag may be out of bound again a moment later.
type readyTask struct {
	base
	record tasks.Record
	made   string
}

// Observe implements tasks.Observer.
func (t *readyTask) Observe(ctx context.Context, parameters map[string]string, record tasks.Record) (tasks.Observation, error) {
	t.record = record
	s, v, err := t.checking(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	if stageOf(v) >= isMidFlight {
		return done(s.passed(v, "not to be checked any more")), nil
	}
	if o := s.writesSwitched(v); o.State == tasks.Conflict {
		return o, nil
	}
	switch {
	case t.made != "":
		return done(t.made), nil
	case !record.Done:
		return absent("not checked yet"), nil
	}
	lacking, err := s.lacking(ctx, v)
	switch {
	case err != nil:
		return tasks.Observation{}, err
	case lacking != "":
		return absent("it has to be checked again: " + lacking), nil
	}
	return done(s.checked(v)), nil
}

// checking opens the scene. What the state says of this task is not that writes were switched.
func (t *readyTask) checking(ctx context.Context, parameters map[string]string) (*scene, *vitess.SegmentView, error) {
	s, v, err := t.recalled(ctx, parameters, t.record)
	if err == nil {
		s.history.switched = false
	}
	return s, v, err
}

// checked says what was found to be in order.
func (s *scene) checked(v *vitess.SegmentView) string {
	text := "the streams run"
	if lag, known := v.Lag(s.now()); known {
		text += fmt.Sprintf(" with a lag of %s%s", lag.Round(time.Second), v.Workflow.Clock)
	}
	if s.Bool("verify") {
		text += ", a VDiff counts"
	}
	return "writes can be switched: " + text
}

// lacking says what, as far as reading tells, is not in order for switching writes; "" if all is.
func (s *scene) lacking(ctx context.Context, v *vitess.SegmentView) (string, error) {
	if err := s.switchable(v); err != nil {
		return err.Error(), nil
	}
	if o, found := s.stopped(v); found {
		return o.Detail, nil
	}
	if v.Workflow == nil {
		return "there is no workflow", nil
	}
	if found := s.outOfBound(v); found != "" {
		return found, nil
	}
	if !s.Bool("verify") {
		return "", nil
	}
	result, err := s.judge(ctx, v, s.Duration("max_age"))
	switch {
	case err != nil:
		return "", err
	case result.Counting == nil && result.Rejected == "":
		return "no VDiff was run", nil
	case result.Counting == nil:
		return result.Rejected, nil
	}
	return "", nil
}

// outOfBound says why the streams cannot be switched now; "" if they run within the bound of lag.
func (s *scene) outOfBound(v *vitess.SegmentView) string {
	lag, known := v.Lag(s.now())
	switch errs := v.Workflow.Errors(); {
	case len(errs) > 0:
		return "streams report errors: " + strings.Join(errs, "; ")
	case !v.Copied():
		return "not all streams are running"
	case !known:
		return "the lag is not known"
	case lag > s.Duration("max_replication_lag"):
		return fmt.Sprintf("the lag is %s%s", lag.Round(time.Second), v.Workflow.Clock)
	}
	return ""
}

// Run implements tasks.Task.
func (t *readyTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, v, err := t.checking(ctx, parameters)
	if err != nil {
		return nil, "", err
	}
	if stageOf(v) >= isMidFlight {
		return nil, s.passed(v, "not to be checked any more"), nil
	}
	if v, err = s.maySwitch(ctx, v); err != nil {
		return nil, "", err
	}
	t.made = s.checked(v)
	return nil, t.made, nil
}

// Commands implements tasks.Commander.
func (t *readyTask) Commands(_ context.Context, parameters map[string]string) []string {
	s, err := t.scene(parameters)
	if err != nil {
		return nil
	}
	request := s.switchRequest(nil, vitess.Primary)
	request.DryRun = true
	return []string{vitess.CommandSwitchTraffic(request)}
}

// Describe implements tasks.Describer.
func (t *readyTask) Describe(parameters map[string]string) string {
	s, err := t.scene(parameters)
	if err != nil {
		return readySpec.Summary
	}
	text := fmt.Sprintf("check that writes can be switched: streams within %s, a dry run", spell.Duration(s.Duration("max_replication_lag")))
	if s.Bool("verify") {
		text += fmt.Sprintf(", a VDiff of at most %s ago", spell.Duration(s.Duration("max_age")))
	}
	return text
}
