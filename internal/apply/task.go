package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/event"
	"shardform/internal/parallel"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// standardRetry holds where an operation says nothing of retries.
var standardRetry = config.Retry{Attempts: 5, Backoff: time.Second, MaxBackoff: time.Minute}

// repeatable is a task that cannot be observed and may be run again although it is not known how it ended the last
// time. Any other such task is left to the operator.
type repeatable interface{ Repeatable() bool }

// make makes the task itself, once.
func (o *operation) make(j *job) error {
	if j.task != nil {
		return nil
	}
	address := j.record.Address
	task, err := o.registry.NewTask(j.record.Name, &tasks.Env{
		Address: address, Digest: o.digest, Approval: o.approval,
		ApproveCommand: func(step addr.Address) string { return tasks.ApproveCommand(step, o.digest, o.config) },
		ResumeCommand:  func() string { return tasks.ResumeCommand(address.Operation(), o.config) },
		Again:          func() string { return o.again(address) },
		Cluster:        func(name string) (vitess.Cluster, error) { return o.clusters.get(o.base, name) },
		Legacy:         func() (vitess.Legacy, error) { return o.legacy(o.cluster) },
		Clock:          o.clock,
		Progress: func(message string, progress *event.Progress) {
			o.report.send(event.Event{Kind: event.TaskProgress, Address: address, Message: o.hide.Text(message), Progress: progress})
		},
		Output: func(line string) {
			o.report.send(event.Event{Kind: event.TaskOutput, Address: address, Message: o.hide.Text(line)})
		},
		Hide:    o.hide,
		Started: func(p tasks.Process) error { return o.started(j, p) },
		Stop:    o.stop.requested,
		Dir:     o.dir,
	})
	if err != nil {
		return o.complaint(j, err)
	}
	j.task = task
	return nil
}

// look observes a task before it acts. The verdict is act, or how its turn ends without acting.
func (o *operation) look(ctx context.Context, j *job) verdict {
	if j.failedBefore() {
		return verdict{kind: failed, output: j.record.Output, err: errors.New(j.record.Error)}
	}
	if err := o.make(j); err != nil {
		return verdict{kind: failed, err: err}
	}
	observer, can := j.task.(tasks.Observer)
	if !can {
		if j.record.State == automationpb.TaskState_RUNNING && !j.acted && !mayRepeat(j.task) {
			return verdict{kind: refused, err: o.interrupted(j)}
		}
		return verdict{kind: act}
	}
	observation, err := o.observe(ctx, j, observer)
	if err != nil {
		v := o.judgeError(ctx, j, err)
		if v.kind == retry { // it was, often enough
			v.kind = failed
		}
		return v
	}
	for _, warning := range observation.Warnings {
		o.report.send(event.Event{Kind: event.TaskOutput, Address: j.record.Address, Message: "warning: " + o.hide.Text(warning)})
	}
	switch observation.State {
	case tasks.Absent, tasks.Running:
		if _, is := j.task.(tasks.Gatekeeper); is {
			return o.pass(ctx, j)
		}
		return verdict{kind: act, detail: o.hide.Text(observation.Detail)}
	case tasks.Done:
		return verdict{kind: found, output: o.hide.Text(observation.Output), detail: o.hide.Text(observation.Detail)}
	case tasks.Conflict:
		return verdict{kind: refused, err: o.hide.Err(o.conflict(j, observation))}
	}
	return verdict{kind: failed, err: o.complaint(j, fmt.Errorf("%s was observed in state %d, which means nothing", j.record.Name, observation.State))}
}

// observe asks until the answer is no temporary error, as often as the operation retries.
func (o *operation) observe(ctx context.Context, j *job, observer tasks.Observer) (observation tasks.Observation, err error) {
	err = o.insist(ctx, j, func() (err error) {
		observation, err = observer.Observe(ctx, j.parameters(), j.known())
		return err
	})
	return observation, err
}

// insist calls ask, which changes nothing, until its error is no temporary one, as often as the operation retries.
func (o *operation) insist(ctx context.Context, j *job, ask func() error) error {
	pauses := o.pauses()
	for attempt := 1; ; attempt++ {
		err := parallel.Call(ask)
		if err == nil || !diag.IsTemporary(err) || attempt >= o.attempts() || ctx.Err() != nil {
			return err
		}
		pause := pauses.next()
		o.report.send(event.Event{Kind: event.TaskRetry, Address: j.record.Address, Message: o.hide.Text(err.Error()), Attempt: attempt, Wait: pause})
		if err := o.clock.Sleep(ctx, o.stop.requested, pause); err != nil {
			return err
		}
	}
}

// act runs a task that was announced, again where that may help, until its effect is there or it is known why not.
func (o *operation) act(ctx context.Context, j *job) verdict {
	pauses := o.pauses()
	for attempt := 1; ; attempt++ {
		o.report.taskStart(j.record.Address, j.record.Announced, j.attempts+1)
		emitted, output, err := o.call(ctx, j)
		j.attempts++
		v := o.judge(ctx, j, output, err)
		switch {
		case v.kind == succeeded && err == nil:
			v.emitted = emitted
		case v.kind == retry && attempt >= o.attempts():
			v.kind = failed
		}
		if v.kind != retry {
			return v
		}
		pause := pauses.next()
		if o.retrying(ctx, j, v.err) != nil {
			return verdict{kind: stopped}
		}
		o.report.send(event.Event{Kind: event.TaskRetry, Address: j.record.Address, Message: v.err.Error(), Attempt: j.attempts, Wait: pause})
		if o.clock.Sleep(ctx, o.stop.requested, pause) != nil {
			return verdict{kind: stopped, idle: true}
		}
		switch v := o.look(ctx, j); v.kind {
		case act:
		case found:
			v.kind = succeeded
			return v
		default:
			return v
		}
	}
}

// call runs the task once. A panic of a task is its error: the records of the others are not lost for it.
func (o *operation) call(ctx context.Context, j *job) (emitted []*automationpb.TaskContainer, output string, err error) {
	j.acted = true
	err = parallel.Call(func() (err error) {
		emitted, output, err = j.task.Run(ctx, j.parameters())
		return err
	})
	return emitted, output, err
}

// judge decides by what the cluster shows whether a Run that returned err did its work. What Run says counts only for
// tasks that cannot be observed.
func (o *operation) judge(ctx context.Context, j *job, output string, err error) verdict {
	observer, can := j.task.(tasks.Observer)
	if !can {
		if err == nil {
			return verdict{kind: succeeded, output: o.hide.Text(output)}
		}
		v := o.judgeError(ctx, j, err)
		v.output = o.hide.Text(output)
		return v
	}
	observation, lookErr := o.observe(ctx, j, observer)
	if lookErr == nil && observation.State == tasks.Done {
		return verdict{
			kind: succeeded, output: o.hide.Text(cmp.Or(output, observation.Output)), detail: o.hide.Text(observation.Detail),
		}
	}
	var v verdict
	switch {
	case err != nil:
		v = o.judgeError(ctx, j, err)
		if v.kind == retry && lookErr == nil && observation.State == tasks.Conflict {
			v = verdict{kind: refused, err: o.hide.Err(o.conflict(j, observation))}
		}
	case lookErr != nil:
		if v = o.judgeError(ctx, j, lookErr); v.kind != stopped {
			v = verdict{kind: failed, err: o.complaint(j, o.unseen(j, lookErr))}
		}
	case observation.State == tasks.Conflict:
		v = verdict{kind: refused, err: o.hide.Err(o.conflict(j, observation))}
	default:
		v = verdict{kind: failed, err: o.complaint(j, o.contradicted(j, observation))}
	}
	v.output = o.hide.Text(output)
	return v
}

// judgeError decides what an error of Run or Observe means for the task's turn.
func (o *operation) judgeError(ctx context.Context, j *job, err error) verdict {
	if errors.Is(err, tasks.ErrStopped) || ctx.Err() != nil {
		return verdict{kind: stopped}
	}
	var closed *tasks.GateClosed
	if errors.As(err, &closed) {
		return verdict{kind: waiting, idle: true, err: closed, gate: closed}
	}
	v := verdict{kind: failed, err: o.complaint(j, err)}
	switch {
	case diag.ExitOf(err) == diag.ExitWaiting:
		v.kind, v.idle = waiting, true
	case diag.ExitOf(err) == diag.ExitStopped:
		v.kind = stopped
	case diag.IsTemporary(err):
		v.kind = retry
	}
	return v
}

// retrying is the checkpoint between two attempts.
func (o *operation) retrying(ctx context.Context, j *job, cause error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	next := j.record
	next.Attempts = j.attempts
	return o.commit(ctx, batch{kind: "task_retry", transitions: []transition{{j, next, "task_retry", cause.Error()}}})
}

func (o *operation) attempts() int { return cmp.Or(max(o.retry.Attempts, 0), standardRetry.Attempts) }

// pauses are the waits between attempts.
type pauses struct {
	*backoff.ExponentialBackOff
	most time.Duration
}

func (o *operation) pauses() pauses {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval = cmp.Or(o.retry.Backoff, standardRetry.Backoff)
	b.MaxInterval = max(cmp.Or(o.retry.MaxBackoff, standardRetry.MaxBackoff), b.InitialInterval)
	b.Multiplier = 2
	b.Reset()
	return pauses{b, b.MaxInterval}
}

// next is the next wait; its random part never exceeds the longest one asked for.
func (p pauses) next() time.Duration { return min(p.NextBackOff(), p.most) }

// mayRepeat reports whether a task that cannot be observed may be run again. What only emits containers may: they are
// inserted by the very checkpoint that marks it done.
func mayRepeat(task tasks.Task) bool {
	if r, ok := task.(repeatable); ok {
		return r.Repeatable()
	}
	_, expands := task.(tasks.Expander)
	return expands
}
