package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

// Checkpoint writes what of clusterOp differs from its record: the operation's state and error, the state, output and
// error of its tasks, and containers that were inserted after a recorded one. An operation that the state does not have is
// recorded; as the state counts operations, clusterOp.Id becomes the id that it has there. The engine writes its own
// checkpoints; this one is for those who run a ClusterOperationInstance by hand. An operation that they leave unfinished is
// resumed by the next Scheduler that is started on the state, or by another one that runs there.
//
// Recorded containers are told by the ids and names of their tasks, which stay in their order. The error says what does not
// fit: a recorded container is missing, an inserted task has an id that the operation has already.
func (s *Scheduler) Checkpoint(ctx context.Context, clusterOp ClusterOperationInstance) error {
	if clusterOp.ClusterOperation == nil {
		return errors.New("writing a checkpoint: the ClusterOperation is nil")
	}
	if err := tasks.CheckComplete(clusterOp.SerialTasks); err != nil {
		return fmt.Errorf("writing a checkpoint of ClusterOperation with id: %v: %w", clusterOp.Id, err)
	}
	id, created := clusterOp.Id, state.OperationID("")
	err := s.checkpoint(ctx, "operation_checkpointed", func(w state.Writer) error {
		op, ok, err := w.Operation(state.OperationID(clusterOp.Id))
		switch {
		case err != nil:
			return err
		case !ok:
			op, err := s.createByHand(w, clusterOp)
			id, created = string(op.ID), op.ID
			return err
		}
		return s.checkpointRecorded(w, op, clusterOp)
	})
	if err != nil {
		s.runByHand(created, false)
		return err
	}
	clusterOp.Id = id
	s.answers.forget(state.OperationID(id))
	return nil
}

// createByHand records an operation that is run by hand, under the name of its first task.
func (s *Scheduler) createByHand(w state.Writer, c ClusterOperationInstance) (state.Operation, error) {
	name := ""
	for _, container := range c.SerialTasks {
		for _, t := range container.ParallelTasks {
			if name == "" {
				name = t.Name
			}
		}
	}
	if !addr.ValidName(name) {
		return state.Operation{}, fmt.Errorf("ClusterOperation with id: %v has no task that it can be called after; found the name %q", c.Id, name)
	}
	if err := uniqueIDs(c.SerialTasks, nil); err != nil {
		return state.Operation{}, fmt.Errorf("ClusterOperation with id: %v: %w", c.Id, err)
	}
	header, containers, err := s.records(c, addr.Operation(name))
	if err != nil {
		return header, err
	}
	created, err := w.CreateOperation(header, containers)
	if err != nil {
		return created, err
	}
	s.runByHand(created.ID, true)
	return created, w.Append(s.ledger(created.Address, "operation_created", "checkpointed, id "+string(created.ID)))
}

// runByHand keeps the loop of this Scheduler from running an operation that somebody else runs, or ends that.
func (s *Scheduler) runByHand(id state.OperationID, byHand bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if byHand {
		s.byHand[id] = true
	} else {
		delete(s.byHand, id)
	}
}

// checkpointRecorded writes what differs from the record.
func (s *Scheduler) checkpointRecorded(w state.Writer, op state.Operation, c ClusterOperationInstance) error {
	recorded, err := w.Containers(op.ID)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, container := range recorded {
		for _, t := range container.Tasks {
			known[t.ID] = true
		}
	}
	var inserted []*automationpb.TaskContainer // after the container at next-1
	next := 0
	insert := func() error {
		if len(inserted) == 0 {
			return nil
		}
		if next == 0 {
			return fmt.Errorf("ClusterOperation with id: %v has a new container before its first one; containers can be inserted after a recorded one only", c.Id)
		}
		if err := uniqueIDs(inserted, known); err != nil {
			return fmt.Errorf("ClusterOperation with id: %v: %w", c.Id, err)
		}
		err := s.insertByHand(w, op, recorded[next-1].Address, inserted)
		inserted = nil
		return err
	}
	for _, container := range c.SerialTasks {
		if next == len(recorded) || !sameContainer(recorded[next], container) {
			inserted = append(inserted, container)
			continue
		}
		if err := insert(); err != nil {
			return err
		}
		for i, t := range container.ParallelTasks {
			if err := s.checkpointTask(w, op.ID, recorded[next].Tasks[i], t); err != nil {
				return err
			}
		}
		next++
	}
	if next < len(recorded) {
		return fmt.Errorf("ClusterOperation with id: %v does not have the recorded container %s, with the tasks %s", c.Id, recorded[next].Address.Last(), taskList(recorded[next]))
	}
	if err := insert(); err != nil {
		return err
	}
	if op.State == c.State && op.Error == c.Error {
		return nil
	}
	op.State, op.Error = c.State, c.Error
	return w.PutOperation(op)
}

// checkpointTask writes a task's state, output and error where they differ from the record.
func (s *Scheduler) checkpointTask(w state.Writer, id state.OperationID, task state.Task, t *automationpb.Task) error {
	if task.State == t.State && task.Output == t.Output && task.Error == t.Error {
		return nil
	}
	task.State, task.Output, task.Error = t.State, t.Output, t.Error
	if err := w.PutTask(id, task); err != nil {
		return err
	}
	return w.Append(s.ledger(task.Address, "task_checkpointed", t.State.String()))
}

// insertByHand records containers after the one at an address. They are named like those of an enqueued operation, with
// numbers that no other has.
func (s *Scheduler) insertByHand(w state.Writer, op state.Operation, after addr.Address, inserted []*automationpb.TaskContainer) error {
	recorded, err := w.Containers(op.ID)
	if err != nil {
		return err
	}
	taken := map[addr.Address]bool{}
	for _, c := range recorded {
		taken[c.Address] = true
	}
	containers := make([]state.Container, len(inserted))
	number := len(recorded)
	for i, message := range inserted {
		for taken[op.Address.WithContainer(runLabel(number))] {
			number++
		}
		containers[i] = containerRecord(op.Address.WithContainer(runLabel(number)), message)
		number++
	}
	if err := w.InsertContainers(op.ID, after, containers); err != nil {
		return err
	}
	for _, c := range containers {
		if err := w.Append(s.ledger(c.Address, "container_inserted", "checkpointed")); err != nil {
			return err
		}
	}
	return nil
}

// sameContainer reports whether the tasks of a container are those of a record, by their ids and names.
func sameContainer(recorded state.Container, c *automationpb.TaskContainer) bool {
	return slices.EqualFunc(recorded.Tasks, c.ParallelTasks, func(r state.Task, t *automationpb.Task) bool { return r.ID == t.Id && r.Name == t.Name })
}

// uniqueIDs returns an error if a task has no id, or one that another task or a recorded one has.
func uniqueIDs(containers []*automationpb.TaskContainer, recorded map[string]bool) error {
	seen := map[string]bool{}
	for _, c := range containers {
		for _, t := range c.ParallelTasks {
			switch {
			case t.Id == "":
				return fmt.Errorf("task %s has no id", t.Name)
			case recorded[t.Id]:
				return fmt.Errorf("there is no recorded container with the task %s with id: %v there, and another one has that id", t.Name, t.Id)
			case seen[t.Id]:
				return fmt.Errorf("two tasks have the id: %v", t.Id)
			}
			seen[t.Id] = true
		}
	}
	return nil
}

func taskList(c state.Container) string {
	names := make([]string, len(c.Tasks))
	for i, t := range c.Tasks {
		names[i] = fmt.Sprintf("%s with id: %v", t.Name, t.ID)
	}
	return strings.Join(names, ", ")
}
