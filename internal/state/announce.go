package state

import "math"

// signal is a byte far behind the end of the state file. Locking it (an open-file-description lock, apart from the
// flock that bbolt uses) tells others something without writing anything: it works on a file opened for reading in a
// folder that cannot be written, leaves nothing behind, and goes when its owner dies.
type signal int64

const (
	waiting       signal = math.MaxInt64 - 16 // somebody wants the file and does not get it
	writerWaiting signal = math.MaxInt64 - 17 // and wants to write: new readers hold back
	running       signal = math.MaxInt64 - 18 // a run has the run lock: locked exclusively
)
