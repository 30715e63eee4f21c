package apply

import (
	"context"
	"fmt"

	"shardform/internal/state"
)

// Checkpoint writes what of clusterOp differs from its record: the operation's state and error, and the state, output
// and error of its tasks, which are told by their ids. The engine writes its own checkpoints; this one is for those who
// run a ClusterOperationInstance by hand.
func (s *Scheduler) Checkpoint(ctx context.Context, clusterOp ClusterOperationInstance) error {
	return s.checkpoint(ctx, "operation_checkpointed", func(w state.Writer) error {
		op, ok, err := w.Operation(state.OperationID(clusterOp.Id))
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("ClusterOperation with id: %v not found", clusterOp.Id)
		}
		containers, err := w.Containers(op.ID)
		if err != nil {
			return err
		}
		recorded := map[string]state.Task{}
		for _, c := range containers {
			for _, t := range c.Tasks {
				recorded[t.ID] = t
			}
		}
		for _, c := range clusterOp.SerialTasks {
			for _, t := range c.ParallelTasks {
				task, ok := recorded[t.Id]
				if !ok || task.Name != t.Name {
					return fmt.Errorf("ClusterOperation with id: %v has no task %s with id: %v", clusterOp.Id, t.Name, t.Id)
				}
				if task.State == t.State && task.Output == t.Output && task.Error == t.Error {
					continue
				}
				task.State, task.Output, task.Error = t.State, t.Output, t.Error
				if err := w.PutTask(op.ID, task); err != nil {
					return err
				}
				if err := w.Append(s.ledger(task.Address, "task_checkpointed", t.State.String())); err != nil {
					return err
				}
			}
		}
		if op.State == clusterOp.State && op.Error == clusterOp.Error {
			return nil
		}
		op.State, op.Error = clusterOp.State, clusterOp.Error
		return w.PutOperation(op)
	})
}
