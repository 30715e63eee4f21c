package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/event"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// builtinOperations may be enqueued from the start, as in the original.
var builtinOperations = []string{"HorizontalReshardingTask", "VerticalSplitTask"}

// SchedulerOptions are what a Scheduler needs from outside; see Options for the fields of the same name.
type SchedulerOptions struct {
	Store    state.Store
	Registry *tasks.Registry
	Clusters func(ctx context.Context, name string) (vitess.Cluster, error)
	Legacy   func(cluster string) (vitess.Legacy, error)
	Clock    tasks.Clock
	Sink     event.Sink
	Run      string // stands in the ledger; "" makes one from the time
	Retry    config.Retry
	Dir      string
	// Operations are names of tasks, besides HorizontalReshardingTask and VerticalSplitTask, that may be enqueued.
	Operations []string
	// Stop asks to stop at the next safe point; what is unfinished then is taken up by the next Scheduler on the store.
	Stop <-chan struct{}
}

// Scheduler runs the operations that are enqueued, one after another, in the order in which they came. It has the
// semantics of the Vitess automation package's Scheduler, on disk: one that is started on the same store goes on where
// this one ended, and knows its finished operations. Its methods are safe for concurrent use.
type Scheduler struct {
	*engine
	retry  config.Retry
	signal <-chan struct{}
	names  map[string]bool

	mu     sync.Mutex // guards what follows
	state  schedulerState
	queue  []state.OperationID
	wake   chan struct{} // has a value when queue or state changed
	done   chan struct{} // closed when the loop has ended; nil before Run
	broken error         // why the loop ended by itself
}

type schedulerState int

const (
	notRunning schedulerState = iota
	running
	shuttingDown
	shutdown
)

func (s schedulerState) String() string {
	return [...]string{"NOT_RUNNING", "RUNNING", "SHUTTING_DOWN", "SHUTDOWN"}[s]
}

// NewScheduler makes a Scheduler that does not run yet. The error is about a name that cannot be an operation's.
func NewScheduler(o SchedulerOptions) (*Scheduler, error) {
	options := Options{Legacy: o.Legacy, Clock: o.Clock, Sink: o.Sink, Run: o.Run}
	options.setDefaults()
	s := &Scheduler{
		engine: &engine{
			store: o.Store, registry: o.Registry, clusters: newClusters(o.Clusters), legacy: options.Legacy, clock: options.Clock, run: options.Run, dir: o.Dir,
			report: newReporter(options.Clock, options.Sink), stop: newStopper(), hit: options.hit, serving: true,
		},
		retry: o.Retry, signal: o.Stop, names: map[string]bool{}, wake: make(chan struct{}, 1),
	}
	for _, name := range slices.Concat(builtinOperations, o.Operations) {
		if !addr.ValidName(name) {
			return nil, fmt.Errorf("registering operations: %q cannot be an operation's name", name)
		}
		s.names[name] = true
	}
	return s, nil
}

// Run starts the loop and returns. Operations that an earlier Scheduler on the same store left unfinished come first.
// Ending ctx stops the loop as a second signal does. The error says that it runs or ran already, or that the state
// could not be read.
func (s *Scheduler) Run(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != notRunning {
		return fmt.Errorf("scheduler cannot be run again. State: %v", s.state)
	}
	err := s.store.View(ctx, func(r state.Reader) error {
		operations, err := r.Operations()
		if err != nil {
			return err
		}
		s.queue = nil
		for _, op := range operations {
			if isEnqueued(op) && op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE {
				s.queue = append(s.queue, op.ID)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the unfinished operations: %w", err)
	}
	s.state, s.done = running, make(chan struct{})
	go s.loop(ctx)
	return nil
}

// loop performs what is enqueued until it is shut down or stopped.
func (s *Scheduler) loop(ctx context.Context) {
	end := s.watch(ctx, s.signal, 0)
	var err error
	for err == nil {
		id, more := s.next()
		if !more {
			break
		}
		err = s.perform(ctx, id)
	}
	end()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.broken = shutdown, err
	close(s.done)
}

// next waits for the next operation; more is false when none is to be begun any more.
func (s *Scheduler) next() (id state.OperationID, more bool) {
	for {
		s.mu.Lock()
		switch {
		case s.stop.asked():
			s.mu.Unlock()
			return "", false
		case len(s.queue) > 0:
			id, s.queue = s.queue[0], s.queue[1:]
			s.mu.Unlock()
			return id, true
		case s.state == shuttingDown:
			s.mu.Unlock()
			return "", false
		}
		s.mu.Unlock()
		select {
		case <-s.wake:
		case <-s.stop.requested:
		}
	}
}

// perform runs one operation as far as it goes. The error is of the state.
func (s *Scheduler) perform(ctx context.Context, id state.OperationID) error {
	var op state.Operation
	var containers []state.Container
	err := s.store.View(ctx, func(r state.Reader) error {
		var ok bool
		var err error
		if op, ok, err = r.Operation(id); err != nil || !ok {
			return err
		}
		containers, err = r.Containers(id)
		return err
	})
	if err != nil || op.ID == "" {
		return err
	}
	began := "operation_started"
	if op.State == automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING {
		began = "operation_resumed"
	}
	op.State = automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING
	o := s.newOperation(op, containers, goingOn(containers))
	o.kind, o.retry = plan.KindEnqueued, s.retry
	o.opening = func(w state.Writer) (state.Operation, error) {
		if err := w.PutOperation(op); err != nil {
			return op, err
		}
		return op, w.Append(s.ledger(op.Address, began, "id "+string(op.ID)))
	}
	if failure := failedBefore(containers); failure != "" {
		o.halted = &halt{outcome: OutcomeFailed, err: errors.New(failure)}
	}
	if result := o.execute(ctx); isStoreError(result.Err) {
		return result.Err
	}
	return nil
}

// failedBefore is the error of a task that ended with one: it ends the operation again.
func failedBefore(containers []state.Container) string {
	for _, c := range containers {
		for _, t := range c.Tasks {
			if t.State == automationpb.TaskState_DONE && t.Error != "" {
				return t.Error
			}
		}
	}
	return ""
}

// ShutdownAndWait takes no more operations and returns when the pending ones have ended; at once if the Scheduler was
// never run.
func (s *Scheduler) ShutdownAndWait() {
	s.mu.Lock()
	switch s.state {
	case notRunning:
		s.state = shutdown
	case running:
		s.state = shuttingDown
	}
	done := s.done
	s.mu.Unlock()
	s.poke()
	if done != nil {
		<-done
	}
}

// Err is why the loop ended by itself: the state could not be read or written.
func (s *Scheduler) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

func (s *Scheduler) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
