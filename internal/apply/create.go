package apply

import (
	"fmt"
	"slices"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

// create prepares a new instance. Tasks that the plan has as completed were done by the instance before, unchanged.
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
			task := newTask(t, ids)
			if was, ok := earlier[t.Address]; ok && t.Action == plan.Completed && was.Name == t.Name {
				task.State, task.Output, task.Attempts = automationpb.TaskState_DONE, was.Output, was.Attempts
				task.Started, task.Ended, task.Announced, task.Observed = was.Started, was.Ended, was.Announced, was.Observed
			} else if t.Action == plan.Completed || passedOver(op, i, t) {
				task.State, task.Observed, task.Started, task.Ended = automationpb.TaskState_DONE, true, now, now
			}
			containers[i].Tasks[n] = task
		}
	}
	header := state.Operation{
		Address: op.Address, Digest: op.Digest, Cluster: op.Cluster, Keyspace: op.Keyspace, Plan: record, Created: now,
		State: automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING,
	}
	o := r.newOperation(header, containers, ids)
	o.opening = func(w state.Writer) (state.Operation, error) {
		if supersedes {
			latest.State, latest.Ended = automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE, now
			if latest.Error == "" {
				latest.Error = "superseded: the configuration asked for another list of tasks"
			}
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

// passedOver reports whether a task of a keyspace was found done or under way and a later container was too: then it is
// done, whatever it shows by itself. The last such container is observed when its turn comes.
func passedOver(op *plan.Operation, container int, t plan.Task) bool {
	if op.Kind == plan.KindTasks || t.Action != plan.Adopt {
		return false
	}
	return slices.ContainsFunc(op.Containers[container+1:], func(c plan.Container) bool {
		return slices.ContainsFunc(c.Tasks, func(t plan.Task) bool { return t.Action == plan.Adopt || t.Action == plan.Completed })
	})
}
