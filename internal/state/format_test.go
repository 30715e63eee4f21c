package state

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"shardform/internal/diag"
)

// formatOne makes a file of format 1 with one run.
func formatOne(t *testing.T) (path string, text []byte) {
	path = filepath.Join(t.TempDir(), "state.db")
	b := OpenBolt(path, BoltOptions{})
	if err := b.Update(t.Context(), func(w Writer) error { return w.PutRun(Run{ID: "1"}) }); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, text
}

// formatThree is a program of the future, which has runs end with 0 at first and outputs in another bucket.
func formatThree(b *Bolt, calls *[]int) *Bolt {
	b.schema = schema{format: 3, migrations: map[int]migration{
		1: func(tx *bolt.Tx) error {
			*calls = append(*calls, 1)
			r := &records{tx: tx}
			return r.PutRun(Run{ID: "2"})
		},
		2: func(tx *bolt.Tx) error {
			*calls = append(*calls, 2)
			_, err := tx.CreateBucketIfNotExists([]byte("new"))
			return err
		},
	}}
	return b
}

func TestAnOlderFormatIsMigratedAfterACopy(t *testing.T) {
	path, text := formatOne(t)
	var calls []int
	b := formatThree(OpenBolt(path, BoltOptions{}), &calls)
	read := func() (meta Meta, ids []string) {
		t.Helper()
		err := b.View(t.Context(), func(r Reader) error {
			runs, err := r.Runs()
			meta = r.Meta()
			for _, run := range runs {
				ids = append(ids, run.ID)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return meta, ids
	}
	meta, ids := read()
	if meta.Format != 3 || meta.Serial != 1 || cmp.Diff([]string{"1", "2"}, ids) != "" {
		t.Errorf("reading an older file: %+v, runs %v", meta, ids)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, text) {
		t.Errorf("reading changed the file (%v)", err)
	}
	if err := b.Update(t.Context(), func(w Writer) error { return w.PutRun(Run{ID: "3"}) }); err != nil {
		t.Fatal(err)
	}
	if backup, err := os.ReadFile(path + ".format1-serial1"); err != nil || !bytes.Equal(backup, text) {
		t.Errorf("the copy is not the file as it was (%v)", err)
	}
	meta, ids = read()
	if meta.Format != 3 || meta.Serial != 2 || cmp.Diff([]string{"1", "2", "3"}, ids) != "" {
		t.Errorf("after migrating: %+v, runs %v", meta, ids)
	}
	if diff := cmp.Diff([]int{1, 2, 1, 2}, calls); diff != "" {
		t.Errorf("migrations: %s", diff)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) != 2 {
		t.Errorf("found %v, %v; want the state and its copy", names, err)
	}
}

func TestANewerFormatIsRefused(t *testing.T) {
	path, _ := formatOne(t)
	var calls []int
	future := formatThree(OpenBolt(path, BoltOptions{}), &calls)
	if err := future.Update(t.Context(), func(Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := future.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b := OpenBolt(path, BoltOptions{})
	for _, err := range []error{b.View(t.Context(), func(Reader) error { return nil }), b.Update(t.Context(), func(Writer) error { return nil })} {
		if err == nil || !strings.Contains(err.Error(), "format 3") || !strings.Contains(err.Error(), "up to 1") || diag.ExitOf(err) != diag.ExitFailed || diag.All(err)[0].Hint == "" {
			t.Errorf("got %v", err)
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, text) {
		t.Errorf("the file was changed (%v)", err)
	}
}

func TestAFormatThatNoMigrationLeadsFromIsRefused(t *testing.T) {
	path, text := formatOne(t)
	b := OpenBolt(path, BoltOptions{})
	b.schema = schema{format: 2}
	err := b.Update(t.Context(), func(Writer) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "no way from format 1 to 2") {
		t.Errorf("got %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, text) {
		t.Errorf("the file was changed (%v)", err)
	}
}
