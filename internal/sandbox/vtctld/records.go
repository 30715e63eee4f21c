package vtctld

import (
	"context"
	"errors"
)

// Records stores the topology: a tree of versioned records for the cluster as a whole, which is called GlobalCell, and
// one for each cell. Each call is one transaction.
type Records interface {
	// Record returns one record, or ErrNoRecord.
	Record(ctx context.Context, cell, path string) (Record, error)
	// Records returns the records whose paths begin with prefix, in the order of their paths.
	Records(ctx context.Context, cell, prefix string) ([]Record, error)
	// Put writes a record and returns its new version, which is above 0. ifVersion is what is there before: a version,
	// Absent or AnyVersion. The errors are ErrRecordExists, ErrNoRecord and ErrVersion.
	Put(ctx context.Context, cell, path string, value []byte, ifVersion int64) (int64, error)
	// Remove removes a record of which ifVersion is the version, or AnyVersion. The errors are ErrNoRecord and ErrVersion.
	Remove(ctx context.Context, cell, path string, ifVersion int64) error
}

// Record is a record of the topology: a message under the path that Vitess gives it.
type Record struct {
	Path    string
	Value   []byte
	Version int64
}

// GlobalCell is the cell of the records that belong to the whole cluster.
const GlobalCell = "global"

// What Put and Remove find there before, in place of a version.
const (
	Absent     = int64(0)
	AnyVersion = int64(-1)
)

// The errors of Records that say what is there; any other is one of the storage.
var (
	ErrNoRecord     = errors.New("no such record")
	ErrRecordExists = errors.New("the record exists")
	ErrVersion      = errors.New("the record has another version")
)
