// Package reshard has the tasks of a reshard, one file each, and the pure functions that lay them out as containers in the
// order of docs/contributing/cluster.md. The tasks read and change a cluster through internal/vitess and nothing else; when
// they run, and what is recorded of it, is internal/apply's business.
package reshard

import (
	"time"

	"shardform/internal/keyrange"
)

// Step is one container of an operation before it has an address: its name is the last part of it.
type Step struct {
	Name            string // "create"
	Summary         string // one line
	WayBack         string // how to undo from behind this step, one line
	PointOfNoReturn bool
	Notes           []string // warnings shown with the step
	Tasks           []StepTask
}

// StepTask is one task of a step before it has an address.
type StepTask struct {
	Label      string // last part of the address: "create", "complete", "delete_shard:-80"
	Name       string // registered task name
	Parameters map[string]string
	Destroys   int // shards removed by it
}

// Request is everything the expansion of one segment's reshard depends on.
type Request struct {
	Cluster, Keyspace string
	Segment           keyrange.Segment
	Workflow          string // sf_…, or the adopted one's name
	// VSchema is the wanted vschema as canonical JSON, VSchemaBefore the one the cluster has; equal or VSchema "" means
	// no vschema is to be written. Sharded says what the wanted one (or, if none is wanted, the present one) is.
	VSchema, VSchemaBefore string
	Sharded                bool
	// Last says that this is the keyspace's last segment: an unsharded vschema is written at its end.
	First, Last bool
	// Hold says that the reshard was rolled back: it does not begin again before somebody approves it anew.
	Hold     bool
	Settings Settings
}

// Settings are those of the keyspace's reshard block, in the units of the tasks.
type Settings struct {
	Cells, TabletTypes []string
	OnDDL              string
	DeferSecondaryKeys bool
	PreflightWait      time.Duration
	StallAfter         time.Duration
	CopyConfig         map[string]string
	VerifyEnabled      bool
	VerifyMaxAge       time.Duration
	VerifyTimeout      time.Duration
	VerifySamples      int
	SkipCount          bool              // rows are not counted before anything is deleted
	AcceptMissing      map[string]string // by table: how many rows may be missing then
	MaxReplicationLag  time.Duration
	LagWait            time.Duration
	SwitchTimeout      time.Duration
	ReverseReplication bool
	RemoveShards       bool
	Approval           []string // steps that wait for an approval: create, switch_rdonly, switch_replica, switch_primary, finish
	Window             *Window  // when writes may be switched; nil: at any time
	Soak               time.Duration
}

// Window is when writes may be switched: from each moment that Opens names on, for Lasts.
type Window struct {
	Opens        string // cron expression of five fields
	Lasts        time.Duration
	Timezone     string        // IANA name
	MinRemaining time.Duration // a window with less left counts as closed
}
