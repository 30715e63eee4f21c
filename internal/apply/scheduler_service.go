package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

// EnqueueClusterOperation records an operation of one container with one task, to be run behind those that came before,
// and returns its id.
func (s *Scheduler) EnqueueClusterOperation(ctx context.Context, req *automationpb.EnqueueClusterOperationRequest) (*automationpb.EnqueueClusterOperationResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != running {
		return nil, fmt.Errorf("scheduler is not running. State: %v", s.state)
	}
	if !s.names[req.Name] {
		return nil, fmt.Errorf("no ClusterOperation with name: %v is registered", req.Name)
	}
	if err := s.valid(req.Name, req.Parameters); err != nil {
		return nil, err
	}
	instance := NewClusterOperationInstance("", tasks.NewTaskContainerWithSingleTask(req.Name, req.Parameters), &tasks.IDGenerator{})
	header, containers, err := s.records(instance, addr.Operation(req.Name))
	if err != nil {
		return nil, err
	}
	err = s.checkpoint(ctx, "operation_enqueued", func(w state.Writer) error {
		created, err := w.CreateOperation(header, containers)
		if err != nil {
			return err
		}
		header = created
		return w.Append(s.ledger(created.Address, "operation_created", "enqueued, id "+string(created.ID)))
	})
	if err != nil {
		return nil, fmt.Errorf("recording the operation: %w", err)
	}
	s.queue = append(s.queue, header.ID)
	s.poke()
	return &automationpb.EnqueueClusterOperationResponse{Id: string(header.ID)}, nil
}

// GetClusterOperationDetails gives a copy of an operation, active or finished, as it was at its last checkpoint.
func (s *Scheduler) GetClusterOperationDetails(ctx context.Context, req *automationpb.GetClusterOperationDetailsRequest) (*automationpb.GetClusterOperationDetailsResponse, error) {
	var message *automationpb.ClusterOperation
	err := s.store.View(ctx, func(r state.Reader) error {
		op, ok, err := r.Operation(state.OperationID(req.Id))
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("ClusterOperation with id: %v not found", req.Id)
		}
		containers, err := r.Containers(op.ID)
		message = state.ClusterOperation(op, containers)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &automationpb.GetClusterOperationDetailsResponse{ClusterOp: message}, nil
}

// GetClusterOperationState gives the state of an operation alone.
func (s *Scheduler) GetClusterOperationState(ctx context.Context, req *automationpb.GetClusterOperationStateRequest) (*automationpb.GetClusterOperationStateResponse, error) {
	var found state.Operation
	err := s.store.View(ctx, func(r state.Reader) error {
		op, ok, err := r.Operation(state.OperationID(req.Id))
		if err == nil && !ok {
			err = fmt.Errorf("ClusterOperation with id: %v not found", req.Id)
		}
		found = op
		return err
	})
	if err != nil {
		return nil, err
	}
	return &automationpb.GetClusterOperationStateResponse{State: found.State}, nil
}

// records are what the state has of an instance that was enqueued.
func (s *Scheduler) records(c ClusterOperationInstance, a addr.Address) (state.Operation, []state.Container, error) {
	kind, err := json.Marshal(struct {
		Kind plan.Kind `json:"kind"`
	}{plan.KindEnqueued})
	header := state.Operation{Address: a, Digest: "enqueued", State: c.State, Error: c.Error, Created: s.clock.Now(), Plan: kind}
	containers := make([]state.Container, len(c.SerialTasks))
	for i, message := range c.SerialTasks {
		label := "run"
		if i > 0 {
			label += strconv.Itoa(i + 1)
		}
		container := state.Container{Address: a.WithContainer(label), Concurrency: int(message.Concurrency)}
		for n, t := range message.ParallelTasks {
			label := "run"
			if n > 0 {
				label += strconv.Itoa(n + 1)
			}
			container.Tasks = append(container.Tasks, state.Task{
				Address: container.Address.WithTask(label), Name: t.Name, Parameters: t.Parameters, ID: t.Id,
				State: t.State, Output: t.Output, Error: t.Error,
			})
		}
		containers[i] = container
	}
	return header, containers, err
}

// isEnqueued reports whether a recorded operation came in at a Scheduler.
func isEnqueued(op state.Operation) bool {
	var record struct {
		Kind plan.Kind `json:"kind"`
	}
	return json.Unmarshal(op.Plan, &record) == nil && record.Kind == plan.KindEnqueued
}
