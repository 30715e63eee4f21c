package apply

import (
	"fmt"
	"math/rand/v2"
	"time"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

// Outcome says how an operation ended in a run.
type Outcome string

// The outcomes. AlreadyDone: the state says that this very operation had ended before. Reached: it ran as far as
// --until asked. Waiting: a gate is closed; Gate says which. Skipped: it was never begun; Err says why.
const (
	OutcomeDone        Outcome = "done"
	OutcomeAlreadyDone Outcome = "already_done"
	OutcomeReached     Outcome = "reached"
	OutcomeStopped     Outcome = "stopped"
	OutcomeWaiting     Outcome = "waiting"
	OutcomeRefused     Outcome = "refused"
	OutcomeFailed      Outcome = "failed"
	OutcomeSkipped     Outcome = "skipped"
)

// Complete reports whether what depends on the operation may run.
func (o Outcome) Complete() bool { return o == OutcomeDone || o == OutcomeAlreadyDone }

// Result is what a run did, as plain values.
type Result struct {
	Run        string
	Operations []OperationResult // in the order of the plan
	Forgotten  []addr.Address    // recorded as no longer managed
	Released   []addr.Address    // rolled back earlier, and free to begin again as their layout was edited
	Until      addr.Address      // where the run was to end; zero: nowhere
	StopReason string            // why it was asked to stop, in words; "" if it was not
	Exit       diag.Exit
}

// OperationResult is what came of one operation.
type OperationResult struct {
	Address addr.Address
	Kind    plan.Kind
	ID      state.OperationID // "" if nothing of it was recorded
	Outcome Outcome
	Err     error        // why it went no further; nil when it is complete or reached --until
	At      addr.Address // the task that it stopped at; zero if none
	// Gate is the closed gate that it waits at, which At names; nil if it waits at none. Nothing is wrong then.
	Gate  *tasks.GateClosed
	Waits addr.Address // Skipped: the operation that is not done and that it has to wait for; zero if none
	// TasksDone were run to their end by this run, TasksFound found done on the cluster and not run, TasksBefore
	// recorded as done by an earlier run. Remaining are the tasks that are left.
	TasksDone, TasksFound, TasksBefore, Remaining int
	// Running are the tasks that the state has as started: the next run looks at the cluster before it takes them up.
	Running []addr.Address
	Elapsed time.Duration
	Exit    diag.Exit
}

// Resumable reports whether the next apply goes on with something.
func (r *Result) Resumable() bool {
	for _, op := range r.Operations {
		if !op.Outcome.Complete() {
			return true
		}
	}
	return false
}

// NewRunID is an id for a run that starts at now; ids sort by time: 20261123T120102.123456Z-1a2b.
func NewRunID(now time.Time) string {
	return fmt.Sprintf("%s-%04x", now.UTC().Format("20060102T150405.000000Z"), rand.N(1<<16))
}
