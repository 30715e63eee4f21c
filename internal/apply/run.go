package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/plan"
	"shardform/internal/state"
)

// run is one apply.
type run struct {
	*engine
	plan   *plan.Plan
	who    state.Holder
	record state.Run
	until  addr.Address // zero: no end
	endAt  int          // index of the operation that until belongs to; -1 if none
}

func newRun(p *plan.Plan, o Options) *run {
	return &run{
		engine: &engine{
			store: o.Store, registry: o.Registry, clusters: newClusters(o.Clusters), legacy: o.Legacy, clock: o.Clock, run: o.Run, dir: o.Dir, config: o.ConfigPath,
			report: newReporter(o.Clock, o.Sink), stop: newStopper(), hit: o.hit, hide: p.Hide,
		},
		plan: p, who: o.Who, until: o.Until, endAt: -1,
	}
}

// check refuses what can be refused before anything runs.
func (r *run) check(ctx context.Context) error {
	if err := r.checkForgotten(); err != nil {
		return err
	}
	if !r.until.IsZero() {
		if err := r.findUntil(); err != nil {
			return err
		}
	}
	return r.checkUsed(ctx)
}

// checkForgotten refuses to forget operations that are open: nobody would finish them.
func (r *run) checkForgotten() error {
	var complaints diag.List
	for _, f := range r.plan.Forgotten {
		if f.Open {
			complaints = append(complaints, &diag.Diagnostic{
				Severity: diag.Error, Summary: fmt.Sprintf("%s is no longer in the configuration, but has not ended", f.Address),
				Address: f.Address.String(), Exit: diag.ExitRefused,
				Detail: "an open operation cannot be forgotten: its workflow, or tasks that were begun, would be left behind with nobody to finish them",
				Hint:   fmt.Sprintf("put the block of %s back and apply until the operation has ended", f.Address),
			})
		}
	}
	return complaints.Err()
}

// findUntil finds the operation and container that until names or belongs to. An operation, or a block, ends with its
// last container.
func (r *run) findUntil() error {
	for i, op := range r.plan.Operations {
		switch {
		case r.until.Level() <= addr.LevelOperation:
			if r.until.Contains(op.Address) {
				r.endAt = i // of several, the last
			}
		case op.Address == r.until.Operation():
			for _, c := range op.Containers {
				if c.Address == r.until.Container() && (r.until.Level() == addr.LevelContainer || hasTask(c, r.until)) {
					r.endAt = i
				}
			}
		}
	}
	if r.endAt < 0 {
		return &diag.Diagnostic{
			Severity: diag.Error, Summary: fmt.Sprintf("--until %s: the plan has no such container", r.until), Address: r.until.String(),
			Hint: "name a container or task as the plan shows them: " + strings.Join(r.someContainers(), ", "),
		}
	}
	return nil
}

func hasTask(c plan.Container, a addr.Address) bool {
	return slices.ContainsFunc(c.Tasks, func(t plan.Task) bool { return t.Address == a })
}

// someContainers are the first few containers of the plan, for a hint.
func (r *run) someContainers() []string {
	const few = 12
	var names []string
	for _, op := range r.plan.Operations {
		for _, c := range op.Containers {
			if len(names) == few {
				return append(names, "…")
			}
			names = append(names, c.Address.String())
		}
	}
	if len(names) == 0 {
		return []string{"it has none"}
	}
	return names
}

// checkUsed refuses a plan that was applied to its end already.
func (r *run) checkUsed(ctx context.Context) error {
	if len(r.plan.Operations) == 0 {
		return nil
	}
	used := 0
	err := r.store.View(ctx, func(reader state.Reader) error {
		for i := range r.plan.Operations {
			op := &r.plan.Operations[i]
			latest, ok, err := reader.Latest(op.Address)
			if err != nil {
				return err
			}
			if ok && !isOpen(latest) && latest.Instance == op.Instance && latest.Digest == op.Digest {
				used++
			}
		}
		return nil
	})
	if err != nil || used < len(r.plan.Operations) {
		return err
	}
	return &diag.Diagnostic{
		Severity: diag.Error, Summary: "this plan was applied already", Exit: diag.ExitRefused,
		Detail: fmt.Sprintf("every operation of plan %s has ended", r.plan.Digest), Hint: "plan again: shardform plan",
	}
}

// begin records the run, and what it forgets and releases.
func (r *run) begin(ctx context.Context, result *Result) error {
	r.record = state.Run{ID: r.run, Who: r.who, PlanDigest: r.plan.Digest, Started: r.clock.Now(), Exit: -1}
	return r.checkpoint(ctx, "run_started", func(w state.Writer) error {
		result.Forgotten, result.Released = nil, nil
		if err := w.PutRun(r.record); err != nil {
			return err
		}
		entry := r.ledger(addr.Address{}, "run_started", fmt.Sprintf("%s@%s pid %d: %s; plan %s", r.who.User, r.who.Host, r.who.PID, r.who.Operation, r.plan.Digest))
		if err := w.Append(entry); err != nil {
			return err
		}
		for _, f := range r.plan.Forgotten {
			if err := r.forget(w, f, result); err != nil {
				return err
			}
		}
		for _, a := range r.plan.Released {
			if err := r.release(w, a, result); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *run) forget(w state.Writer, f plan.Forgotten, result *Result) error {
	op, ok, err := w.Latest(f.Address)
	if err != nil || !ok || op.Forgotten {
		return err
	}
	op.Forgotten = true
	result.Forgotten = append(result.Forgotten, f.Address)
	return errors.Join(w.PutOperation(op), w.Append(r.ledger(op.Address, "operation_forgotten", f.Reason)))
}

// release ends the hold of an operation that was rolled back and whose layout was edited since.
func (r *run) release(w state.Writer, a addr.Address, result *Result) error {
	op, ok, err := w.Latest(a)
	if err != nil || !ok {
		return err
	}
	if op.Plan, err = plan.Release(op.Plan); err != nil {
		return err
	}
	op.Waiting = nil
	result.Released = append(result.Released, a)
	return errors.Join(w.PutOperation(op), w.Append(r.ledger(a, "operation_released", "its layout was edited since it was rolled back")))
}

// operations runs the operations in the plan's order, which is that of their dependencies.
func (r *run) operations(ctx context.Context, result *Result) error {
	for i := range r.plan.Operations {
		op := &r.plan.Operations[i]
		one, err := r.one(ctx, op, i, result.Operations)
		result.Operations = append(result.Operations, one)
		result.Exit = diag.Worst(result.Exit, one.Exit)
		if err != nil {
			return err
		}
	}
	return nil
}

// one runs one operation, or says why it is not run. The error is of the state.
func (r *run) one(ctx context.Context, op *plan.Operation, i int, before []OperationResult) (OperationResult, error) {
	result := OperationResult{Address: op.Address, Kind: op.Kind, Outcome: OutcomeSkipped, Remaining: openTasks(op)}
	switch on := r.blocking(op, before); {
	case r.endAt >= 0 && i > r.endAt:
		return result, nil
	case r.stop.asked():
		result.Outcome, result.Exit = OutcomeStopped, diag.ExitStopped
		return result, nil
	case !on.IsZero():
		result.Waits = on
		result.Err = &diag.Diagnostic{
			Severity: diag.Error, Summary: fmt.Sprintf("%s was not begun, because %s is not done", op.Address, on), Address: op.Address.String(),
			Hint: "it runs in the next apply, when that has been settled",
		}
		return result, nil
	}
	if err := blockedItems(op); err != nil {
		result.Outcome, result.Err, result.Exit = OutcomeRefused, err, diag.ExitOf(err)
		return result, nil
	}
	running, err := r.prepare(ctx, op)
	if err != nil {
		result.Outcome, result.Err, result.Exit = OutcomeRefused, err, diag.ExitOf(err)
		if isStoreError(err) {
			result.Outcome = OutcomeFailed
			return result, err
		}
		return result, nil
	}
	if running == nil {
		result.Outcome, result.Remaining = OutcomeAlreadyDone, 0
		return result, nil
	}
	if i == r.endAt && r.until.Level() > addr.LevelOperation {
		running.last = r.until.Container()
	}
	result = running.execute(ctx)
	if isStoreError(result.Err) {
		return result, result.Err
	}
	return result, nil
}

// blocking is an earlier operation that op has to wait for and that is not done; zero if none. The segments of one
// keyspace always wait for one another.
func (r *run) blocking(op *plan.Operation, before []OperationResult) addr.Address {
	for i, earlier := range before {
		if earlier.Outcome.Complete() {
			continue
		}
		other := &r.plan.Operations[i]
		sameKeyspace := op.Keyspace != "" && op.Keyspace == other.Keyspace && op.Cluster == other.Cluster
		if sameKeyspace || slices.ContainsFunc(op.DependsOn, func(a addr.Address) bool { return a.Contains(other.Address) }) {
			return other.Address
		}
	}
	return addr.Address{}
}

// blockedItems is the complaint about an operation of which a part cannot be done: it is not begun.
func blockedItems(op *plan.Operation) error {
	var blocked []string
	for _, c := range op.Containers {
		for _, t := range c.Tasks {
			if t.Action == plan.Blocked {
				blocked = append(blocked, strings.TrimSuffix(t.Address.String()+": "+t.Note, ": "))
			}
		}
		if c.Action == plan.Blocked && len(blocked) == 0 {
			blocked = append(blocked, c.Address.String())
		}
	}
	if op.Action != plan.Blocked && len(blocked) == 0 {
		return nil
	}
	if op.Diagnostics.HasErrors() {
		return slices.DeleteFunc(slices.Clone(op.Diagnostics), func(d *diag.Diagnostic) bool { return d.Severity != diag.Error })
	}
	return &diag.Diagnostic{
		Severity: diag.Error, Summary: fmt.Sprintf("%s cannot be done as planned", op.Address), Address: op.Address.String(),
		Detail: strings.Join(blocked, "\n"), Hint: "shardform plan shows why and what to do",
	}
}

func openTasks(op *plan.Operation) int {
	n := 0
	for _, c := range op.Containers {
		for _, t := range c.Tasks {
			if t.Action != plan.Completed {
				n++
			}
		}
	}
	return n
}

// finish records how the run ended.
func (r *run) finish(ctx context.Context, result *Result) error {
	r.record.Ended, r.record.Exit = r.clock.Now(), int(result.Exit)
	return r.checkpoint(ctx, "run_ended", func(w state.Writer) error {
		if err := w.PutRun(r.record); err != nil {
			return err
		}
		return w.Append(r.ledger(addr.Address{}, "run_ended", fmt.Sprintf("exit %d", result.Exit)))
	})
}
