package apply

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"shardform/internal/addr"
	"shardform/internal/event"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

// pass asks a gate whether it is open. A gate does nothing, so nothing of it is announced: one that is closed leaves no
// trace in its record, however often it is asked.
func (o *operation) pass(ctx context.Context, j *job) verdict {
	var output string
	err := o.insist(ctx, j, func() (err error) {
		_, output, err = o.call(ctx, j)
		return err
	})
	if err == nil {
		return verdict{kind: succeeded, output: o.hide.Text(output), detail: o.hide.Text(output)}
	}
	j.acted = false
	v := o.judgeError(ctx, j, err)
	if v.kind == retry { // it was, often enough
		v.kind = failed
	}
	return v
}

// approval reads the newest approval of a step for this very operation. The state is opened for the moment, as somebody
// may give one at any time.
func (o *operation) approval(ctx context.Context, step addr.Address) (found tasks.Approval, ok bool, err error) {
	err = o.store.View(ctx, func(r state.Reader) error {
		all, err := r.Approvals()
		a, given := state.Approved(all, step, o.instance, o.digest)
		found, ok = tasks.Approval{By: a.By, At: a.At}, given
		return err
	})
	return found, ok, err
}

// Opened says why the gate that an open operation waits at is open by now; "" while it is not, or cannot be told.
func Opened(r state.Reader, op state.Operation, now time.Time) (why string, err error) {
	w := op.Waiting
	switch {
	case w == nil:
	case w.Gate == string(tasks.GateApproval):
		all, err := r.Approvals()
		if a, ok := state.Approved(all, w.Task.Container(), cmp.Or(w.Instance, op.Instance), cmp.Or(w.Digest, op.Digest)); ok {
			return fmt.Sprintf("approved by %s at %s", a.By, a.At.UTC().Format(time.RFC3339)), nil
		}
		return "", err
	case !w.Opens.IsZero() && !now.Before(w.Opens):
		return "it was to open at " + w.Opens.UTC().Format(time.RFC3339), nil
	}
	return "", nil
}

// reportGate tells that the operation waits at a gate, if it does.
func (o *operation) reportGate(j *job, closed *tasks.GateClosed) {
	if closed == nil {
		return
	}
	o.report.send(event.Event{
		Kind: event.Gate, Address: j.record.Address, Message: closed.Reason,
		Gate: &event.GateInfo{Gate: string(closed.Gate), Opens: closed.Opens, Command: closed.Command},
	})
}
