// Package config reads plan files: HCL or JSON in, one typed, immutable Config out. Every complaint carries file, line,
// column and the source line, and all complaints of a run come together. It works offline and knows no cluster: what
// tasks exist and what parameters they take it learns from the Tasks interface.
package config

import (
	"time"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/keyrange"
	"shardform/internal/redact"
	"shardform/internal/sandbox/sandboxspec"
	"shardform/internal/tasks"
)

// Tasks tells which tasks plan files may name. *tasks.Registry is one.
type Tasks interface {
	Spec(name string) (*tasks.Spec, bool)
	Specs() []*tasks.Spec
	// Check judges parameters by more than their names and kinds: which exclude or need one another. Its error may name
	// values.
	Check(name string, parameters map[string]string) error
}

// Config is one configuration: a single plan file or all plan files of a folder.
type Config struct {
	Dir        string   // folder that relative paths start at, as the user would type it; "." if it is the working directory
	Files      []string // plan files read, in order, as the user would type them
	State      State
	Clusters   []Cluster // by name
	Keyspaces  []Keyspace
	Moves      []MoveTables
	Operations []Operation
	Outputs    []Output
	// Order has the addresses of all keyspace, move_tables and operation blocks, each after everything it depends on; ties go by address.
	Order []addr.Address
	// Secrets hides what sensitive values hold; nil if there are none.
	Secrets *redact.Redactor `json:"-"`
	// SensitiveVariables are the names of the variables that are marked as sensitive.
	SensitiveVariables []string `json:"-"`
}

// State says where recorded state is kept.
type State struct {
	Backend string // "bbolt"
	Path    string // as reachable from the working directory
}

// Cluster is a cluster block: exactly one of Vtctld, Legacy and Sandbox is set.
type Cluster struct {
	Name    string               `json:"name"`
	Vtctld  []string             `json:"vtctld,omitempty"` // host:port, tried in turn
	Legacy  *Legacy              `json:"legacy,omitempty"`
	TLS     *TLS                 `json:"tls,omitempty"`
	Auth    *Auth                `json:"auth,omitempty"`
	Sandbox *sandboxspec.Sandbox `json:"sandbox,omitempty"`
	Place   diag.Place           `json:"-"`
}

// Legacy are the servers of a Vitess that has vtworker (until v0.14), host:port of their gRPC.
type Legacy struct {
	Vtctld   string `json:"vtctld"`
	Vtworker string `json:"vtworker"`
}

// TLS has file names, as reachable from the working directory.
type TLS struct {
	CA         string `json:"ca,omitempty"`
	Cert       string `json:"cert,omitempty"`
	Key        string `json:"key,omitempty"`
	ServerName string `json:"server_name,omitempty"`
}

// Auth is Vitess's static authentication.
type Auth struct {
	Username string `json:"username"`
	Password string `json:"-"` // never written anywhere
}

// Keyspace is a keyspace block.
type Keyspace struct {
	Address   addr.Address
	Name      string // in the cluster; default: the label
	Cluster   string // name of a Cluster
	Shards    keyrange.Layout
	VSchema   string // JSON text as given; "" if the block has none
	Reshard   Reshard
	DependsOn []addr.Address
	Place     diag.Place // of the block's header
	ShardsAt  diag.Place // of the shards attribute
	VSchemaAt diag.Place // of the vschema attribute; zero if there is none
}

// Reshard are the settings of a keyspace's reshard block, defaults filled in: see docs/plan-files.md#keyspace.
type Reshard struct {
	Cells              []string // nil: let the server choose
	TabletTypes        []string // upper case
	OnDDL              string
	DeferSecondaryKeys bool
	PreflightWait      time.Duration
	StallAfter         time.Duration
	CopyConfig         map[string]string
	Verify             Verify
	Switch             Switch
	Soak               time.Duration // how long a reshard stays reversible behind the switch of writes; 0: not at all
	RemoveShards       bool
	Retry              Retry
}

// Verify are the settings of comparing rows: of the VDiff before the switch, and of counting.
type Verify struct {
	Enabled bool
	MaxAge  time.Duration
	Timeout time.Duration
	Samples int
	// CountRows says that every row of a shard has to be accounted for before it is deleted; AcceptMissing is how many rows
	// of a table may be missing, as decimal numbers by table.
	CountRows     bool
	AcceptMissing map[string]string
}

// Switch are the settings of the traffic switches.
type Switch struct {
	MaxReplicationLag  time.Duration
	LagWait            time.Duration
	Timeout            time.Duration
	ReverseReplication bool
	Approval           []string // steps that wait for an approval, in the order in which they come
	Window             *Window  // when writes may be switched; nil: at any time
}

// Window is when writes may be switched: from each moment that Opens names on, for Lasts.
type Window struct {
	Opens        string // cron expression of five fields
	Lasts        time.Duration
	Timezone     string        // IANA name
	MinRemaining time.Duration // a window with less left counts as closed; shorter than Lasts
}

// Retry says how temporary errors are retried.
type Retry struct {
	Attempts   int // in all, at least 1
	Backoff    time.Duration
	MaxBackoff time.Duration
}

// Operation is an operation block.
type Operation struct {
	Address    addr.Address
	Cluster    string // "" if none is named and none is needed
	Containers []Container
	DependsOn  []addr.Address
	Place      diag.Place
}

// Container is a container block, or a bare task, which is a container of its own under the task's name.
type Container struct {
	Address     addr.Address
	Concurrency int // 0: one at a time
	Tasks       []Task
	Place       diag.Place
}

// Task is a task block.
type Task struct {
	Address    addr.Address
	Name       string            // registered name
	Parameters map[string]string // as tasks.Parameter describes their texts
	Sensitive  []string          // names of the parameters that came from sensitive values, sorted
	Place      diag.Place
}
