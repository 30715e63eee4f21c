package state_test

import (
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"shardform/internal/state"
	"shardform/internal/state/statetest"
)

func TestBolt(t *testing.T) {
	t.Parallel()
	statetest.Run(t, func(t *testing.T) state.Store { return openBolt(t) })
}

// openBolt opens a store in a new folder; the test ends by closing it and letting bbolt check the file.
func openBolt(t testing.TB) *state.Bolt {
	s := state.OpenBolt(filepath.Join(t.TempDir(), "state.db"), state.BoltOptions{})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
		checkFile(t, s.Path())
	})
	return s
}

// checkFile lets bbolt itself check a file, if there is one.
func checkFile(t testing.TB, path string) {
	t.Helper()
	if !exists(path) {
		return
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		t.Errorf("bbolt cannot open the file: %v", err)
		return
	}
	defer func() { _ = db.Close() }()
	err = db.View(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("bbolt finds the file inconsistent: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
