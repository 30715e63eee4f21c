package apply

import (
	"fmt"
	"time"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

// resume prepares the recorded instance, inserted containers included. A task that ended with an error goes back to
// NOT_STARTED, and so does one of a keyspace that is recorded as done and that the cluster no longer shows as done: for
// those the cluster decides, not the record.
func (r *run) resume(op *plan.Operation, latest state.Operation, recorded []state.Container) (*operation, error) {
	planned := map[addr.Address]plan.Action{}
	for _, c := range op.Containers {
		for _, t := range c.Tasks {
			planned[t.Address] = t.Action
		}
	}
	var changed []transition
	ended := map[addr.Address]time.Time{} // of those that were done and are to be done again
	for _, c := range recorded {
		for i := range c.Tasks {
			t := &c.Tasks[i]
			switch {
			case t.State == automationpb.TaskState_DONE && t.Error != "":
				changed = append(changed, reset(t, "after an error: "+t.Error))
			case isDone(*t) && anew(op, planned[t.Address]) && r.observable(t.Name):
				ended[t.Address] = t.Ended
				changed = append(changed, reset(t, "the cluster does not show it as done"))
			}
		}
	}
	header := latest
	header.Digest = op.Digest
	header.State, header.Error, header.Ended, header.Waiting = automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING, "", time.Time{}, nil
	o := r.newOperation(header, recorded, goingOn(recorded))
	for a, at := range ended {
		o.job(a).was = at
	}
	o.opening = func(w state.Writer) (state.Operation, error) {
		if err := w.PutOperation(header); err != nil {
			return header, err
		}
		if err := w.Append(r.ledger(op.Address, "operation_resumed", fmt.Sprintf("instance %d, digest %s", header.Instance, header.Digest))); err != nil {
			return header, err
		}
		for _, t := range changed {
			if err := w.PutTask(header.ID, t.next); err != nil {
				return header, err
			}
			if err := w.Append(r.ledger(t.next.Address, t.event, t.detail)); err != nil {
				return header, err
			}
		}
		return header, nil
	}
	return o, nil
}

// reset takes a task back to NOT_STARTED. Its finished attempts stay counted.
func reset(t *state.Task, why string) transition {
	t.State, t.Output, t.Error, t.Announced, t.Observed, t.Ended = automationpb.TaskState_NOT_STARTED, "", "", "", false, time.Time{}
	return transition{next: *t, event: "task_reset", detail: why}
}

// anew reports whether a plan that resumes a keyspace's operation wants a task to act. A saved plan that is applied again
// wants that of every task, whatever was done since; it is told by its operation, which was to be created.
func anew(op *plan.Operation, action plan.Action) bool {
	return op.Kind != plan.KindTasks && op.Action == plan.Resume && (action == plan.Add || action == plan.Change || action == plan.Resume)
}

// goingOn is a generator that gives none of the ids that the containers have.
func goingOn(containers []state.Container) *tasks.IDGenerator {
	ids := &tasks.IDGenerator{}
	for _, c := range containers {
		for _, t := range c.Tasks {
			passID(ids, t.ID)
		}
	}
	return ids
}

// observable reports whether the effect of a registered task can be seen.
func (e *engine) observable(name string) bool {
	task, err := e.registry.NewTask(name, e.idleEnv())
	if err != nil {
		return false
	}
	_, can := task.(tasks.Observer)
	return can
}
