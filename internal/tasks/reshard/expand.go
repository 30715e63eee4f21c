// Package reshard has the tasks of a reshard, one file each, and the pure functions that lay them out as containers
// in RESHARD.md's order. The tasks read and change a cluster through internal/vitess and nothing else; when they run,
// and what is recorded of it, is internal/apply's business.
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
	Settings    Settings
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
	MaxReplicationLag  time.Duration
	LagWait            time.Duration
	SwitchTimeout      time.Duration
	ReverseReplication bool
	RemoveShards       bool
}
