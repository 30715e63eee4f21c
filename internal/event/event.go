// Package event has the one message by which a running engine tells the world how far it is. internal/apply sends
// events, internal/ui renders them for terminals, line logs and JSON; nothing reads them back.
package event

import (
	"time"

	"shardform/internal/addr"
)

// Kind says what happened.
type Kind string

// The kinds of event, in the order in which a task goes through them.
const (
	OperationStart Kind = "operation_start" // Address is the operation
	TaskStart      Kind = "task_start"      // announced in the state; the action follows
	TaskProgress   Kind = "task_progress"   // Progress says how far, Message in words
	TaskOutput     Kind = "task_output"     // Message is one line of output, without its line end
	TaskRetry      Kind = "task_retry"      // Message is the temporary error, Attempt the attempt that failed, Wait the pause before the next
	TaskDone       Kind = "task_done"       // Observed says whether it was found done instead of being run
	TaskFailed     Kind = "task_failed"     // Message is the error
	Gate           Kind = "gate"            // a closed gate ends the operation's run; Gate says which and what opens it
	OperationDone  Kind = "operation_done"
	// OperationFailed ends an operation of a Scheduler; one of an apply stays open, and its task tells what went wrong.
	OperationFailed Kind = "operation_failed"
	Stopping        Kind = "stopping" // a stop was asked for; Message says what is in flight
)

// Event is one thing that happened during an apply.
type Event struct {
	Time     time.Time
	Kind     Kind
	Address  addr.Address
	Message  string        // words for people: one line
	Progress *Progress     // TaskProgress of a task that can count
	Observed bool          // TaskDone: the cluster showed it done, nothing was run
	Attempt  int           // TaskRetry, TaskStart: counts from 1
	Wait     time.Duration // TaskRetry: pause before the next attempt
	Elapsed  time.Duration // TaskDone, TaskFailed, OperationDone, OperationFailed: time since its start in this run
	Gate     *GateInfo     // Gate
}

// GateInfo says what a closed gate waits for.
type GateInfo struct {
	Gate    string    `json:"gate"`              // approval, window, soak
	Opens   time.Time `json:"opens,omitzero"`    // by itself; zero: somebody has to open it
	Command string    `json:"command,omitempty"` // opens it
}

// Progress is how far a copying or comparing task is.
type Progress struct {
	Done  int64         `json:"done"`  // rows
	Total int64         `json:"total"` // rows, an estimate; 0 where unknown
	Rate  float64       `json:"rate"`  // rows a second over the last polls
	Lag   time.Duration `json:"lag"`   // replication lag; negative while copying
	ETA   time.Duration `json:"eta"`   // 0 where unknown
}

// Sink receives events. It must not block for long and is called from several goroutines, one at a time.
type Sink func(Event)
