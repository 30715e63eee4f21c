package apply

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/event"
	"shardform/internal/parallel"
	"shardform/internal/plan"
	"shardform/internal/redact"
	"shardform/internal/state"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// SchedulerOptions are what a Scheduler needs from outside; see Options for the fields of the same name.
type SchedulerOptions struct {
	Store    state.Store
	Registry *tasks.Registry
	Clusters func(ctx context.Context, name string) (vitess.Cluster, error)
	Legacy   func(cluster string) (vitess.Legacy, error)
	Clock    tasks.Clock
	Sink     event.Sink
	Run      string       // stands in the ledger; "" makes one from the time
	Who      state.Holder // stands in the run's record and, while an operation runs, in the run lock
	Retry    config.Retry
	Dir      string
	// Operations are names of tasks, besides HorizontalReshardingTask and VerticalSplitTask, that may be enqueued.
	Operations []string
	// Blocks are operation blocks (plan.Blocks): each may be enqueued under its label, without parameters.
	Blocks []plan.Operation
	// Cluster is what operations that come in by the name of a task are recorded with; "" where there is not one alone.
	Cluster string
	// Hide takes out what sensitive values of the blocks hold; nil hides nothing.
	Hide *redact.Redactor
	// Stop asks to stop at the next safe point; what is unfinished then is taken up by the next Scheduler on the store.
	Stop <-chan struct{}
}

// Scheduler runs the operations that are enqueued, one after another, in the order in which they came. It has the
// semantics of the Vitess automation package's Scheduler, on disk: one that is started on the same store goes on where
// this one ended, and knows its finished operations. Its methods are safe for concurrent use.
//
// It differs from the original's in this: the queue is the state, so that nothing is lost with the process; it holds the
// state's run lock while an operation runs, as others may work on the same state; Run and the methods of the service
// take a context and return errors; operation blocks may be enqueued besides tasks; the tasks of a container run at once
// up to its concurrency; there is GetClusterOperationState, and a list.
type Scheduler struct {
	*engine
	who     state.Holder
	retry   config.Retry
	signal  <-chan struct{}
	cluster string
	names   map[string]bool            // of tasks
	blocks  map[string]*plan.Operation // by label

	listing sync.Mutex // guards listed
	listed  bool       // the run is in the state's list of runs

	committing chan struct{} // holds a token while enqueued operations are written
	answers    answers
	lookEvery  time.Duration

	mu        sync.Mutex // guards what follows
	state     schedulerState
	queue     []state.OperationID
	byHand    map[state.OperationID]bool // recorded by Checkpoint: whoever did runs them
	seen      uint64                     // the highest id that was looked at
	last      uint64                     // the id of the last operation to run; 0: all
	dirty     bool                       // the state may have operations above seen
	accepting int                        // requests that are between their checks and their record
	pending   []*enqueued
	live      *live         // of the operation that runs
	wake      chan struct{} // has a value when something of this changed
	done      chan struct{} // closed when the loop has ended; nil before Run
	broken    error         // why the loop ended by itself
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
			report: newReporter(options.Clock, options.Sink), stop: newStopper(), hit: options.hit, serving: true, hide: o.Hide,
		},
		who: o.Who, retry: o.Retry, signal: o.Stop, cluster: o.Cluster, names: map[string]bool{}, blocks: map[string]*plan.Operation{},
		byHand: map[state.OperationID]bool{}, wake: make(chan struct{}, 1), committing: make(chan struct{}, 1), lookEvery: lookEvery,
	}
	s.who.Run = options.Run
	for _, name := range slices.Concat(tasks.Operations(), o.Operations) {
		if !addr.ValidName(name) {
			return nil, fmt.Errorf("registering operations: %q cannot be an operation's name", name)
		}
		s.names[name] = true
	}
	for i := range o.Blocks {
		name := o.Blocks[i].Address.Last()
		if s.names[name] {
			return nil, fmt.Errorf("registering operations: the block %s has the name of a task that may be enqueued; give it another label", o.Blocks[i].Address)
		}
		s.blocks[name] = &o.Blocks[i]
	}
	return s, nil
}

// Names are the operations that may be enqueued, sorted.
func (s *Scheduler) Names() []string {
	var names []string
	for name := range s.names {
		if _, ok := s.registry.Spec(name); ok {
			names = append(names, name)
		}
	}
	for name := range s.blocks {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
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
		s.queue, s.seen = nil, 0
		for _, op := range operations {
			if s.seen = max(s.seen, number(op.ID)); unfinished(op) && !s.byHand[op.ID] {
				s.queue = append(s.queue, op.ID)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the unfinished operations: %w", err)
	}
	s.state, s.done = running, make(chan struct{})
	parallel.Start(func() error { // it keeps its error itself, a panic too
		s.loop(ctx)
		return nil
	})
	return nil
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

// Done is closed when the loop has ended: it was shut down or stopped, or the state failed. nil before Run.
func (s *Scheduler) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done
}

// Err is why the loop ended by itself: the state could not be read or written.
func (s *Scheduler) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// Unfinished counts the operations that the state has in the queue or under way.
func (s *Scheduler) Unfinished(ctx context.Context) (n int, err error) {
	err = s.store.View(ctx, func(r state.Reader) error {
		operations, err := r.Operations()
		for _, op := range operations {
			if unfinished(op) {
				n++
			}
		}
		return err
	})
	return n, err
}

func (s *Scheduler) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
