// Package plan compares what is wanted (config), what is (cluster) and what was done (state) and says what would be
// done about it, as plain data: a Plan. It is made by a list of named passes and written by nobody but the passes. This
// package reads clusters and state and changes neither; internal/apply runs a Plan, internal/ui shows one.
package plan

import (
	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/redact"
)

// Action says what a plan does with a container or task.
type Action string

// The actions, each with the symbol it is shown by.
const (
	Add       Action = "add"       // + will be run
	Change    Action = "change"    // ~ changes something that exists (vschema)
	Forget    Action = "forget"    // - no longer in the configuration: forgotten, the cluster is not touched
	Resume    Action = "resume"    // > recorded as begun, or under way on the cluster under this state's record: taken up again
	Adopt     Action = "adopt"     // = found done or running on the cluster without a record
	Gate      Action = "gate"      // || a gate that is closed: apply goes as far as it and no further
	Blocked   Action = "blocked"   // x cannot be done; Diagnostics say why and what to do
	Completed Action = "completed" // recorded done by this operation; shown only beside open tasks
)

// Kind says what sort of operation it is.
type Kind string

// The kinds of operation.
const (
	KindReshard  Kind = "reshard"        // forward, one segment
	KindWayBack  Kind = "way_back"       // an open reshard that is taken back, at the reshard's own address
	KindVSchema  Kind = "vschema"        // the layout is as wanted, the vschema is not
	KindControls Kind = "clear_controls" // leftover tablet controls
	KindSwitch   Kind = "finish_switch"  // an interrupted switch of writes that leads elsewhere than the layout wanted
	KindLegacy   Kind = "legacy_reshard" // one segment of a legacy cluster, by vtworker
	KindMove     Kind = "move_tables"    // a move_tables block
	KindTasks    Kind = "operation"      // an operation block
	KindEnqueued Kind = "enqueued"       // enqueued at a Scheduler: a block of plan files, or a task that none of them knows
)

// Plan is everything that an apply would do. Equal configuration, cluster and state give equal Plans, byte for byte in
// every rendering.
type Plan struct {
	// Operations are those with something to do or to say, in the order they run.
	Operations []Operation `json:"operations"`
	// Forgotten are recorded operations whose block is no longer in the configuration.
	Forgotten []Forgotten `json:"forgotten,omitempty"`
	// Released are rolled back operations that are not held any more, as their layout was edited since.
	Released []addr.Address `json:"released,omitempty"`
	// Alerts stand above everything else: "WRITES ARE STOPPED on customer/-80 since …".
	Alerts []string `json:"alerts,omitempty"`
	// Warnings are complaints that stop nothing.
	Warnings diag.List `json:"-"`
	// Clusters are the cluster blocks that the operations use, by name.
	Clusters []config.Cluster `json:"clusters,omitempty"`
	// Keyspaces is what was seen of the keyspaces that the operations change, by cluster and name.
	Keyspaces []Observation `json:"keyspaces,omitempty"`
	// Digest is the fingerprint of the whole plan: of its operations' digests.
	Digest string `json:"digest"`
	// Hide takes out what sensitive values of the configuration hold. It is in memory only.
	Hide *redact.Redactor `json:"-"`
}

// Operation is one planned operation. Containers holds all of its containers however far it is.
//
// Instance says which recorded instance it is. Where that exists and is open, the plan takes it up again; else apply
// creates it. A task with action Completed in an instance that is still to be created was done by the instance before
// and is unchanged: it is recorded as done there too, with the output it had.
type Operation struct {
	Address    addr.Address   `json:"address"`
	Kind       Kind           `json:"kind"`
	Action     Action         `json:"action"`
	Cluster    string         `json:"cluster,omitempty"`
	Keyspace   string         `json:"keyspace,omitempty"` // its name in the cluster
	Sources    []string       `json:"sources,omitempty"`
	Targets    []string       `json:"targets,omitempty"`
	Workflow   string         `json:"workflow,omitempty"`
	Reason     string         `json:"reason"`               // "configuration changed", "cluster changed outside shardform", … in words
	Case       string         `json:"case,omitempty"`       // rollback: which case of docs/contributing/cluster.md#rollback, and what will be deleted
	DependsOn  []addr.Address `json:"depends_on,omitempty"` // operations of this plan that have to be done before
	Instance   int            `json:"instance"`             // the instance of this address that the plan creates or resumes
	Digest     string         `json:"digest"`
	Containers []Container    `json:"containers"`
	Rows       int64          `json:"-"` // at stake, an estimate; 0 where unknown
	Bytes      int64          `json:"-"`
	Vitess     string         `json:"-"` // what is known of the version that the sources run, "" if nothing is
	Retry      config.Retry   `json:"retry"`
	// Observed is the fingerprint of layout, workflows and vschema when the plan was made: a saved plan whose cluster
	// shows another is stale, unless the run of this very digest changed it.
	Observed    string    `json:"observed,omitempty"`
	Diagnostics diag.List `json:"-"` // Blocked: why; otherwise warnings
	// Expansion is what the containers of a keyspace operation were laid out from besides the configuration: apply
	// records it with the operation (Record), so that the plan that resumes lays out the same ones.
	Expansion Expansion `json:"expansion,omitzero"`
}

// Container is one planned container.
type Container struct {
	Address         addr.Address `json:"address"`
	Action          Action       `json:"action"`
	Concurrency     int          `json:"concurrency,omitempty"`
	Summary         string       `json:"summary,omitempty"`  // what it does, one line
	WayBack         string       `json:"way_back,omitempty"` // how to undo from behind this container, one line
	PointOfNoReturn bool         `json:"point_of_no_return,omitempty"`
	Notes           []string     `json:"notes,omitempty"` // "not verified", …
	Tasks           []Task       `json:"tasks"`
}

// Task is one planned task.
type Task struct {
	Address    addr.Address      `json:"address"`
	Name       string            `json:"name"`
	Parameters map[string]string `json:"parameters,omitempty"` // sensitive ones have no value here: see Secrets
	Sensitive  []string          `json:"sensitive,omitempty"`  // names
	Action     Action            `json:"action"`
	Summary    string            `json:"summary,omitempty"` // one line
	Commands   []string          `json:"commands,omitempty"`
	Diffs      []TextDiff        `json:"diffs,omitempty"`
	Destroys   int               `json:"destroys,omitempty"` // shards removed or workflows deleted by it
	Note       string            `json:"note,omitempty"`     // what was observed, why blocked
	// Secrets are the values of the sensitive parameters. They are in memory only.
	Secrets map[string]string `json:"-"`
}

// TextDiff is a long text that changes.
type TextDiff struct {
	Parameter string `json:"parameter"`
	Before    string `json:"before"`
	After     string `json:"after"`
}

// Forgotten is a recorded operation that the configuration no longer has.
type Forgotten struct {
	Address addr.Address `json:"address"`
	Open    bool         `json:"open"` // it has not ended: apply refuses
	// Reason says why it is forgotten, where that is not the missing block.
	Reason string `json:"reason,omitempty"`
}

// Summary counts what a plan does: tasks added and changed, shards and workflows destroyed.
type Summary struct {
	Add, Change, Destroy, Resume, Adopt, Forget, Blocked int
}
