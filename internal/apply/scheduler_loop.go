package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/event"
	"shardform/internal/parallel"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/state"
)

// lockPatience is how long one attempt at the run lock lasts. Attempts follow one another without end: another run may
// take a week.
const lockPatience = time.Hour

// lookEvery is how often an idle Scheduler looks for operations that others have put into the state.
const lookEvery = 5 * time.Second

// loop performs what is enqueued until it is shut down or stopped.
func (s *Scheduler) loop(ctx context.Context) {
	end := s.watch(ctx, s.signal, 0)
	err := parallel.Call(func() error { return s.performAll(ctx) })
	err = cmp.Or(err, end())
	err = cmp.Or(err, parallel.Call(func() error { return s.endRun(ctx, err) }))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.broken = shutdown, err
	close(s.done)
}

// performAll performs one operation after the other.
func (s *Scheduler) performAll(ctx context.Context) error {
	for {
		id, err := s.next(ctx)
		if err != nil || id == "" {
			return err
		}
		if err := s.perform(ctx, id); err != nil {
			return err
		}
	}
}

// next waits for the next operation; "" when none is to be begun any more. The error is of the state.
func (s *Scheduler) next(ctx context.Context) (state.OperationID, error) {
	again := time.NewTicker(s.lookEvery)
	defer again.Stop()
	for {
		s.mu.Lock()
		switch {
		case s.stop.asked(), s.last > 0 && (len(s.queue) > 0 && number(s.queue[0]) > s.last || len(s.queue) == 0 && s.seen >= s.last):
			s.mu.Unlock()
			return "", nil
		case len(s.queue) > 0:
			id := s.queue[0]
			s.queue = s.queue[1:]
			s.mu.Unlock()
			return id, nil
		case s.dirty:
			s.dirty = false
			s.mu.Unlock()
			if err := s.scan(ctx); err != nil {
				return "", err
			}
			continue
		case s.state == shuttingDown && s.accepting == 0:
			s.mu.Unlock()
			return "", nil
		}
		s.mu.Unlock()
		select {
		case <-s.wake:
		case <-s.stop.requested:
		case <-again.C:
			s.mu.Lock()
			s.dirty = true
			s.mu.Unlock()
		}
	}
}

// scan puts the unfinished operations that came since the last look into the queue, whoever enqueued them.
func (s *Scheduler) scan(ctx context.Context) error {
	var found []state.OperationID
	s.mu.Lock()
	seen := s.seen
	s.mu.Unlock()
	err := s.view(ctx, func(r state.Reader) error {
		for {
			op, ok, err := r.Operation(state.OperationID(strconv.FormatUint(seen+1, 10)))
			if err != nil || !ok {
				return err
			}
			seen++
			if unfinished(op) {
				found = append(found, op.ID)
			}
		}
	})
	if err != nil {
		return fmt.Errorf("reading the operations that came: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found = slices.DeleteFunc(found, func(id state.OperationID) bool { return s.byHand[id] })
	s.queue, s.seen = append(s.queue, found...), seen
	return nil
}

// number is an operation's place among all of the state.
func number(id state.OperationID) uint64 {
	n, _ := strconv.ParseUint(string(id), 10, 64) // the store's own
	return n
}

// unfinished reports whether an operation is a Scheduler's to run.
func unfinished(op state.Operation) bool {
	return op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE && isEnqueued(op)
}

// lock takes the run lock for an operation and waits for it as long as it takes; nil if it was stopped before.
func (s *Scheduler) lock(ctx context.Context, op state.Operation) (unlock func() error, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	over := make(chan struct{})
	defer close(over)
	parallel.Start(func() error { // a channel and a context cannot panic
		select {
		case <-s.stop.requested:
			cancel()
		case <-over:
		}
		return nil
	})
	who := s.who
	who.Since, who.Operation = s.clock.Now(), fmt.Sprintf("%s: %s, id %s", s.who.Operation, op.Address, op.ID)
	unlock, err = s.store.Lock(ctx, who, 0)
	if diag.ExitOf(err) == diag.ExitLocked {
		s.report.send(event.Event{Kind: event.TaskOutput, Address: op.Address, Message: "waiting for the run lock: " + err.Error()})
	}
	for diag.ExitOf(err) == diag.ExitLocked {
		unlock, err = s.store.Lock(ctx, who, lockPatience)
	}
	if err != nil && (s.stop.asked() || ctx.Err() != nil) {
		return nil, nil
	}
	return unlock, err
}

// perform runs one operation as far as it goes. The error is of the state.
func (s *Scheduler) perform(ctx context.Context, id state.OperationID) error {
	var op state.Operation
	header := func(r state.Reader) (err error) {
		op, _, err = r.Operation(id)
		return err
	}
	if err := s.view(ctx, header); err != nil || !unfinished(op) {
		return err
	}
	unlock, err := s.lock(ctx, op)
	if err != nil || unlock == nil {
		return err
	}
	defer func() { _ = unlock() }() // the next one takes it again, and complains
	var containers []state.Container
	var waits error
	err = s.view(ctx, func(r state.Reader) error {
		if err := header(r); err != nil || !unfinished(op) { // somebody may have run it while we waited for the lock
			return err
		}
		if waits, err = s.waits(r, op); err != nil {
			return err
		}
		containers, err = r.Containers(id)
		return err
	})
	if err != nil || !unfinished(op) {
		return err
	}
	if err := s.beginRun(ctx); err != nil {
		return err
	}
	o := s.prepared(op, containers)
	if waits != nil && o.halted == nil {
		o.halted = &halt{outcome: OutcomeFailed, err: waits}
	}
	s.show(o.live)
	defer s.show(nil)
	result := o.execute(ctx)
	if isStoreError(result.Err) {
		return result.Err
	}
	if o.record.State == automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE && o.record.Error != "" {
		s.report.send(event.Event{Kind: event.OperationFailed, Address: op.Address, Message: o.record.Error, Elapsed: result.Elapsed})
	}
	s.answers.keep(o.record, o.live)
	return nil
}

// prepared makes the runner of a recorded operation.
func (s *Scheduler) prepared(op state.Operation, containers []state.Container) *operation {
	began := "operation_started"
	if op.State == automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING {
		began = "operation_resumed"
	}
	header := op
	header.State, header.Error = automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING, ""
	o := s.newOperation(header, containers, goingOn(containers))
	o.kind, o.retry, o.expanded = plan.KindEnqueued, s.retry, recordOf(op).Expanded
	o.live = newLive(op, o)
	o.opening = func(w state.Writer) (state.Operation, error) {
		if err := w.PutOperation(header); err != nil {
			return header, err
		}
		return header, w.Append(s.ledger(op.Address, began, "id "+string(op.ID)))
	}
	block := s.blocks[op.Address.Last()]
	if block == nil {
		block = &plan.Operation{}
	}
	if failure := failedBefore(containers); failure != "" {
		o.halted = &halt{outcome: OutcomeFailed, err: errors.New(failure)}
	} else if err := o.addSecrets(block); err != nil {
		o.halted = &halt{outcome: OutcomeRefused, err: err}
	}
	return o
}

// waits is what an operation block depends on and what is not done; nil if nothing is in its way. A keyspace that was
// never resharded has no record and is done.
func (s *Scheduler) waits(r state.Reader, op state.Operation) (waits, err error) {
	block := s.blocks[op.Address.Last()]
	if block == nil || len(block.DependsOn) == 0 {
		return nil, nil
	}
	recorded, err := state.Managed(r)
	if err != nil {
		return nil, err
	}
	for _, on := range block.DependsOn {
		found := false
		for _, other := range recorded {
			if !on.Contains(other.Address) {
				continue
			}
			if found = true; isOpen(other) {
				return fmt.Errorf("%s depends on %s, which is not done: apply it first", op.Address, other.Address), nil
			}
		}
		if !found && on.Kind() == addr.KindOperation {
			return fmt.Errorf("%s depends on %s, which was never run: run it first", op.Address, on), nil
		}
	}
	return nil, nil
}

// failedBefore is the error of a task that ended with one: it ends the operation again. One whose turn has not come, as
// earlier tasks are not done, does so then.
func failedBefore(containers []state.Container) string {
	for _, c := range containers {
		waits := false
		for _, t := range c.Tasks {
			if t.State == automationpb.TaskState_DONE && t.Error != "" && (!waits || c.Concurrency > 1) {
				return t.Error
			}
			waits = waits || !isDone(t)
		}
		if waits {
			return ""
		}
	}
	return ""
}

// beginRun puts the run into the state's list of runs, before the first thing that it writes.
func (s *Scheduler) beginRun(ctx context.Context) error {
	s.listing.Lock()
	defer s.listing.Unlock()
	if s.listed {
		return nil
	}
	err := s.checkpoint(ctx, "run_started", func(w state.Writer) error {
		if err := w.PutRun(s.runRecord()); err != nil {
			return err
		}
		return w.Append(s.ledger(addr.Address{}, "run_started", fmt.Sprintf("%s@%s pid %d: %s", s.who.User, s.who.Host, s.who.PID, s.who.Operation)))
	})
	s.listed = err == nil
	return err
}

func (s *Scheduler) runRecord() state.Run {
	return state.Run{ID: s.run, Who: s.who, Started: s.who.Since, Exit: -1}
}

// endRun records the end of a run that wrote something.
func (s *Scheduler) endRun(ctx context.Context, cause error) error {
	s.listing.Lock()
	defer s.listing.Unlock()
	if !s.listed {
		return nil
	}
	record := s.runRecord()
	record.Ended = s.clock.Now()
	return s.checkpoint(ctx, "run_ended", func(w state.Writer) error {
		exit, err := s.exit(w, cause)
		if err != nil {
			return err
		}
		record.Exit = int(exit)
		if err := w.PutRun(record); err != nil {
			return err
		}
		return w.Append(s.ledger(addr.Address{}, "run_ended", fmt.Sprintf("exit %d", record.Exit)))
	})
}

// exit is the code that the run's command exits with: as its operation ended, or as it left the queue.
func (s *Scheduler) exit(r state.Reader, cause error) (diag.Exit, error) {
	if cause != nil {
		return diag.ExitOf(cause), nil
	}
	s.mu.Lock()
	last := s.last
	s.mu.Unlock()
	if last == 0 {
		operations, err := r.Operations()
		if slices.ContainsFunc(operations, unfinished) {
			return diag.ExitStopped, err
		}
		return diag.ExitOK, err
	}
	op, _, err := r.Operation(state.OperationID(strconv.FormatUint(last, 10)))
	switch {
	case unfinished(op):
		return diag.ExitStopped, err
	case op.Error != "":
		return diag.ExitFailed, err
	}
	return diag.ExitOK, err
}

// view reads the state for the loop, with the patience of a checkpoint.
func (s *Scheduler) view(ctx context.Context, fn func(r state.Reader) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkpointPatience)
	defer cancel()
	return s.store.View(ctx, fn)
}
