package vitess

import "time"

// What vtctld v0.24 allows itself, from which the limits of mutating calls follow. A client's deadline ends the
// server's work too, except behind the journal of a switch, so a limit lies above what the server may need.
const (
	serverLock    = 45 * time.Second // wait for the lock of a keyspace, shard or workflow
	serverRemote  = 15 * time.Second // one call to a tablet, one read or write of the topology
	serverRefresh = 30 * time.Second // refreshing the tablets of both sides
	serverCancel  = 2 * time.Minute  // undoing a switch that failed before its journal
	margin        = time.Minute      // for everything else and for a slow network
)

// Limits of the calls whose work the server bounds. Where it does not (copying schemas, dropping tables, deleting
// tablets), an hour: what vtctldclient gives every command.
const (
	limitUnbounded   = time.Hour
	limitUpdate      = 2*serverRemote + serverRemote + margin // the callback's 30 s and reading the shards
	limitVDiff       = 5*time.Minute + margin                 // building the switcher reads every shard and stream; the tablets then write a row
	limitTopology    = serverLock + 4*serverRemote + margin   // lock, read, write, unlock; or refreshing a shard's tablets, 60 s
	limitGraph       = serverLock + 10*time.Minute            // every shard, then every cell
	limitSwitchReads = 2*serverLock + serverRefresh + 4*serverRemote + margin
)

// limitSwitch is above the sum of: the locks of workflow and keyspace, refreshing the tablets, reading the journals and
// permissions, three steps of up to timeout each (stopping streams, catching up, sequences), what follows the journal
// (timeout or 30 s, whichever is more), and undoing it all.
func limitSwitch(timeout time.Duration) time.Duration {
	return 2*serverLock + serverRefresh + 4*serverRemote + 3*timeout + max(timeout, 30*time.Second) + serverCancel + margin
}
