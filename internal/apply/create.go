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

// create prepares a new instance. What the plan has as completed or resumed was done or begun by the instance before.
func (r *run) create(op *plan.Operation, latest state.Operation, before []state.Container, supersedes bool) (*operation, error) {
	record, err := op.Record()
	if err != nil {
		return nil, err
	}
	earlier := map[addr.Address]state.Task{}
	for _, c := range before {
		for _, t := range c.Tasks {
			earlier[t.Address] = t
		}
	}
	ids := &tasks.IDGenerator{}
	now := r.clock.Now()
	containers := make([]state.Container, len(op.Containers))
	for i, c := range op.Containers {
		containers[i] = state.Container{Address: c.Address, Concurrency: c.Concurrency, Tasks: make([]state.Task, len(c.Tasks))}
		for n, t := range c.Tasks {
			containers[i].Tasks[n] = carryOver(newTask(t, ids), t.Action, earlier[t.Address], now)
		}
	}
	header := state.Operation{
		Address: op.Address, Digest: op.Digest, Cluster: op.Cluster, Keyspace: op.Keyspace, Plan: record, Created: now,
		State: automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING,
	}
	o := r.newOperation(header, containers, ids)
	o.instance = latest.Instance + 1
	if latest.ID != "" && !supersedes && plan.Held(latest.Plan) != "" {
		o.heldBy = &latest
	}
	o.opening = func(w state.Writer) (state.Operation, error) {
		if supersedes {
			latest.State, latest.Ended = automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE, now
			if latest.Error == "" {
				latest.Error = "superseded: the configuration asked for another list of tasks"
				if op.Kind == plan.KindWayBack {
					latest.Error = "superseded: it is taken back"
				}
			}
			latest.Waiting = nil
			if err := w.PutOperation(latest); err != nil {
				return header, err
			}
			if err := w.Append(r.ledger(op.Address, "operation_superseded", fmt.Sprintf("instance %d, digest %s", latest.Instance, latest.Digest))); err != nil {
				return header, err
			}
		}
		created, err := w.CreateOperation(header, containers)
		if err != nil {
			return header, err
		}
		return created, w.Append(r.ledger(op.Address, "operation_created", fmt.Sprintf("instance %d, digest %s", created.Instance, created.Digest)))
	}
	return o, nil
}

// carryOver gives a task of a new instance what the instance before knows of it, if the plan says that it is the same:
// that it is done, or that it was started and nobody knows how it ended.
func carryOver(task state.Task, action plan.Action, was state.Task, now time.Time) state.Task {
	same := was.Name == task.Name
	if same && action != plan.Completed {
		task.Process = was.Process // what is left of it is there, whatever the task is to do now
	}
	switch {
	case action == plan.Completed && same && isDone(was):
		task.State, task.Output, task.Attempts = automationpb.TaskState_DONE, was.Output, was.Attempts
		task.Started, task.Ended, task.Announced, task.Observed = was.Started, was.Ended, was.Announced, was.Observed
	case action == plan.Completed: // seen on the cluster
		task.State, task.Observed, task.Started, task.Ended = automationpb.TaskState_DONE, true, now, now
	case action == plan.Resume && same && was.State == automationpb.TaskState_RUNNING:
		task.State, task.Started, task.Announced, task.Attempts = was.State, was.Started, was.Announced, was.Attempts
	}
	return task
}

// isDone reports whether a record says that a task ended without an error.
func isDone(t state.Task) bool { return t.State == automationpb.TaskState_DONE && t.Error == "" }

// newTask is the record of a planned task. Of sensitive values it has the hashes.
func newTask(t plan.Task, ids *tasks.IDGenerator) state.Task {
	task := state.Task{Address: t.Address, Name: t.Name, Parameters: t.Parameters, ID: ids.GetNextID(), State: automationpb.TaskState_NOT_STARTED}
	if len(t.Sensitive) > 0 {
		task.Sensitive = make(map[string]string, len(t.Sensitive))
	}
	for _, name := range t.Sensitive {
		task.Sensitive[name] = state.HashSensitive(t.Secrets[name])
	}
	return task
}
