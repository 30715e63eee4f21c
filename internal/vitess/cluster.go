package vitess

import (
	"context"
	"time"
)

// TopologyReader reads the topology. Nothing it does changes the cluster.
type TopologyReader interface {
	// Keyspaces are the names of all keyspaces, sorted.
	Keyspaces(ctx context.Context) ([]string, error)
	// Snapshot reads one keyspace. A keyspace that does not exist is no error: Exists is false.
	Snapshot(ctx context.Context, keyspace string) (*Snapshot, error)
	// Tablets reads tablet records strictly: a cell that cannot be read is an error instead of being left out.
	Tablets(ctx context.Context, keyspace string) ([]Tablet, error)
	// ValidateKeyspace returns the complaints of the server's own validation, none if clean.
	ValidateKeyspace(ctx context.Context, keyspace string, pingTablets bool) ([]string, error)
}

// SchemaReader reads tables.
type SchemaReader interface {
	// Schema reads the tables of a shard's primary, views included, by name.
	Schema(ctx context.Context, keyspace, shard string) ([]TableSchema, error)
	// TableSizes is Schema with names, rows and bytes only: cheap enough to be polled.
	TableSizes(ctx context.Context, keyspace, shard string) ([]TableSchema, error)
	// TablesWithRows returns the names of the tables on a shard's primary that have rows, sorted, as a query on each of them
	// tells; statistics may be a day old. among are those that are asked, nil is all; one that does not exist has no rows.
	TablesWithRows(ctx context.Context, keyspace, shard string, among []string) ([]string, error)
	// VSchema is the keyspace's vschema as canonical JSON, "" if there is none.
	VSchema(ctx context.Context, keyspace string) (string, error)
}

// WorkflowReader reads workflows and VDiffs.
type WorkflowReader interface {
	// Workflows reads the keyspace's workflows, `_reverse` ones included, without logs.
	Workflows(ctx context.Context, keyspace string) ([]Workflow, error)
	// VDiffs lists every VDiff of the workflow that any target shard knows, oldest first. It does not read reports.
	VDiffs(ctx context.Context, keyspace, workflow string) ([]VDiff, error)
	// VDiff sums up one VDiff over all target shards; State VDiffAbsent if none knows it.
	VDiff(ctx context.Context, keyspace, workflow, uuid string) (*VDiff, error)
	// StreamsCreated tells when the youngest stream of a workflow that was read just before was created: a time of its
	// tablet's MySQL, given by this machine's clock.
	StreamsCreated(ctx context.Context, keyspace string, w *Workflow) (time.Time, error)
	// VDiffCreated tells when a VDiff of the workflow was created, the earliest of its targets, in the same way:
	// a time that neither stopping nor resuming it changes.
	VDiffCreated(ctx context.Context, keyspace string, w *Workflow, uuid string) (time.Time, error)
	// WorkflowLock tells who holds the lock of a workflow; nil if nobody does, or if the server does not show its topology.
	WorkflowLock(ctx context.Context, keyspace, workflow string) (*Lock, error)
	// UnresolvedTransactions counts distributed transactions that wait for resolution on the keyspace.
	UnresolvedTransactions(ctx context.Context, keyspace string) (int, error)
	// OnlineDDLs lists the Online DDL migrations that are queued, ready or running, as "uuid (state)".
	OnlineDDLs(ctx context.Context, keyspace string) ([]string, error)
}

// ServerReader reads what the servers themselves are.
type ServerReader interface {
	// Servers reads how the MySQL servers of tablets are set up, in the order of the aliases. A server that does not answer is
	// no error: Unread says why. A cluster without MySQL (a sandbox) has none.
	Servers(ctx context.Context, aliases []string) ([]Server, error)
}

// Reader is all that can be read: what plan gets.
type Reader interface {
	ServerReader
	TopologyReader
	SchemaReader
	WorkflowReader
	RowReader
}

// WorkflowWriter changes workflows. Every call runs on a context of its own, whose deadline exceeds the server's own
// worst case: ending ctx never cancels a call that was sent (ctx that has ended already refuses to send). What a call
// returns is a hint; callers observe. SwitchTraffic, CompleteWorkflow and DeleteWorkflow, which lock their workflow, return a
// *LockedError where somebody else held it for too long.
type WorkflowWriter interface {
	ReshardCreate(ctx context.Context, request ReshardCreate) error
	// CopySchema creates tables of one shard on another one, with their definitions and without rows.
	CopySchema(ctx context.Context, request CopySchema) error
	// StartWorkflow and StopWorkflow set the state of every stream and leave cells and tablet types as they are.
	StartWorkflow(ctx context.Context, keyspace, workflow string) error
	StopWorkflow(ctx context.Context, keyspace, workflow, message string) error
	// DeleteWorkflow deletes the streams and, unless keepData, the copied tables on the targets.
	DeleteWorkflow(ctx context.Context, keyspace, workflow string, keepData bool) error
	// CompleteWorkflow is MoveTablesComplete with keep_data = true: streams and reverse streams go, shards stay.
	CompleteWorkflow(ctx context.Context, keyspace, workflow string) error
	// RemoveStreams deletes the workflow's rows of _vt.vreplication on every primary that has them, by
	// ExecuteFetchAsDBA. It settles a completion that died after it had deleted its source shards: see
	// docs/contributing/vitess.md#completing-and-deleting.
	RemoveStreams(ctx context.Context, keyspace, workflow string) error
	SwitchTraffic(ctx context.Context, request SwitchTraffic) (dryRun []string, err error)
	VDiffCreate(ctx context.Context, request VDiffCreate) error
	// VDiffResume takes up a stopped VDiff; one that runs already is no error.
	VDiffResume(ctx context.Context, keyspace, workflow, uuid string) error
	VDiffStop(ctx context.Context, keyspace, workflow, uuid string) error
	VDiffDelete(ctx context.Context, keyspace, workflow, uuid string) error
}

// CopySchema asks for tables of the source shard's primary to be created on the target shard's.
type CopySchema struct {
	Keyspace, Source, Target string
	Tables                   []string // names
}

// TopologyWriter changes the topology. The same rules hold as for WorkflowWriter.
type TopologyWriter interface {
	ApplyVSchema(ctx context.Context, keyspace, vschema string) error
	// DeleteShard deletes a shard record and its tablet records (recursive), never one that serves.
	DeleteShard(ctx context.Context, keyspace, shard string) error
	CreateShard(ctx context.Context, keyspace, shard string) error
	// ClearTabletControl sets disable_query_service = false for the type on the shard in every cell.
	ClearTabletControl(ctx context.Context, keyspace, shard string, tabletType TabletType) error
	RebuildKeyspaceGraph(ctx context.Context, keyspace string) error
}

// Writer is all that can be changed: what only tasks get.
type Writer interface {
	WorkflowWriter
	TopologyWriter
}

// Cluster is a live cluster.
type Cluster interface {
	Reader
	Writer
}

// ReshardCreate asks for a Reshard workflow. Every option is sent as it stands: proto zero values differ from
// vtctldclient's defaults, so callers spell all of them out.
type ReshardCreate struct {
	Workflow, Keyspace string
	Sources, Targets   []string
	Cells              []string
	TabletTypes        []string // upper case, in order of preference
	OnDDL              string   // IGNORE, STOP, EXEC, EXEC_IGNORE; the server reads anything else as IGNORE
	DeferSecondaryKeys bool
	AutoStart          bool
	Config             map[string]string // workflow_options.config
}

// SwitchTraffic asks for a switch of the given types in all cells. Types must not be empty: the server would do
// nothing and answer success.
type SwitchTraffic struct {
	Keyspace, Workflow string
	Types              []TabletType
	Backward           bool
	MaxLag             time.Duration // max_replication_lag_allowed
	Timeout            time.Duration // of the server's wait for catching up; at least 1 s
	ReverseReplication bool
	DryRun             bool
	// Resume says that a PRIMARY switch in this direction began and died (SegmentView.MidFlight) and is to be finished;
	// Types is PRIMARY alone and MaxLag at least Workflow.ResumeLag. Sending it again without would fail for ever
	// where tablets have 2PC enabled.
	Resume bool
}

// VDiffCreate asks for a VDiff under the caller's UUID. One that exists already on some targets is no error.
type VDiffCreate struct {
	Keyspace, Workflow, UUID string
	MaxExtraRows             int64 // rows to look up again when they seem extra
	Samples                  int64 // differing rows to report a table
	MaxDuration              time.Duration
}
