package state_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/sample"
	"shardform/internal/state"
	"shardform/internal/state/statetest"
)

// everything is what a file says, meta included.
type everything struct {
	Meta    state.Meta
	Content statetest.Content
}

func readAll(tb testing.TB, path string) (all everything, err error) {
	s := state.OpenBolt(path, state.BoltOptions{})
	defer func() { _ = s.Close() }()
	err = s.View(tb.Context(), func(r state.Reader) (err error) {
		all.Meta = r.Meta()
		all.Content, err = statetest.Read(r)
		return err
	})
	return all, err
}

// realFile makes a file with a history: several trees of more than one level, records put home and not, free pages.
func realFile(t *testing.T) (path string, text []byte, all everything) {
	path = filepath.Join(t.TempDir(), "real.db")
	s := state.OpenBolt(path, state.BoltOptions{})
	op, containers := bigOperation(60)
	id := mustCreate(t, s, op, containers)
	for i := range 37 {
		if err := checkpoint(t.Context(), s, id, containers, i); err != nil {
			t.Fatal(err)
		}
	}
	mustCreate(t, s, op, containers[:2])
	update(t, s, func(w state.Writer) error {
		return errors.Join(w.PutRun(state.Run{ID: "r", PlanDigest: strings.Repeat("p", 9000)}), w.PutOutputs([]state.Output{{Name: "o"}}),
			w.PutApproval(state.Approval{Address: op.Address.WithContainer("c"), Digest: "d1", Instance: 1, By: "ann"}), w.PutApproval(state.Approval{Address: op.Address.WithContainer("c"), Digest: "d2", Instance: 2, By: "ben"}))
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if all, err = readAll(t, path); err != nil || len(all.Content.Ledger) != 74 {
		t.Fatalf("%d ledger entries, %v", len(all.Content.Ledger), err)
	}
	return path, text, all
}

// rightOrClear puts text into a file and reads it: that must give all as it was, or a complaint that names the file
// and says what to do, and must leave the file alone. It reports whether there was a complaint.
func rightOrClear(t *testing.T, what string, text []byte, all everything) bool {
	t.Helper()
	path := filepath.Join(t.TempDir(), "damaged.db")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readAll(t, path)
	if err == nil {
		if !reflect.DeepEqual(all, got) { // much faster than cmp.Diff
			t.Errorf("%s: read something else (-want +got):\n%s", what, cmp.Diff(all, got, cmp.Comparer(func(a, b addr.Address) bool { return a == b })))
		}
		return false
	}
	var d *diag.Diagnostic
	if !errors.As(err, &d) || d.Place == nil || d.Place.File != path || d.Detail == "" || d.Hint == "" || diag.ExitOf(err) != diag.ExitFailed {
		t.Errorf("%s: unclear complaint %#v", what, err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(text, after) {
		t.Errorf("%s: the file was changed by reading it (%v)", what, err)
	}
	// Writing finds the same, or touches nothing that is damaged.
	s := state.OpenBolt(path, state.BoltOptions{})
	_ = s.Update(t.Context(), func(w state.Writer) error { return w.Append(state.LedgerEntry{Run: "r"}) })
	_ = s.Close()
	return true
}

func TestATruncatedFileIsRefused(t *testing.T) {
	t.Parallel()
	_, text, all := realFile(t)
	page := os.Getpagesize()
	inUse := 0
	for size := 0; size < len(text); size += page {
		for _, n := range []int{size, size + 1, size + 16, size + page/2 + 7, size + page - 1} {
			if rightOrClear(t, fmt.Sprintf("the first %d bytes", n), text[:n], all) {
				inUse = n
			}
		}
	}
	if inUse < 20*page {
		t.Errorf("files of more than %d of %d bytes were read", inUse, len(text))
	}
}

func TestFlippedBytesAreNeverReadAsSomethingElse(t *testing.T) {
	t.Parallel()
	_, text, all := realFile(t)
	random := rand.New(rand.NewPCG(1, 2))
	type flip struct {
		offset int
		mask   byte
	}
	var flips []flip
	page := os.Getpagesize()
	for start := 0; start < len(text); start += page {
		for offset := range 80 { // headers, meta pages and the first elements are where it hurts most
			if offset%12 == start/page%12 {
				flips = append(flips, flip{start + offset, 1 << random.IntN(8)})
			}
		}
	}
	for range 600 {
		flips = append(flips, flip{random.IntN(len(text)), byte(1 + random.IntN(255))})
	}
	name := func(f flip) string { return fmt.Sprintf("byte %d xor %#x", f.offset, f.mask) }
	flips = sample.Of(t, 0.4, flips, name)
	refused := 0
	for _, f := range flips {
		flipped := bytes.Clone(text)
		flipped[f.offset] ^= f.mask
		if rightOrClear(t, name(f), flipped, all) {
			refused++
		}
	}
	if refused < len(flips)/10 {
		t.Errorf("only %d of %d flips were noticed", refused, len(flips))
	}
}

func TestTornPagesAreNeverReadAsSomethingElse(t *testing.T) {
	t.Parallel()
	_, text, all := realFile(t)
	page := os.Getpagesize()
	refused := 0
	for start := 0; start < len(text); start += page {
		for _, from := range []int{0, 512, 2048} {
			torn := bytes.Clone(text)
			clear(torn[start+from : start+page])
			if rightOrClear(t, fmt.Sprintf("zeros from byte %d", start+from), torn, all) {
				refused++
			}
			copy(torn[start+from:start+page], text[(start+7*page)%len(text)+from:])
			rightOrClear(t, fmt.Sprintf("another page at byte %d", start+from), torn, all)
		}
	}
	if refused < 20 {
		t.Errorf("only %d torn pages were noticed", refused)
	}
}

func TestForeignFilesAreRefusedAndLeftAlone(t *testing.T) {
	foreign := filepath.Join(t.TempDir(), "foreign.db")
	db, err := bolt.Open(foreign, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket([]byte("meta"))
		return errors.Join(err, b.Put([]byte("format"), []byte("v7")))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(foreign)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string][]byte{
		"an empty file": {}, "text": []byte("shardform {}\n"), "zeros": make([]byte, 1<<16), "another program's bbolt file": other,
	} {
		path := filepath.Join(t.TempDir(), "state.db")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		s := state.OpenBolt(path, state.BoltOptions{})
		for _, err := range []error{
			s.View(t.Context(), func(state.Reader) error { return nil }),
			s.Update(t.Context(), func(state.Writer) error { return nil }),
		} {
			if err == nil || !strings.Contains(err.Error(), path+": file is not a shardform state") || diag.ExitOf(err) != diag.ExitFailed {
				t.Errorf("%s: %v", what, err)
			}
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, text) {
			t.Errorf("%s was changed (%v)", what, err)
		}
	}
}

func TestAFileCutOffWhileItIsOpenIsNoCrash(t *testing.T) {
	path, text, _ := realFile(t)
	s := state.OpenBolt(path, state.BoltOptions{})
	defer func() { _ = s.Close() }()
	err := s.View(t.Context(), func(r state.Reader) error {
		if err := os.Truncate(path, 2*int64(os.Getpagesize())); err != nil {
			t.Fatal(err)
		}
		_, err := statetest.Read(r)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), path+": state file is damaged") {
		t.Errorf("reading a file of %d bytes that was cut off: %v", len(text), err)
	}
}

func TestAChangedLedgerBreaksTheChain(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*bolt.Bucket) error{
		"an entry left out": func(b *bolt.Bucket) error { return b.Delete([]byte{0, 0, 0, 0, 0, 0, 0, 5}) },
		"the last cut off":  func(b *bolt.Bucket) error { k, _ := b.Cursor().Last(); return b.Delete(k) },
		"two exchanged": func(b *bolt.Bucket) error {
			three, four := []byte{0, 0, 0, 0, 0, 0, 0, 3}, []byte{0, 0, 0, 0, 0, 0, 0, 4}
			v3, v4 := bytes.Clone(b.Get(three)), bytes.Clone(b.Get(four))
			return errors.Join(b.Put(three, v4), b.Put(four, v3))
		},
		"a word changed": func(b *bolt.Bucket) error {
			two := []byte{0, 0, 0, 0, 0, 0, 0, 2}
			return b.Put(two, bytes.Replace(b.Get(two), []byte("task_running"), []byte("task_stopped"), 1))
		},
	} {
		path := filepath.Join(t.TempDir(), "state.db")
		s := state.OpenBolt(path, state.BoltOptions{})
		op, containers := bigOperation(10)
		id := mustCreate(t, s, op, containers)
		for i := range 63 { // the 64th transaction brings all entries home
			if err := checkpoint(t.Context(), s, id, containers, i); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		db, err := bolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bolt.Tx) error { return change(tx.Bucket([]byte("ledger"))) })
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(t, path); err == nil || !strings.Contains(err.Error(), "ledger") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
