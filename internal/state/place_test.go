package state_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"shardform/internal/diag"
	"shardform/internal/state"
	"shardform/internal/state/statetest"
)

func nothing(state.Writer) error { return nil }

func look(state.Reader) error { return nil }

func TestNothingIsMadeBeforeTheFirstUpdate(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "state.db")
	s := state.OpenBolt(path, state.BoltOptions{})
	if err := s.View(t.Context(), look); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), func(state.Writer) error { return errors.New("no") }); err == nil {
		t.Fatal("a failed update succeeded")
	}
	if names, err := os.ReadDir(folder); len(names) != 0 || err != nil {
		t.Errorf("found %v, %v; want nothing", names, err)
	}
	unlock, err := s.Lock(t.Context(), state.Holder{User: "ann"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path + ".lock"); !strings.Contains(string(text), `"user":"ann"`) || err != nil {
		t.Errorf("lock file has %q, %v", text, err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if names, err := os.ReadDir(folder); len(names) != 0 || err != nil {
		t.Errorf("a released lock left %v, %v", names, err)
	}
	update(t, s, nothing)
	names, err := os.ReadDir(folder)
	if err != nil || len(names) != 1 || names[0].Name() != "state.db" {
		t.Errorf("found %v, %v; want the state", names, err)
	}
	for _, name := range names {
		if info, err := name.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s, %v; want 0600", name.Name(), info.Mode(), err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), nothing); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("update of a closed store: %v", err)
	}
}

func TestMetaIsTextThatAnyToolReads(t *testing.T) {
	s := openBolt(t)
	update(t, s, nothing)
	update(t, s, nothing)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(s.Path(), 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	err = db.View(func(tx *bolt.Tx) error {
		meta := tx.Bucket([]byte("meta"))
		if format, serial, lineage := meta.Get([]byte("format")), meta.Get([]byte("serial")), meta.Get([]byte("lineage")); string(format) != "1" || string(serial) != "2" || len(lineage) != 36 {
			t.Errorf("format %q, serial %q, lineage %q", format, serial, lineage)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPlacesWhereNoStateCanBe(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(folder, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	dangling := filepath.Join(folder, "dangling")
	if err := os.Symlink(filepath.Join(folder, "nowhere"), dangling); err != nil {
		t.Fatal(err)
	}
	for path, summary := range map[string]string{
		folder:                              "state path is a directory",
		filepath.Join(folder, "no", "s.db"): "folder of the state file does not exist",
		filepath.Join(file, "s.db"):         "folder of the state file is no folder",
		fifo:                                "state path is no regular file",
		dangling:                            "state file cannot be made",
	} {
		s := state.OpenBolt(path, state.BoltOptions{})
		errs := map[string]error{"update": s.Update(t.Context(), nothing)}
		if path != dangling { // reads as empty, and only making it fails
			errs["view"] = s.View(t.Context(), look)
			_, errs["lock"] = s.Lock(t.Context(), state.Holder{}, 0)
		}
		for what, err := range errs {
			ds := diag.All(err)
			if len(ds) != 1 || ds[0].Summary != summary || ds[0].Hint == "" || ds[0].Place == nil || diag.ExitOf(err) != diag.ExitFailed {
				t.Errorf("%s of %s: %v, want %s", what, path, err, summary)
			}
		}
	}
}

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// openFolder is a new folder that everybody can pass through.
func openFolder(t *testing.T) string {
	folder := t.TempDir()
	chmod(t, filepath.Dir(folder), 0o755)
	chmod(t, folder, 0o755)
	return folder
}

func TestReadOnlyFoldersReadAndComplainOfWrites(t *testing.T) {
	folder := openFolder(t)
	path := filepath.Join(folder, "state.db")
	writer := state.OpenBolt(path, state.BoltOptions{})
	update(t, writer, func(w state.Writer) error { return w.PutRun(state.Run{ID: "1"}) })
	chmod(t, path, 0o444)
	chmod(t, folder, 0o555)
	defer chmod(t, folder, 0o755)
	asNobody(t, func() {
		s := state.OpenBolt(path, state.BoltOptions{})
		// The writer still has the file open: the reader waits for it to let go, and leaves nothing in the folder.
		err := s.View(t.Context(), func(r state.Reader) error {
			runs, err := r.Runs()
			if len(runs) != 1 {
				t.Errorf("read %v", runs)
			}
			return err
		})
		if err != nil {
			t.Errorf("view: %v", err)
		}
		if err := s.Update(t.Context(), nothing); err == nil || !strings.Contains(err.Error(), path+": state file cannot be opened") || diag.ExitOf(err) != diag.ExitFailed {
			t.Errorf("update: %v", err)
		}
		if _, err := s.Lock(t.Context(), state.Holder{}, 0); err == nil || !strings.Contains(err.Error(), path+".lock: run lock cannot be taken") || diag.ExitOf(err) != diag.ExitFailed {
			t.Errorf("lock: %v", err)
		}
		other := state.OpenBolt(filepath.Join(folder, "other.db"), state.BoltOptions{})
		if err := other.Update(t.Context(), nothing); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("making a file: %v", err)
		}
	})
	if err := writer.Close(); err != nil {
		t.Error(err)
	}
	if names, err := os.ReadDir(folder); len(names) != 1 || err != nil {
		t.Errorf("found %v, %v; want the state file alone", names, err)
	}
}

func TestAFileThatMayNotBeReadIsAClearError(t *testing.T) {
	path := filepath.Join(openFolder(t), "state.db")
	s := state.OpenBolt(path, state.BoltOptions{})
	update(t, s, nothing)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	chmod(t, path, 0)
	asNobody(t, func() {
		err := state.OpenBolt(path, state.BoltOptions{}).View(t.Context(), look)
		ds := diag.All(err)
		if len(ds) != 1 || !errors.Is(err, fs.ErrPermission) || !strings.Contains(ds[0].Hint, "owner") {
			t.Errorf("view: %v", err)
		}
	})
}

func TestStoresThatMakeTheFileAtTheSameMomentLoseNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	const stores = 8
	var wg sync.WaitGroup
	for i := range stores {
		wg.Go(func() {
			s := state.OpenBolt(path, state.BoltOptions{})
			if err := s.Update(t.Context(), func(w state.Writer) error { return w.PutRun(state.Run{ID: string(rune('a' + i))}) }); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	all, err := readAll(t, path)
	if err != nil || len(all.Content.Runs) != stores || all.Meta.Serial != stores {
		t.Errorf("%d runs, serial %d, %v; want %d", len(all.Content.Runs), all.Meta.Serial, err, stores)
	}
	checkFile(t, path)
}

func TestTheFileIsLetGoWhenNothingIsWritten(t *testing.T) {
	s := openBolt(t)
	update(t, s, nothing)
	f, err := os.Open(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	// bbolt's lock, asked for without announcing anything: only idleness frees it.
	start := time.Now()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	t.Logf("let go after %s", time.Since(start))
}

// Whoever reads all the time through a store that has just written must not keep the file from everybody else.
func TestTheFileIsLetGoAlthoughItIsReadAllTheTime(t *testing.T) {
	writer := openBolt(t)
	update(t, writer, nothing)
	var polls sync.WaitGroup
	over := make(chan struct{})
	polls.Go(func() {
		for tick := time.Tick(2 * time.Millisecond); ; <-tick {
			select {
			case <-over:
				return
			default:
			}
			if err := writer.View(t.Context(), look); err != nil {
				t.Errorf("reading all the time: %v", err)
			}
		}
	})
	other := state.OpenBolt(writer.Path(), state.BoltOptions{Timeout: 5 * time.Second})
	if err := other.View(t.Context(), look); err != nil {
		t.Errorf("reading beside it: %v", err)
	}
	if err := other.Update(t.Context(), nothing); err != nil {
		t.Errorf("writing beside it: %v", err)
	}
	close(over)
	polls.Wait()
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}

func TestNoOneWaitsForEverInsideOfOneProcess(t *testing.T) {
	s := state.OpenBolt(filepath.Join(t.TempDir(), "state.db"), state.BoltOptions{Timeout: 20 * time.Millisecond})
	err := s.Update(t.Context(), func(state.Writer) error {
		if err := s.Update(t.Context(), nothing); diag.ExitOf(err) != diag.ExitLocked || !diag.IsTemporary(err) {
			t.Errorf("update inside of an update: %v", err)
		}
		return s.View(t.Context(), look)
	})
	if err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	err = s.View(t.Context(), look)
	if !errors.Is(err, fs.ErrClosed) {
		t.Errorf("view of a closed store: %v", err)
	}
	other := state.OpenBolt(s.Path(), state.BoltOptions{Timeout: 20 * time.Millisecond})
	err = other.View(t.Context(), func(state.Reader) error { return other.Update(t.Context(), nothing) })
	if diag.ExitOf(err) != diag.ExitLocked || !strings.Contains(err.Error(), "held open by pid") {
		t.Errorf("update inside of a view: %v", err)
	}
}

func TestAReplacedFileIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	fresh := filepath.Join(filepath.Dir(path), "fresh.db")
	s := state.OpenBolt(path, state.BoltOptions{})
	update(t, s, func(w state.Writer) error { return w.PutRun(state.Run{ID: "old"}) })
	other := state.OpenBolt(fresh, state.BoltOptions{})
	update(t, other, func(w state.Writer) error { return w.PutRun(state.Run{ID: "new"}) })
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	reader := state.OpenBolt(path, state.BoltOptions{})
	if err := reader.View(t.Context(), look); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, path); err != nil {
		t.Fatal(err)
	}
	for _, s := range []state.Store{reader, state.OpenBolt(path, state.BoltOptions{})} {
		err := s.View(t.Context(), func(r state.Reader) error {
			runs, err := r.Runs()
			if len(runs) != 1 || runs[0].ID != "new" {
				t.Errorf("read %v from the file that was replaced", runs)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestFaultsBehaveAsTheirNamesSay(t *testing.T) {
	broken := errors.New("no space left on device")
	s := openBolt(t)
	put := func(w state.Writer) error { return w.Append(state.LedgerEntry{Run: "r"}) }
	for name, faulty := range map[string]struct {
		store   state.Store
		written int
	}{
		"fails": {&statetest.FailUpdate{Store: s, N: 2, Err: broken}, 2},
		"loses": {&statetest.LoseAnswer{Store: s, N: 2, Err: broken}, 3},
	} {
		before := ledgerLength(t, s)
		for i := range 3 {
			if err := faulty.store.Update(t.Context(), put); (i == 1) != errors.Is(err, broken) {
				t.Errorf("%s: update %d: %v", name, i+1, err)
			}
		}
		if got := ledgerLength(t, s) - before; got != faulty.written {
			t.Errorf("%s: wrote %d entries, want %d", name, got, faulty.written)
		}
	}
}

func ledgerLength(t *testing.T, s state.Store) (n int) {
	t.Helper()
	err := s.View(t.Context(), func(r state.Reader) error {
		entries, err := r.Ledger("")
		n = len(entries)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
