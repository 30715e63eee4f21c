// Package statetest is the suite that every state.Store passes, the consistency check that ends each of its tests, and
// faults to put before a store in the tests of those who use one. It knows stores only through their interface.
package statetest

import (
	"testing"

	"shardform/internal/state"
)

// Run puts a store through the suite. open gives an empty store that nothing else uses, and closes it in t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) state.Store) {
	tests := []struct {
		name string
		run  func(*testing.T, state.Store)
	}{
		{"a new store reads as empty", testEmpty},
		{"the first update makes lineage and serial", testMeta},
		{"what is written reads back", testRoundTrip},
		{"instances count per address, ids over all", testInstances},
		{"tasks get the ids that are free", testTaskIDs},
		{"a task is found by its address", testPutTask},
		{"containers are inserted right behind", testInsert},
		{"a later insertion comes before an earlier one", testInsertTwice},
		{"what does not fit is refused and leaves nothing", testRefused},
		{"a failed update leaves nothing", testRollback},
		{"a swallowed failure fails the update", testSwallowed},
		{"a panic leaves nothing and locks nobody out", testPanic},
		{"outputs are replaced as a whole", testOutputs},
		{"approvals are only ever added", testApprovals},
		{"runs and ledger keep their order", testLedger},
		{"long outputs and odd characters survive", testOddValues},
		{"updates of several goroutines are all there", testConcurrent},
		{"a cancelled context changes nothing", testCancelled},
		{"the run lock keeps a second run out and says who holds it", testLock},
		{"the run lock waits as long as it may", testLockWaits},
		{"the run lock comes free", testUnlock},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, checked(t, open)) })
	}
	t.Run("any sequence of writes reads as in memory", func(t *testing.T) { testModel(t, open) })
}

// checked opens a store whose test ends with a full check.
func checked(t *testing.T, open func(t *testing.T) state.Store) state.Store {
	s := open(t)
	t.Cleanup(func() { Check(t, s) })
	return s
}
