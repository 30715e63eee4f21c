package apply

import (
	"context"
	"sync"
	"time"

	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/event"
	"shardform/internal/parallel"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

// operation runs one operation: its containers strictly in order, the tasks of one up to its concurrency at a time. It
// is used once.
type operation struct {
	*engine
	base  context.Context // of the run, for what outlives a single look: connections of tasks
	begun time.Time       // in this run
	kind  plan.Kind
	retry config.Retry
	// expanded says that what emitting tasks with an Expander emit stands in the list already: plan put it there.
	expanded bool
	last     addr.Address // the container to end behind; zero: run to the end
	instance int          // of the record, and its digest: what gates are opened for
	digest   string
	cluster  string
	// heldBy is the instance before where that was rolled back and holds this one: it is where a wait is recorded before
	// anything of this one was begun.
	heldBy *state.Operation

	live *live // answers for it while it runs; nil if nobody asks

	mu     sync.Mutex // guards what follows, and the order of checkpoints
	record state.Operation
	// opening is what beginning or resuming the operation writes. It goes along with the first checkpoint, so that an
	// operation is begun in one transaction, or not at all.
	opening func(w state.Writer) (state.Operation, error)
	root    *step // stands before the first container
	steps   map[addr.Address]*step
	ids     *tasks.IDGenerator
	handed  []*job // announced or taken for the next container by the last task of this one
	halted  *halt  // why no more tasks are started; nil: go on

	ran, found, before, left int // tasks
}

// halt is why an operation goes no further.
type halt struct {
	outcome Outcome
	err     error
	exit    diag.Exit
	at      addr.Address
	gate    *tasks.GateClosed // outcome waiting: at which gate
}

// newOperation prepares an operation whose containers, ids included, are given.
func (e *engine) newOperation(record state.Operation, containers []state.Container, ids *tasks.IDGenerator) *operation {
	o := &operation{engine: e, record: record, instance: record.Instance, digest: record.Digest, cluster: record.Cluster, root: &step{}, ids: ids, steps: map[addr.Address]*step{}}
	end := o.root
	for _, c := range containers {
		s := newStep(c)
		end.next, end = s, s
		o.steps[c.Address] = s
		o.before += len(s.jobs) - s.open
		o.left += s.open
	}
	return o
}

// execute runs the operation as far as it goes and says what came of it.
func (o *operation) execute(ctx context.Context) OperationResult {
	o.base, o.begun = ctx, o.clock.Now()
	start := event.Event{Kind: event.OperationStart, Address: o.record.Address}
	if o.serving {
		start.Message = "starting, id " + string(o.record.ID)
	}
	o.report.send(start)
	var leads []*job
	o.survive(func() error {
		leads = o.lead(ctx)
		return nil
	})
	for s, _ := o.nextOpen(o.root); s != nil && o.goesOn(); s, _ = o.nextOpen(s) {
		leads = o.runStep(ctx, s, leads)
	}
	o.conclude(ctx, leads)
	return o.result(o.clock.Now().Sub(o.begun))
}

// runStep runs the tasks of one container, those in leads first, and returns what was made ready for the next one.
func (o *operation) runStep(ctx context.Context, s *step, leads []*job) []*job {
	var working parallel.Group
	for i := range max(min(s.width(), s.open), len(leads)) {
		var j *job
		if i < len(leads) {
			j = leads[i]
		} else if j = o.take(s); j == nil {
			break
		}
		working.Go(func() error {
			for j != nil {
				j = o.work(ctx, j)
			}
			return nil
		})
	}
	o.survive(working.Wait)
	o.mu.Lock()
	defer o.mu.Unlock()
	handed := o.handed
	o.handed = nil
	return handed
}

// work takes one task to its end and returns the one to go on with, nil if none.
func (o *operation) work(ctx context.Context, j *job) *job {
	if !j.announced {
		if v := o.look(ctx, j); v.kind != act {
			return o.end(ctx, j, v)
		}
		if o.stop.asked() {
			return o.end(ctx, j, verdict{kind: stopped})
		}
		if err := o.announce(ctx, j); err != nil {
			return nil
		}
	}
	if o.stop.asked() {
		return o.end(ctx, j, verdict{kind: stopped, idle: true})
	}
	return o.end(ctx, j, o.act(ctx, j))
}

// take gives the next task of s that is not done, nil if there is none or no more are to be started.
func (o *operation) take(s *step) *job {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.halted != nil || o.stop.asked() {
		return nil
	}
	for s.queue < len(s.jobs) {
		j := s.jobs[s.queue]
		s.queue++
		if !j.done() {
			s.inFlight++
			return j
		}
	}
	return nil
}

// nextOpen is the first step behind s with a task that is not done, nil if the run is to end before there is one: behind
// the last step (end is true) or behind the one that --until names, which may be done by now.
func (o *operation) nextOpen(s *step) (next *step, end bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		if !o.last.IsZero() && o.last == s.address {
			return nil, s.next == nil
		}
		if s = s.next; s == nil {
			return nil, true
		}
		if s.open > 0 {
			return s, false
		}
	}
}

// survive calls f; a panic in it ends the operation as failed. What was in flight stays RUNNING: the next run observes it.
func (o *operation) survive(f func() error) {
	if err := parallel.Call(f); err != nil {
		o.locked(func() { o.halt(halt{outcome: OutcomeFailed, err: err, exit: diag.ExitOf(err)}) })
	}
}

// locked calls f under the operation's lock and returns it also when f panics.
func (o *operation) locked(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
}

func (o *operation) goesOn() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.halted == nil && !o.stop.asked()
}

// halt ends the operation for the reason given, unless it ends for a worse one already. The lock is held.
func (o *operation) halt(h halt) {
	if o.halted == nil || diag.Worst(o.halted.exit, h.exit) != o.halted.exit {
		o.halted = &h
	}
}

// conclude writes what the end of the run says about the operation. leads are tasks that were announced for a container
// that is not begun any more.
func (o *operation) conclude(ctx context.Context, leads []*job) {
	for _, j := range leads {
		o.end(ctx, j, verdict{kind: stopped, idle: j.announced})
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.halted == nil && o.left > 0 && o.stop.asked() {
		o.halt(halt{outcome: OutcomeStopped, exit: diag.ExitStopped})
	}
	if o.halted != nil && isStoreError(o.halted.err) || o.record.State == automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE {
		return
	}
	var err error
	switch {
	case o.halted == nil && o.left == 0:
		err = o.commit(ctx, batch{kind: "operation_done", ended: true})
	case o.halted == nil && o.opening == nil:
		return // --until
	case o.halted == nil:
		err = o.commit(ctx, batch{kind: "operation_started"})
	case o.record.ID == "" && o.heldBy != nil && o.halted.gate != nil:
		err = o.waitHeld(ctx)
	case o.record.ID == "" && o.halted.gate == nil:
		return // nothing of it was begun, so nothing is recorded
	case o.serving && o.halted.outcome != OutcomeStopped:
		err = o.commit(ctx, batch{kind: "operation_done", ended: true, failure: o.recorded(o.halted.err)})
	case o.halted.outcome == OutcomeFailed:
		return // recorded with its task
	default:
		err = o.commit(ctx, o.stopping())
	}
	if err == nil && o.record.State == automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE && o.halted == nil {
		o.reportDone()
	}
}

// stopping is the last checkpoint of an operation that stays open. Only what was refused is an error: it has to be
// settled before anything goes on. The lock is held.
func (o *operation) stopping() batch {
	h := o.halted
	b := batch{kind: "operation_stopped", event: "operation_" + string(h.outcome), detail: errorText(h.err)}
	if h.outcome == OutcomeRefused {
		b.failure = b.detail
	}
	b.waiting = h.waiting()
	return b
}

// waiting is what the state keeps of a wait, nil if there is none.
func (h *halt) waiting() *state.Waiting {
	if h.gate == nil {
		return nil
	}
	return &state.Waiting{Task: h.at, Gate: string(h.gate.Gate), Reason: h.gate.Reason, Opens: h.gate.Opens, Command: h.gate.Command}
}

// waitHeld records with the instance that was rolled back what this one, of which nothing was begun, waits for. The lock is
// held.
func (o *operation) waitHeld(ctx context.Context) error {
	before := *o.heldBy
	before.Waiting = o.halted.waiting()
	before.Waiting.Instance, before.Waiting.Digest = before.Instance+1, o.digest
	return o.checkpoint(ctx, "operation_stopped", func(w state.Writer) error {
		if err := w.PutOperation(before); err != nil {
			return err
		}
		return w.Append(o.ledger(before.Address, "operation_"+string(o.halted.outcome), errorText(o.halted.err)))
	})
}

// reportDone tells that the operation has ended well. The lock is held.
func (o *operation) reportDone() {
	o.report.send(event.Event{Kind: event.OperationDone, Address: o.record.Address, Elapsed: o.clock.Now().Sub(o.begun)})
}

// result says what came of the operation.
func (o *operation) result(elapsed time.Duration) OperationResult {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := OperationResult{
		Address: o.record.Address, Kind: o.kind, ID: o.record.ID, Outcome: OutcomeDone,
		TasksDone: o.ran, TasksFound: o.found, TasksBefore: o.before, Remaining: o.left, Elapsed: elapsed,
	}
	if h := o.halted; h != nil {
		r.Outcome, r.Err, r.Exit, r.At, r.Gate = h.outcome, h.err, h.exit, h.at, h.gate
	} else if o.left > 0 {
		r.Outcome = OutcomeReached
	}
	for s := o.root.next; s != nil; s = s.next {
		for _, j := range s.jobs {
			if j.record.State == automationpb.TaskState_RUNNING {
				r.Running = append(r.Running, j.record.Address)
			}
		}
	}
	return r
}
