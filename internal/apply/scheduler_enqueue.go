package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

// enqueued is a request on its way into the state.
type enqueued struct {
	header     state.Operation
	containers []state.Container
	done       chan struct{} // closed when id or err is there
	id         state.OperationID
	err        error
}

// EnqueueClusterOperation records an operation, to be run behind those that came before, and returns its id. One that is
// named after a task starts as one container with that task; one that is named after an operation block has the block's
// containers and takes no parameters. Requests that come at the same time are written in one transaction. One whose ctx
// ends before it is written leaves nothing behind. The errors about the request are *RequestError.
func (s *Scheduler) EnqueueClusterOperation(ctx context.Context, req *automationpb.EnqueueClusterOperationRequest) (*automationpb.EnqueueClusterOperationResponse, error) {
	if err := s.accept(); err != nil {
		return nil, err
	}
	written := false
	defer func() { // also after a panic: a shutdown waits for what was accepted
		s.mu.Lock()
		s.accepting--
		s.dirty = s.dirty || written
		s.mu.Unlock()
		s.poke()
	}()
	e, err := s.request(req)
	if err == nil {
		err = s.write(ctx, e)
	}
	if err != nil {
		return nil, err
	}
	written = true
	return &automationpb.EnqueueClusterOperationResponse{Id: string(e.id)}, nil
}

// RunOne records an operation as EnqueueClusterOperation does, on a Scheduler that does not run yet, and runs it and what
// came before it; what others enqueue meanwhile is left to them. It returns when the operation has ended or the Scheduler
// was stopped, with the operation's id if it was recorded. The error is about the request, or of the state.
func (s *Scheduler) RunOne(ctx context.Context, req *automationpb.EnqueueClusterOperationRequest) (id string, err error) {
	e, err := s.request(req)
	if err == nil {
		err = s.write(ctx, e)
	}
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	s.last = number(e.id)
	s.mu.Unlock()
	if err := s.Run(ctx); err != nil {
		return string(e.id), err
	}
	<-s.Done()
	return string(e.id), s.Err()
}

// accept counts a request, so that a shutdown waits for it.
func (s *Scheduler) accept() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.state
	if now == running && s.stop.asked() {
		now = shuttingDown
	}
	if now != running {
		return refuse(NotRunning, "scheduler is not running. State: %v", now)
	}
	s.accepting++
	return nil
}

// request checks what came in and makes its records.
func (s *Scheduler) request(req *automationpb.EnqueueClusterOperationRequest) (*enqueued, error) {
	e := &enqueued{done: make(chan struct{})}
	if req == nil { // an empty one says the same on the wire
		req = &automationpb.EnqueueClusterOperationRequest{}
	}
	block := s.blocks[req.Name]
	switch {
	case block != nil:
		for _, name := range slices.Sorted(maps.Keys(req.Parameters)) {
			return nil, refuse(BadParameters, "parameter %s is not allowed. Allowed required parameters: [] optional parameters: []", name)
		}
		var err error
		e.header, e.containers, err = s.blockRecords(block)
		return e, err
	case !s.names[req.Name]:
		return nil, refuse(UnknownOperation, "no ClusterOperation with name: %v is registered", req.Name)
	}
	if err := s.valid(req.Name, req.Parameters); err != nil {
		if _, ok := s.registry.Spec(req.Name); !ok {
			return nil, refuse(Unimplemented, "%v", err)
		}
		return nil, refuse(BadParameters, "%v", err)
	}
	if err := s.readable(req.Name, req.Parameters); err != nil {
		return nil, err
	}
	instance := NewClusterOperationInstance("", tasks.NewTaskContainerWithSingleTask(req.Name, req.Parameters), &tasks.IDGenerator{})
	var err error
	e.header, e.containers, err = s.records(instance, addr.Operation(req.Name))
	return e, err
}

// readable refuses values that no command line and no record can hold as they are.
func (s *Scheduler) readable(task string, parameters map[string]string) error {
	spec, _ := s.registry.Spec(task)
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		value := parameters[name]
		p, _ := spec.Parameter(name)
		switch {
		case !utf8.ValidString(value):
			return refuse(BadParameters, "parameter %s is not valid UTF-8", name)
		case strings.ContainsRune(value, 0):
			return refuse(BadParameters, "parameter %s has a NUL byte", name)
		case !p.Multiline && p.Kind != tasks.List && p.Kind != tasks.Map && strings.ContainsAny(value, "\n\r"):
			return refuse(BadParameters, "parameter %s has a line break; expected one line", name)
		}
	}
	return nil
}

// write takes e into the state, together with all that wait for the same.
func (s *Scheduler) write(ctx context.Context, e *enqueued) error {
	s.mu.Lock()
	s.pending = append(s.pending, e)
	s.mu.Unlock()
	select {
	case s.committing <- struct{}{}:
		s.writePending(ctx)
		<-s.committing
	case <-e.done:
	case <-ctx.Done():
		s.mu.Lock()
		at := slices.Index(s.pending, e)
		if at >= 0 {
			s.pending = slices.Delete(s.pending, at, at+1)
		}
		s.mu.Unlock()
		if at >= 0 {
			return context.Cause(ctx)
		}
	}
	<-e.done // it is being written, or was
	return e.err
}

// writePending writes what is pending in one transaction. Should that fail each gets its own, so that one that cannot be
// written is the only one.
func (s *Scheduler) writePending(ctx context.Context) {
	s.mu.Lock()
	batch := s.pending
	s.pending = nil
	s.mu.Unlock()
	if len(batch) == 0 {
		return // another request took ours along
	}
	err := s.beginRun(ctx)
	if err == nil {
		err = s.create(ctx, batch)
	}
	if err != nil && len(batch) > 1 {
		for _, e := range batch {
			e.err = s.create(ctx, []*enqueued{e})
		}
	} else if err != nil {
		batch[0].err = err
	}
	for _, e := range batch {
		close(e.done)
	}
}

func (s *Scheduler) create(ctx context.Context, batch []*enqueued) error {
	err := s.checkpoint(ctx, "operation_enqueued", func(w state.Writer) error {
		for _, e := range batch {
			if e.err = s.createOne(w, e); e.err != nil && !isRequestError(e.err) {
				return e.err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recording the operation: %w", err)
	}
	if len(batch) == 1 {
		return batch[0].err
	}
	return nil
}

func (s *Scheduler) createOne(w state.Writer, e *enqueued) error {
	latest, ok, err := w.Latest(e.header.Address)
	if err != nil {
		return err
	}
	if ok && !isEnqueued(latest) && isOpen(latest) {
		return refuse(Unfit, "%s was begun by an apply and is not done: finish it first with shardform apply", e.header.Address)
	}
	created, err := w.CreateOperation(e.header, e.containers)
	if err != nil {
		return err
	}
	e.id = created.ID
	return w.Append(s.ledger(created.Address, "operation_created", "enqueued, id "+string(created.ID)))
}

// records are what the state has of an instance that was enqueued.
func (s *Scheduler) records(c ClusterOperationInstance, a addr.Address) (state.Operation, []state.Container, error) {
	kind, err := json.Marshal(enqueuedRecord{Kind: plan.KindEnqueued})
	header := state.Operation{Address: a, Digest: "enqueued", Cluster: s.cluster, State: c.State, Error: c.Error, Created: s.clock.Now(), Plan: kind}
	containers := make([]state.Container, len(c.SerialTasks))
	for i, message := range c.SerialTasks {
		containers[i] = containerRecord(a.WithContainer(runLabel(i)), message)
	}
	return header, containers, err
}

// containerRecord is what the state has of a container that came as a message.
func containerRecord(a addr.Address, message *automationpb.TaskContainer) state.Container {
	container := state.Container{Address: a, Concurrency: int(message.Concurrency)}
	for i, t := range message.ParallelTasks {
		container.Tasks = append(container.Tasks, state.Task{
			Address: a.WithTask(runLabel(i)), Name: t.Name, Parameters: t.Parameters, ID: t.Id, State: t.State, Output: t.Output, Error: t.Error,
		})
	}
	return container
}

// runLabel names the containers, and the tasks in one, of what was enqueued by a task's name: run, run2, run3.
func runLabel(i int) string {
	if i == 0 {
		return "run"
	}
	return "run" + strconv.Itoa(i+1)
}

// blockRecords are what the state has of an operation block that was enqueued: the same as after an apply.
func (s *Scheduler) blockRecords(block *plan.Operation) (state.Operation, []state.Container, error) {
	kind, err := json.Marshal(enqueuedRecord{Kind: plan.KindEnqueued, Expanded: true})
	header := state.Operation{
		Address: block.Address, Digest: block.Digest, Cluster: block.Cluster, Created: s.clock.Now(), Plan: kind,
		State: automationpb.ClusterOperationState_CLUSTER_OPERATION_NOT_STARTED,
	}
	ids := &tasks.IDGenerator{}
	containers := make([]state.Container, len(block.Containers))
	for i, c := range block.Containers {
		containers[i] = state.Container{Address: c.Address, Concurrency: c.Concurrency, Tasks: make([]state.Task, len(c.Tasks))}
		for n, t := range c.Tasks {
			containers[i].Tasks[n] = newTask(t, ids)
		}
	}
	return header, containers, err
}

// enqueuedRecord is what an enqueued operation's header keeps of where it came from.
type enqueuedRecord struct {
	Kind plan.Kind `json:"kind"`
	// Expanded says that what its emitting tasks emit stands in the list already, as in a plan.
	Expanded bool `json:"expanded,omitempty"`
}

func recordOf(op state.Operation) (record enqueuedRecord) {
	if json.Unmarshal(op.Plan, &record) != nil {
		return enqueuedRecord{}
	}
	return record
}

// isEnqueued reports whether a recorded operation came in at a Scheduler.
func isEnqueued(op state.Operation) bool { return recordOf(op).Kind == plan.KindEnqueued }
