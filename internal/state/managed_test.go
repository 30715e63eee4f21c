package state

import (
	"path/filepath"
	"testing"

	"shardform/internal/addr"
)

func TestManagedAreTheNewestInstancesThatAreNotForgotten(t *testing.T) {
	store := OpenBolt(filepath.Join(t.TempDir(), "state.db"), BoltOptions{})
	defer func() { _ = store.Close() }()
	a, b, c := addr.Operation("a"), addr.Operation("b"), addr.Operation("c")
	if err := store.Update(t.Context(), func(w Writer) error {
		for _, op := range []Operation{{Address: a, Digest: "old"}, {Address: b, Digest: "gone"}, {Address: c, Digest: "only"}, {Address: a, Digest: "new"}} {
			made, err := w.CreateOperation(op, nil)
			if err != nil {
				return err
			}
			if op.Digest == "gone" {
				made.Forgotten = true
				if err := w.PutOperation(made); err != nil {
					return err
				}
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := store.View(t.Context(), func(r Reader) error {
		managed, err := Managed(r)
		if err != nil {
			return err
		}
		if len(managed) != 2 || managed[0].Digest != "new" || managed[1].Digest != "only" {
			t.Errorf("managed: %+v", managed)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
