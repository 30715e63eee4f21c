package state_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"shardform/internal/addr"
	"shardform/internal/state"
	"shardform/internal/state/statetest"
)

func approve(tb testing.TB, s state.Store, digest string) {
	tb.Helper()
	update(tb, s, func(w state.Writer) error {
		op, _ := bigOperation(1)
		return w.PutApproval(state.Approval{Address: op.Address.WithContainer("c"), Digest: digest, Instance: 1, By: "ann"})
	})
}

// Files from before there were approvals have no bucket for them.
func TestTheFirstApprovalMakesItsBucket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := state.OpenBolt(path, state.BoltOptions{})
	update(t, s, nothing)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := change(path, func(tx *bolt.Tx) error {
		if tx.Bucket([]byte("approvals")) != nil {
			return errors.New("there is a bucket approvals already")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s = state.OpenBolt(path, state.BoltOptions{})
	t.Cleanup(func() { _ = s.Close() })
	update(t, s, func(w state.Writer) error {
		if list, err := w.Approvals(); err != nil || len(list) != 0 {
			t.Errorf("before the first: %v, %v", list, err)
		}
		return nil
	})
	approve(t, s, "d1")
	statetest.Check(t, s)
	all, err := readAll(t, path)
	if err != nil || len(all.Content.Approvals) != 1 || all.Content.Approvals[0].By != "ann" {
		t.Errorf("reads as %+v, %v", all.Content.Approvals, err)
	}
}

func TestTheNewestApprovalOfTheVeryOperationCounts(t *testing.T) {
	op, _ := bigOperation(1)
	create, finish := op.Address.WithContainer("create"), op.Address.WithContainer("finish")
	all := []state.Approval{
		{Address: create, Digest: "d1", Instance: 1, By: "first"}, {Address: create, Digest: "d1", Instance: 1, By: "second"},
		{Address: create, Digest: "d2", Instance: 1, By: "third"}, {Address: create, Digest: "d2", Instance: 2, By: "fourth"},
	}
	for _, tt := range []struct {
		step     addr.Address
		instance int
		digest   string
		by       string
	}{{create, 1, "d1", "second"}, {create, 1, "d2", "third"}, {create, 2, "d2", "fourth"}, {create, 2, "d1", ""}, {create, 1, "d3", ""}, {finish, 1, "d1", ""}} {
		if got, ok := state.Approved(all, tt.step, tt.instance, tt.digest); got.By != tt.by || ok != (tt.by != "") {
			t.Errorf("%s, instance %d, for %s: %+v, %v; want one by %q", tt.step, tt.instance, tt.digest, got, ok, tt.by)
		}
	}
}

func TestApprovalsThatAreMissingAreNoticed(t *testing.T) {
	name := []byte("approvals")
	one, two, three := []byte{0, 0, 0, 0, 0, 0, 0, 1}, []byte{0, 0, 0, 0, 0, 0, 0, 2}, []byte{0, 0, 0, 0, 0, 0, 0, 3}
	for what, damage := range map[string]func(*bolt.Tx) error{
		"the first":         func(tx *bolt.Tx) error { return tx.Bucket(name).Delete(one) },
		"the last":          func(tx *bolt.Tx) error { return tx.Bucket(name).Delete(three) },
		"one in the middle": func(tx *bolt.Tx) error { return tx.Bucket(name).Delete(two) },
		"two exchanged": func(tx *bolt.Tx) error {
			b := tx.Bucket(name)
			first := append([]byte(nil), b.Get(one)...)
			second := append([]byte(nil), b.Get(two)...)
			return errors.Join(b.Put(one, second), b.Put(two, first))
		},
		"the number of them": func(tx *bolt.Tx) error { return tx.Bucket(name).SetSequence(0) },
		"the name of their bucket": func(tx *bolt.Tx) error {
			_, err := tx.CreateBucket([]byte("cpprovals"))
			return errors.Join(err, tx.DeleteBucket(name))
		},
	} {
		path := filepath.Join(t.TempDir(), "state.db")
		s := state.OpenBolt(path, state.BoltOptions{})
		for _, digest := range []string{"d1", "d2", "d3"} {
			approve(t, s, digest)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := change(path, damage); err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(t, path); err == nil || !strings.Contains(err.Error(), "pprovals") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// change writes to the file at path with nothing but bbolt.
func change(path string, fn func(*bolt.Tx) error) error {
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	return errors.Join(db.Update(fn), db.Close())
}
