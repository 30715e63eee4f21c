package apply

import (
	"context"

	"shardform/internal/diag"
	"shardform/internal/event"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
)

// verdict is how a task's turn ended.
type verdict struct {
	kind   verdictKind
	output string
	detail string // what was observed
	err    error
	// emitted are the containers to insert; see emit.
	emitted []*automationpb.TaskContainer
	// idle says of a task that was announced that nothing of it is in flight: it goes back to NOT_STARTED.
	idle bool
	gate *tasks.GateClosed // waiting: at which gate
}

type verdictKind int

// act: look found that the task has to act. retry: try again. The others end the task's turn.
const (
	act verdictKind = iota + 1
	retry
	succeeded
	found // done on the cluster, and not by us
	stopped
	waiting
	refused
	failed
)

// end records how a task's turn ended and returns the task that its slot goes on with, nil for none.
func (o *operation) end(ctx context.Context, j *job, v verdict) *job {
	switch v.kind {
	case succeeded, found:
		return o.succeed(ctx, j, v)
	case failed:
		o.fail(ctx, j, v)
	case refused, waiting:
		if o.serving { // it ends: nobody comes back to it
			o.fail(ctx, j, v)
		} else {
			o.leave(ctx, j, v)
		}
	default:
		o.leave(ctx, j, v)
	}
	return nil
}

// succeed is the checkpoint after a task, which announces the next one too.
func (o *operation) succeed(ctx context.Context, j *job, v verdict) *job {
	steps, err := o.emit(j, v.emitted)
	if err != nil {
		v.kind, v.err = failed, err
		o.fail(ctx, j, v)
		return nil
	}
	next := j.doneRecord(o.clock.Now(), v.output, v.kind == found)
	ahead := o.lookAhead(ctx, j, steps)
	o.locked(func() {
		if !ahead.linked {
			j.step.link(steps)
		}
		b := batch{kind: o.kindOf("task_done"), behind: j.step, inserted: steps, ended: ahead.finished}
		b.transitions = append(b.transitions, transition{j, next, "task_done", v.detail})
		b.transitions = append(b.transitions, ahead.transitions(o)...)
		err = o.commit(ctx, b)
	})
	if err != nil {
		o.report.taskLeft(j.record.Address)
		return nil
	}
	o.report.taskEnd(event.Event{Kind: event.TaskDone, Address: j.record.Address, Message: v.detail, Observed: v.kind == found})
	return o.follow(ahead)
}

// fail records a final error. Later tasks stay NOT_STARTED; tasks that run beside this one may end.
func (o *operation) fail(ctx context.Context, j *job, v verdict) {
	h := halt{outcome: OutcomeFailed, err: v.err, exit: diag.ExitOf(v.err), at: j.record.Address}
	if h.exit == diag.ExitRefused {
		h.outcome = OutcomeRefused
	}
	next := j.record
	next.State, next.Output, next.Error = automationpb.TaskState_DONE, v.output, o.recorded(v.err)
	next.Attempts, next.Ended, next.Process = j.attempts, o.clock.Now(), nil
	o.locked(func() {
		b := batch{kind: o.kindOf("task_failed"), transitions: []transition{{j, next, "task_failed", next.Error}}}
		if o.record.Error == "" {
			b.failure = next.Error
			if !o.serving {
				b.event = "operation_failed"
			}
		}
		j.step.inFlight--
		if o.commit(ctx, b) == nil {
			o.halt(h)
		}
	})
	o.report.taskEnd(event.Event{Kind: event.TaskFailed, Address: j.record.Address, Message: errorText(v.err), Attempt: j.attempts})
}

// leave ends the turn of a task that is neither done nor failed: the next run looks at it again. What was announced and
// may be in flight stays RUNNING.
func (o *operation) leave(ctx context.Context, j *job, v verdict) {
	h := halt{outcome: OutcomeStopped, exit: diag.ExitStopped, err: v.err, at: j.record.Address}
	switch v.kind {
	case waiting:
		h.outcome, h.exit = OutcomeWaiting, diag.ExitWaiting
		if v.gate != nil {
			h.gate, h.exit = v.gate, v.gate.Exit()
		}
	case refused:
		h.outcome, h.exit = OutcomeRefused, diag.ExitRefused
	}
	defer o.reportGate(j, v.gate)
	o.mu.Lock()
	defer o.mu.Unlock()
	j.step.inFlight--
	if v.idle && j.record.State == automationpb.TaskState_RUNNING {
		next := j.record
		next.State, next.Announced, next.Attempts = automationpb.TaskState_NOT_STARTED, "", j.attempts                    // a process of an earlier run stays
		_ = o.commit(ctx, batch{kind: "task_reset", transitions: []transition{{j, next, "task_reset", "not in flight"}}}) // halts by itself
	}
	o.halt(h)
	o.report.taskLeft(j.record.Address)
}
