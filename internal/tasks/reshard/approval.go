package reshard

import (
	"context"
	"fmt"
	"time"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
)

var approvalSpec = &tasks.Spec{
	Name:    "reshard_approval",
	Summary: "waits until somebody approves the step",
	Doc: `A gate. It is opened by shardform approve, for exactly this operation: an approval names the digest of the plan, and
one of another digest does not count. What the digest has in it (layouts, settings, vschema) cannot change behind the
approval's back.
Done when the step is approved, and where the cluster shows the step, or a later one, as done: then there is nothing
left to ask for. A switch of writes that was interrupted is finished whatever was approved.
Read-only, and it never waits: while it is closed the run ends and gives the command that opens it.`,
	Internal: true,
	Parameters: segmentParameters(
		tasks.Parameter{Name: "step", Kind: tasks.String, Required: true, Doc: "step that is guarded"}),
}

type approvalTask struct{ base }

// Gate implements tasks.Gatekeeper.
func (*approvalTask) Gate() tasks.Gate { return tasks.GateApproval }

// Observe implements tasks.Observer. An approval counts without a look at the cluster.
func (t *approvalTask) Observe(ctx context.Context, parameters map[string]string, _ tasks.Record) (tasks.Observation, error) {
	if given, ok, err := t.given(ctx); ok || err != nil {
		return done(fmt.Sprintf("approved by %s at %s", given.By, given.At.UTC().Format(time.RFC3339))), err
	}
	s, v, err := t.glance(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	if s.behind(v, s.String("step")) {
		return done(s.passed(v, "no approval needed any more")), nil
	}
	return absent(s.unapproved()), nil
}

// given finds the newest approval of the step.
func (t *approvalTask) given(ctx context.Context) (given tasks.Approval, ok bool, err error) {
	if t.env.Approval == nil {
		return tasks.Approval{}, false, nil
	}
	step := t.env.Address.Container()
	if given, ok, err = t.env.Approval(ctx, step); err != nil {
		return given, false, fmt.Errorf("reading whether %s was approved: %w", step, err)
	}
	return given, ok, nil
}

// unapproved says what is waited for.
func (s *scene) unapproved() string {
	if s.String("step") == stepHold {
		return fmt.Sprintf("the reshard of %s was rolled back and waits for an approval, or for another layout", s.arrow())
	}
	return fmt.Sprintf("%s of %s waits for an approval", s.String("step"), s.arrow())
}

// Run implements tasks.Task.
func (t *approvalTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	o, err := t.Observe(ctx, parameters, tasks.Record{})
	switch {
	case err != nil:
		return nil, "", err
	case o.State == tasks.Done:
		return nil, o.Output, nil
	}
	closed := &tasks.GateClosed{Gate: tasks.GateApproval, Reason: o.Detail}
	if t.env.ApproveCommand != nil {
		closed.Command = t.env.ApproveCommand(t.env.Address.Container())
	}
	return nil, "", closed
}

// Describe implements tasks.Describer.
func (t *approvalTask) Describe(parameters map[string]string) string {
	if parameters["step"] == stepHold {
		return "wait until somebody approves that the reshard begins again"
	}
	return fmt.Sprintf("wait until somebody approves %s", parameters["step"])
}
