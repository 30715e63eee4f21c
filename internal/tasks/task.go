// Package tasks says what a task is: the Task interface of the Vitess automation package, the optional interfaces by
// which a task can be expanded, observed and explained, and the registry of known tasks. It has interfaces and helpers
// only: the tasks themselves live in the packages below it, the engine that runs them in internal/apply.
package tasks

import (
	"context"
	"time"

	automationpb "shardform/internal/pb/automationpb"
)

// Task is one low-level action. Parameters are strings; lists and maps are JSON text (see Parameter.Kind).
//
// It differs from the original's Task only in that Run takes a context: the original could not be cancelled.
type Task interface {
	// Run acts once and returns its output and, for an emitting task, the containers to insert right behind its own.
	// A task that waits returns ErrStopped at its next safe point once Env.Stop is closed.
	Run(ctx context.Context, parameters map[string]string) (newTaskContainers []*automationpb.TaskContainer, output string, err error)
	// RequiredParameters are the names that must be present, OptionalParameters those that may be.
	RequiredParameters() []string
	OptionalParameters() []string
}

// Expander is a task that only emits containers. Expand is pure, so that plan can call it; Run returns the same.
type Expander interface {
	Expand(parameters map[string]string) ([]*automationpb.TaskContainer, error)
}

// Observer is a task whose effect can be seen. The engine observes before it acts and again before it records DONE;
// plan observes to show what is done already. Observe changes nothing.
type Observer interface {
	Observe(ctx context.Context, parameters map[string]string, record Record) (Observation, error)
}

// Commander is a task that an operator could do by hand: Commands are the command lines, one a string, in order. It may
// read the cluster, as long as ctx lasts, and changes nothing.
type Commander interface {
	Commands(ctx context.Context, parameters map[string]string) []string
}

// Checker is a task that knows more of its parameters than their names and kinds, such as which exclude one another.
// Check is pure; CheckParameters calls it.
type Checker interface {
	Check(parameters map[string]string) error
}

// Describer says in one line what the task will do with these parameters ("create workflow sf_1a2b3c4d, - to -80,80-").
type Describer interface {
	Describe(parameters map[string]string) string
}

// Record is what the state knows of a task when it is observed.
type Record struct {
	Announced bool      // a checkpoint says that this task was started (by this or an earlier process)
	Attempts  int       // finished attempts
	StartedAt time.Time // of the first announcement; zero if none
	Done      bool      // recorded as done by an earlier run: what is not there any more was taken away
	Ended     time.Time // when it was, if Done
	Process   *Process  // what a run of it started and is not known to have ended; nil if nothing
}

// Process is what a process that a task started, and all that it started in turn, are found by: see state.Process.
type Process struct {
	Host    string
	Boot    string
	Mark    string
	PID     int
	Started string
}

// Starter is a task that starts a process on this machine. Process is what the checkpoint before Run records of it; Run
// passes the rest to Env.Started.
type Starter interface{ Process() *Process }

// State is what an observation found.
type State int

// Absent: nothing of it is there, act. Running: it is under way, Run takes it up and waits for it. Done: nothing to
// do. Conflict: the cluster shows something that neither acting nor waiting may resolve.
const (
	Absent State = iota + 1
	Running
	Done
	Conflict
)

func (s State) String() string {
	switch s {
	case Absent:
		return "absent"
	case Running:
		return "running"
	case Done:
		return "done"
	case Conflict:
		return "conflict"
	}
	return "unknown"
}

// Observation is a task's place on the live cluster.
type Observation struct {
	State    State
	Output   string   // Done: what the task's output is to be
	Detail   string   // one line for people: what was found
	Expected string   // Conflict: what should have been there
	Cure     []string // Conflict: commands or steps that settle it
	Warnings []string // shown, not in the way
}
