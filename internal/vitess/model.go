// Package vitess is the cluster behind small interfaces: what can be read of a Vitess cluster, what can be changed, and
// the driver that does both over the vtctld gRPC service. It reports what it sees and decides nothing about plans.
// Facts come from Vitess v0.24's own code and from running it (docs/contributing/vitess.md); where they surprise, the comment
// says so.
package vitess

import (
	"time"

	"shardform/internal/keyrange"
)

// TabletType is a serving type, in Vitess's upper-case spelling.
type TabletType string

// The serving types.
const (
	Primary TabletType = "PRIMARY"
	Replica TabletType = "REPLICA"
	Rdonly  TabletType = "RDONLY"
)

// ServingTypes are all of them, in the order in which a reshard switches them.
var ServingTypes = []TabletType{Rdonly, Replica, Primary}

// Snapshot is everything a decision about a keyspace needs, read at about one moment. All lists are in a fixed order,
// so that equal clusters give equal snapshots.
type Snapshot struct {
	Keyspace  string
	Exists    bool
	Cells     []string      // every cell of the cluster, sorted
	Shards    []Shard       // every shard record, in key order
	Serving   []CellServing // one a cell that has a SrvKeyspace, sorted by cell
	Workflows []Workflow    // every workflow with a stream on a primary of the keyspace, by name
	VSchema   string        // canonical JSON (CanonicalVSchema); "" if the keyspace has none
	// ServedFrom are the types that another keyspace serves for this one, until its tables are split off. Only a legacy
	// cluster has them.
	ServedFrom []ServedFrom
	Tablets    []Tablet // of the keyspace, by shard and alias
}

// Shard is a shard record of the topology.
type Shard struct {
	keyrange.Shard
	PrimaryServing bool   // is_primary_serving
	PrimaryAlias   string // "" if the shard has no primary

	// What only a legacy cluster has.
	Sources []SourceShard           // filtered replication into the shard
	Frozen  bool                    // its writes were moved away for good; its Sources lead back and stand still
	Denied  map[TabletType][]string // tables that were split off: the shard does not serve them any more
}

// SourceShard is one stream of filtered replication, as the record of the shard that it leads to has it.
type SourceShard struct {
	UID             uint32
	Keyspace, Shard string
	Tables          []string // of a vertical split; empty in a reshard
}

// ServedFrom says that a keyspace's tablet type is served by another one.
type ServedFrom struct {
	Type     TabletType
	Cells    []string // none: all
	Keyspace string
}

// CellServing is a cell's SrvKeyspace.
type CellServing struct {
	Cell       string
	Partitions map[TabletType]Partition
}

// Partition says which shards serve a tablet type in a cell.
type Partition struct {
	Shards   keyrange.Layout // shard_references
	Disabled []string        // shards whose control has query_service_disabled = true; controls with false do not count
}

// Tablet is a tablet record.
type Tablet struct {
	Alias     string // "zone1-0000000101"
	Shard     string
	Type      string // upper case: PRIMARY, REPLICA, RDONLY, SPARE, …
	Cell      string
	Addr      string // host:port of its MySQL, for operators
	StartTime time.Time
	Vitess    string // its Vitess version, "" where it has no tag that says so, as by default
}

// Server is how the MySQL server of a tablet is set up.
type Server struct {
	Alias  string
	Unread string // why nothing is known of it, "" if it answered

	MySQL         string        // version: "8.4.6"
	Vitess        string        // as its tables show: "24 or newer", "older than 24"; "" if they do not
	SQLMode       string        // sorted, comma-separated
	CharacterSet  string        // of the database, for tables that do not say
	Collation     string        // likewise
	BinlogExpires time.Duration // after which binary logs are removed; 0: never, or not known
	Bytes         int64         // of the files of its tables, 0 if not known
}

// Workflow is one VReplication workflow as GetWorkflows tells it.
type Workflow struct {
	Name           string
	Type           string // "Reshard", "MoveTables", …
	SourceKeyspace string
	Sources        keyrange.Layout // every source shard any stream names
	Targets        keyrange.Layout // every shard that has a stream
	Streams        []Stream        // by target shard, id
	Options        WorkflowOptions
	// MaxTransactionLag is max_v_replication_transaction_lag; negative means copying, never "no lag": see
	// docs/contributing/vitess.md#reading.
	MaxTransactionLag time.Duration
	// Clock is the largest difference between this machine's clock and those of the streams' tablets; the streams' times are
	// by this machine's clock.
	Clock ClockAhead
}

// WorkflowOptions are the settings of a workflow that can be read back.
type WorkflowOptions struct {
	Cells              []string
	TabletTypes        []string
	OnDDL              string
	DeferSecondaryKeys bool
	StopAfterCopy      bool
}

// Stream is one VReplication stream.
type Stream struct {
	ID          int64
	Target      string // shard it runs on
	Tablet      string // alias it runs on
	Source      string // shard it reads
	State       string // Init, Stopped, Copying, Running, Error
	Message     string // "FROZEN" after the switch, error texts
	Position    string
	RowsCopied  int64
	CopyTables  []string  // tables still to be copied (copy_states)
	Transaction time.Time // of the last applied transaction; zero if none
	Updated     time.Time // time_updated; zero if never
	Throttled   string    // component that throttles it, "" if none
	ThrottledAt time.Time
}

// Frozen reports whether the stream was frozen by a PRIMARY switch.
func (s Stream) Frozen() bool { return s.Message == "FROZEN" }

// TableSchema is a table on one shard's primary, from GetSchema.
type TableSchema struct {
	Name       string
	Create     string // CREATE statement, normalised by the server
	Type       string // "BASE TABLE" or "VIEW"
	Columns    []string
	PrimaryKey []string
	Rows       int64 // estimate from information_schema
	Bytes      int64 // data_length, an estimate too
}

// VDiffState is the state of a whole VDiff, summed up over its shards.
type VDiffState string

// The states, as vtctldclient's summary has them.
const (
	VDiffAbsent    VDiffState = "" // no shard knows it
	VDiffPending   VDiffState = "pending"
	VDiffStarted   VDiffState = "started"
	VDiffCompleted VDiffState = "completed" // on every shard and every table
	VDiffStopped   VDiffState = "stopped"
	VDiffError     VDiffState = "error"
)

// VDiff is the sum of one VDiff over all target shards.
type VDiff struct {
	UUID         string
	State        VDiffState
	StartedAt    time.Time // the latest start of any shard; zero if none
	CompletedAt  time.Time // the earliest completion of any shard; zero unless State is completed
	RowsCompared int64
	RowsTotal    int64 // estimate
	Mismatch     bool  // some shard found a difference
	Tables       []string
	Limited      bool     // compared only part: a limit or a choice of tables was given
	Shards       []string // target shards that know it
	Missing      []string // target shards that do not; creating it again under the same UUID makes it there too
	Errors       []string // "shard: last_error", where a shard reported one
	Report       []VDiffMismatch
}

// VDiffMismatch is what a VDiff found different in one table on one shard.
type VDiffMismatch struct {
	Shard, Table                                        string
	Matching, Different, ExtraRowsSource, ExtraRowsDest int64
	Samples                                             []string // differing rows, for people
}
