// Package state records what shardform did: operations, their containers and tasks, runs, and a ledger that is only
// ever appended to. It has the records, the Store interface that the engine and the plan use, and the bbolt store. It
// knows nothing of clusters and decides nothing: losing it loses history, not safety.
package state

import (
	"context"
	"encoding/json"
	"time"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
)

// Format is the version of the bucket layout that this program writes (docs/state-format.md).
const Format = 1

// Store is a place where state is kept. All its methods are safe for concurrent use. A store that does not exist yet
// reads as empty and comes into being with the first Update.
type Store interface {
	// View calls fn with a consistent reading. It waits for a writer at most as long as ctx allows.
	View(ctx context.Context, fn func(Reader) error) error
	// Update calls fn in one transaction: everything it writes is durable when Update returns nil, nothing otherwise.
	Update(ctx context.Context, fn func(Writer) error) error
	// Lock takes the run lock, waiting at most timeout; held by another run, the error is a diagnostic with
	// diag.ExitLocked that names the holder, since when, and the way out. It ends with the process at the latest.
	Lock(ctx context.Context, who Holder, timeout time.Duration) (unlock func() error, err error)
	// Close lets go of everything; the store is not to be used afterwards.
	Close() error
}

// Reader reads records. Slices and maps that it returns belong to the caller.
type Reader interface {
	Meta() Meta
	// Operations are the headers of all instances, oldest first.
	Operations() ([]Operation, error)
	// Operation reads one instance's header; ok is false if there is none.
	Operation(id OperationID) (op Operation, ok bool, err error)
	// Latest is the newest instance at an operation's address.
	Latest(a addr.Address) (op Operation, ok bool, err error)
	// Containers are an instance's containers with their tasks, in running order.
	Containers(id OperationID) ([]Container, error)
	// Task reads the task at an address in the newest instance of its operation.
	Task(a addr.Address) (task Task, ok bool, err error)
	// Approvals are all that were ever given, oldest first.
	Approvals() ([]Approval, error)
	// Outputs are those of the last apply, by name.
	Outputs() ([]Output, error)
	// Runs are all runs, oldest first.
	Runs() ([]Run, error)
	// Ledger are the entries of one run, or all if run is "", oldest first. It checks the hash chain over all of them.
	Ledger(run string) ([]LedgerEntry, error)
}

// Writer changes records inside one transaction.
type Writer interface {
	Reader
	// CreateOperation writes a new instance with its containers and tasks and gives it its ID and Instance number,
	// and each task without an ID the operation's next one.
	CreateOperation(op Operation, containers []Container) (Operation, error)
	PutOperation(op Operation) error
	// PutTask writes one task; its place in the operation is found by its address.
	PutTask(id OperationID, task Task) error
	// InsertContainers puts containers right behind the one at address after.
	InsertContainers(id OperationID, after addr.Address, containers []Container) error
	// PutApproval adds an approval behind all others; none is ever changed or taken back.
	PutApproval(approval Approval) error
	PutOutputs(outputs []Output) error
	PutRun(run Run) error
	// Append adds to the ledger; Sequence, Previous and Hash are filled in.
	Append(entry LedgerEntry) error
}

// OperationID names one instance of an operation, counted from "1" over the life of the state.
type OperationID string

// Meta is what the file says of itself.
type Meta struct {
	Format  int    `json:"format"`
	Lineage string `json:"lineage"` // uuid, made with the file; "" while there is none
	Serial  uint64 `json:"serial"`  // counts transactions
}

// Operation is the header of one instance of an operation. An instance that ended is history.
type Operation struct {
	ID        OperationID                        `json:"id"`
	Address   addr.Address                       `json:"address"`
	Instance  int                                `json:"instance"` // counts from 1 over the instances at Address
	Digest    string                             `json:"digest"`
	Cluster   string                             `json:"cluster,omitempty"`
	Keyspace  string                             `json:"keyspace,omitempty"`
	State     automationpb.ClusterOperationState `json:"state"`
	Error     string                             `json:"error,omitempty"` // the first failed task's, once it ended or stopped
	Forgotten bool                               `json:"forgotten,omitempty"`
	Created   time.Time                          `json:"created"`
	Ended     time.Time                          `json:"ended,omitzero"`
	// Waiting is the closed gate at which the last run of the open instance ended; nil if it ended otherwise.
	Waiting *Waiting `json:"waiting,omitempty"`
	// Plan is what the plan needs to know again: kind, segment, workflow; internal/plan writes and reads it.
	Plan json.RawMessage `json:"plan,omitempty"`
}

// Waiting is what an operation waits for, as it was when a run of it got there.
type Waiting struct {
	Task    addr.Address `json:"task"`
	Gate    string       `json:"gate"` // approval, window, soak
	Reason  string       `json:"reason"`
	Opens   time.Time    `json:"opens,omitzero"`    // by itself; zero: somebody has to open it
	Command string       `json:"command,omitempty"` // opens it
	// Instance and Digest are those of the operation that waits, where that is not recorded yet: it begins again after a rollback,
	// of which this is the record, and nothing of it was begun. Zero: the record is its own.
	Instance int    `json:"instance,omitempty"`
	Digest   string `json:"digest,omitempty"`
}

// Container is a task container with its tasks.
type Container struct {
	Address     addr.Address `json:"address"`
	Concurrency int          `json:"concurrency,omitempty"`
	Tasks       []Task       `json:"tasks"`
}

// Task is everything recorded of one task: see docs/state-format.md#records.
type Task struct {
	Address    addr.Address      `json:"address"`
	Name       string            `json:"name"`
	Parameters map[string]string `json:"parameters,omitempty"`
	// Sensitive maps the names of sensitive parameters to salted hashes of their values ("sha256:SALT:HASH", hex); the
	// values are nowhere.
	Sensitive map[string]string      `json:"sensitive,omitempty"`
	ID        string                 `json:"id"`
	State     automationpb.TaskState `json:"state"`
	Output    string                 `json:"output,omitempty"`
	Error     string                 `json:"error,omitempty"`
	Attempts  int                    `json:"attempts,omitempty"` // finished ones
	Started   time.Time              `json:"started,omitzero"`   // of the first announcement
	Ended     time.Time              `json:"ended,omitzero"`
	// Announced is what the task was about to do when it was last started, in words ("create workflow sf_…").
	Announced string `json:"announced,omitempty"`
	// Observed says that the task was found done on the cluster and not run.
	Observed bool `json:"observed,omitempty"`
	// Process is the process that the task started on a machine and that is not known to have ended; nil if there is none.
	Process *Process `json:"process,omitempty"`
}

// Process is what a process and all that it started are found by.
type Process struct {
	Host    string `json:"host"`
	Boot    string `json:"boot,omitempty"`    // id of the host's boot; "" where the system tells none
	Mark    string `json:"mark"`              // value of SHARDFORM_TASK_RUN in their environment
	PID     int    `json:"pid,omitempty"`     // of the first, and its session and group; 0: about to be started
	Started string `json:"started,omitempty"` // by the system's clock since the boot: with the pid, its identity
}

// Approval is a person's consent to one step of exactly one operation.
type Approval struct {
	Address addr.Address `json:"address"` // of the step: a container
	Digest  string       `json:"digest"`  // of the operation
	// Instance of the operation: what was approved once is not approved again when the same is done anew.
	Instance int       `json:"instance"`
	By       string    `json:"by"`  // a label, not a login
	Who      Holder    `json:"who"` // ran the command
	At       time.Time `json:"at"`
}

// Output is a recorded output.
type Output struct {
	Name      string          `json:"name"`
	Sensitive bool            `json:"sensitive,omitempty"`
	Value     json.RawMessage `json:"value,omitempty"` // cty JSON; absent if sensitive
	Type      json.RawMessage `json:"type,omitempty"`
}

// Run is one apply, or another command that wrote to the ledger.
type Run struct {
	ID         string    `json:"id"` // time-ordered: 20261123T120102.123456Z-1a2b
	Who        Holder    `json:"who"`
	PlanDigest string    `json:"plan_digest"`
	Started    time.Time `json:"started"`
	Ended      time.Time `json:"ended,omitzero"`
	Exit       int       `json:"exit"` // -1 while it has not ended
}

// Holder says who runs: it stands in the lock file and in every run.
type Holder struct {
	User      string    `json:"user"`
	Host      string    `json:"host"`
	PID       int       `json:"pid"`
	Since     time.Time `json:"since"`
	Operation string    `json:"operation"` // what it does: "apply examples/quickstart.hcl"
	Run       string    `json:"run,omitempty"`
}

// LedgerEntry is one thing that happened. Hash covers the entry and the hash before it.
type LedgerEntry struct {
	Sequence uint64       `json:"sequence"`
	Time     time.Time    `json:"time"`
	Run      string       `json:"run"`
	Address  addr.Address `json:"address,omitzero"`
	Event    string       `json:"event"` // docs/state-format.md lists them
	Detail   string       `json:"detail,omitempty"`
	Previous string       `json:"previous"` // hex sha256
	Hash     string       `json:"hash"`
}
