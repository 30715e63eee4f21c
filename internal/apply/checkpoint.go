package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"shardform/internal/diag"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

// transition is a task's next record and what the ledger says of it.
type transition struct {
	job           *job
	next          state.Task
	event, detail string
}

// batch is one checkpoint of an operation: everything in it is written, or nothing.
type batch struct {
	kind        string // its failpoint
	transitions []transition
	behind      *step   // the step that inserted stand behind
	inserted    []*step // emitted containers; in the list of steps already
	ended       bool    // the operation is DONE
	failure     string  // the operation's error
	event       string  // ledger entry about the operation
	detail      string  // of that entry; failure where it is ""
	waiting     *state.Waiting
}

// commit writes a batch and then takes it over into the operation's records. The lock is held. An error halts the
// operation: without checkpoints nothing may be done.
func (o *operation) commit(ctx context.Context, b batch) error {
	var record state.Operation
	err := o.checkpoint(ctx, b.kind, func(w state.Writer) error {
		var err error
		record = o.record
		if o.opening != nil {
			if record, err = o.opening(w); err != nil {
				return err
			}
		}
		if len(b.inserted) > 0 {
			containers := make([]state.Container, len(b.inserted))
			for i, s := range b.inserted {
				containers[i] = s.container()
			}
			if err := w.InsertContainers(record.ID, b.behind.address, containers); err != nil {
				return err
			}
		}
		for _, t := range b.transitions {
			if err := w.PutTask(record.ID, t.next); err != nil {
				return err
			}
			if err := w.Append(o.ledger(t.next.Address, t.event, t.detail)); err != nil {
				return err
			}
		}
		return o.writeHeader(w, &record, b)
	})
	if err != nil {
		o.halt(halt{outcome: OutcomeFailed, err: err, exit: diag.Worst(diag.ExitFailed, diag.ExitOf(err))})
		return err
	}
	o.record, o.opening = record, nil
	o.live.update(record, b)
	for _, s := range b.inserted {
		o.left += s.open
	}
	for _, t := range b.transitions {
		t.job.apply(t.next, o)
	}
	return nil
}

// writeHeader writes what the batch changes about the operation itself.
func (o *operation) writeHeader(w state.Writer, record *state.Operation, b batch) error {
	if !b.ended && b.failure == "" && b.event == "" {
		return nil
	}
	name := b.event
	record.Waiting = b.waiting
	if b.failure != "" && record.Error == "" {
		record.Error = b.failure
	}
	if b.ended {
		record.State, record.Ended = automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE, o.clock.Now()
		name = "operation_done"
		if record.Error != "" {
			name = "operation_failed"
		}
	}
	if err := w.PutOperation(*record); err != nil {
		return err
	}
	if name == "" {
		return nil
	}
	return w.Append(o.ledger(record.Address, name, cmp.Or(b.detail, b.failure)))
}

// apply takes a committed record over.
func (j *job) apply(next state.Task, o *operation) {
	j.record = next
	if j.done() {
		j.step.open--
		j.step.inFlight--
		o.left--
		if next.Observed {
			o.found++
		} else {
			o.ran++
		}
		j.task, j.record.Output = nil, "" // the state has it
	}
}

// announcement is the transition that says that a task is about to act.
func (o *operation) announcement(j *job) transition {
	next := j.record
	next.State, next.Output, next.Error, next.Observed = automationpb.TaskState_RUNNING, "", "", false
	next.Attempts, next.Ended = j.attempts, time.Time{}
	if next.Started.IsZero() {
		next.Started = o.clock.Now()
	}
	next.Announced = o.intent(j)
	if starter, is := j.task.(tasks.Starter); is {
		next.Process = (*state.Process)(starter.Process())
	}
	return transition{j, next, "task_running", next.Announced}
}

// started is the checkpoint of a process that a task has started.
func (o *operation) started(j *job, p tasks.Process) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	next := j.record
	next.Process = (*state.Process)(&p)
	return o.commit(o.base, batch{kind: "task_process", transitions: []transition{{j, next, "task_process", fmt.Sprintf("pid %d on %s", p.PID, p.Host)}}})
}

// intent says in one line what the task will do. It is made of the parameters that are no secrets.
func (o *operation) intent(j *job) string {
	if d, ok := j.task.(tasks.Describer); ok {
		if line := d.Describe(j.record.Parameters); line != "" {
			return o.hide.Text(line)
		}
	}
	if j.summary != "" {
		return j.summary
	}
	if spec, ok := o.registry.Spec(j.record.Name); ok {
		return spec.Summary
	}
	return j.record.Name
}

// announce is the checkpoint before a task acts.
func (o *operation) announce(ctx context.Context, j *job) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.commit(ctx, batch{kind: o.kindOf("task_running"), transitions: []transition{o.announcement(j)}})
	j.announced = err == nil
	return err
}

// kindOf names a checkpoint by its transition, or as the one that opens the operation. The lock is held.
func (o *operation) kindOf(kind string) string {
	if o.opening != nil {
		return "operation_started"
	}
	return kind
}

func isStoreError(err error) bool {
	var s storeError
	return errors.As(err, &s)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
