package state_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"shardform/internal/diag"
	"shardform/internal/state"
	"shardform/internal/state/statetest"
)

func TestReadersGetAnswersDuringABurstOfAnotherProcess(t *testing.T) {
	t.Parallel()
	const commits = 1_000
	path := filepath.Join(t.TempDir(), "state.db")
	writer := startChild(t, "burst", path, strconv.Itoa(commits))
	if got := writer.line(); got != "ready" {
		t.Fatalf("writer says %q", got)
	}
	done := make(chan string, 1)
	_ = writer.in.Close()
	go func() { done <- writer.line() }()
	reader := state.OpenBolt(path, state.BoltOptions{})
	defer func() { _ = reader.Close() }()
	var waits []time.Duration
	var serials []uint64
	for pause := time.NewTicker(20 * time.Millisecond); ; <-pause.C {
		select {
		case took := <-done:
			slices.Sort(waits)
			t.Logf("%d commits in %s; %d answers, median %s, slowest %s", commits, took, len(waits), waits[len(waits)/2], waits[len(waits)-1])
			if len(waits) < 10 {
				t.Errorf("%d answers during the burst, want at least 10", len(waits))
			}
			if distinct := len(slices.Compact(slices.Clone(serials))); distinct < len(serials)/2 {
				t.Errorf("%d answers showed only %d different moments of the burst", len(serials), distinct)
			}
			return
		default:
		}
		start := time.Now()
		err := reader.View(t.Context(), func(r state.Reader) error {
			serials = append(serials, r.Meta().Serial)
			_, _, err := r.Operation("1")
			return err
		})
		if err != nil {
			t.Fatalf("answer %d: %v", len(waits), err)
		}
		waits = append(waits, time.Since(start))
	}
}

func TestTwoProcessesWriteTurnAbout(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	writer := startChild(t, "burst", path, "600")
	writer.line()
	_ = writer.in.Close()
	s := state.OpenBolt(path, state.BoltOptions{})
	for i := range 20 {
		if err := s.Update(t.Context(), func(w state.Writer) error { return w.PutRun(state.Run{ID: fmt.Sprintf("%02d", i)}) }); err != nil {
			t.Fatal(err)
		}
	}
	if took := writer.line(); took == "" {
		t.Error("the burst failed")
	}
	err := s.View(t.Context(), func(r state.Reader) error {
		if got := r.Meta().Serial; got != 621 {
			t.Errorf("serial is %d, want 621", got)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	statetest.Check(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	checkFile(t, path)
}

func TestAKilledWriterLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	acknowledged := uint64(0)
	for range 12 {
		writer := startChild(t, "crash", path)
		lines := rand.IntN(60)
		for range lines {
			acknowledged, _ = strconv.ParseUint(writer.line(), 10, 64)
		}
		time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond) // anywhere inside of a commit
		if err := writer.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for text := writer.line(); text != ""; text = writer.line() {
			if n, err := strconv.ParseUint(text, 10, 64); err == nil && n == acknowledged+1 {
				acknowledged = n // a line that was cut off names an older serial
			}
		}
		_ = writer.Wait()
		if !exists(path) {
			if acknowledged > 0 {
				t.Fatal("the file is gone")
			}
			continue
		}
		s := state.OpenBolt(path, state.BoltOptions{})
		err := s.View(t.Context(), func(r state.Reader) error {
			serial := r.Meta().Serial
			if serial < acknowledged || serial > acknowledged+1 {
				t.Errorf("serial is %d after %d was acknowledged", serial, acknowledged)
			}
			entries, err := r.Ledger("")
			ops, opsErr := r.Operations()
			if uint64(len(entries)+len(ops)) != serial {
				t.Errorf("%d ledger entries and %d operations of %d transactions", len(entries), len(ops), serial)
			}
			acknowledged = serial
			return errors.Join(err, opsErr)
		})
		if err != nil {
			t.Fatal(err)
		}
		statetest.Check(t, s)
		checkFile(t, path)
	}
	names, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(names) != 1 {
		t.Errorf("killed writers left %v, %v; want only the state file", names, err)
	}
}

func TestTheRunLockOfADeadProcessIsFree(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	holder := startChild(t, "lock", path)
	if got := holder.line(); got != "locked" {
		t.Fatalf("holder says %q", got)
	}
	s := state.OpenBolt(path, state.BoltOptions{})
	_, err := s.Lock(t.Context(), state.Holder{}, 0)
	if diag.ExitOf(err) != diag.ExitLocked || !strings.Contains(err.Error(), strconv.Itoa(holder.Process.Pid)) {
		t.Errorf("lock of a living process: %v", err)
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	unlock, err := s.Lock(t.Context(), state.Holder{}, time.Minute)
	if err != nil {
		t.Fatalf("lock of a dead process: %v", err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
	if exists(path) || exists(path+".lock") {
		t.Error("locking made the state file, or left its own")
	}
}

func TestWaitingForAnotherProcessEnds(t *testing.T) {
	for _, mode := range []string{"update", "view"} {
		t.Run(mode, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.db")
			first := state.OpenBolt(path, state.BoltOptions{})
			update(t, first, func(w state.Writer) error { return w.PutRun(state.Run{ID: "1"}) })
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			other := startChild(t, "hold", path, mode)
			if got := other.line(); got != "holding" {
				t.Fatalf("other process says %q", got)
			}
			s := state.OpenBolt(path, state.BoltOptions{Timeout: 30 * time.Millisecond})
			err := s.Update(t.Context(), func(state.Writer) error { return nil })
			if diag.ExitOf(err) != diag.ExitLocked || !diag.IsTemporary(err) || !strings.Contains(err.Error(), "pid "+strconv.Itoa(other.Process.Pid)) {
				t.Errorf("update: %v, want one that names pid %d", err, other.Process.Pid)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			defer cancel()
			err = state.OpenBolt(path, state.BoltOptions{}).View(ctx, func(state.Reader) error { return nil })
			if (err != nil) != (mode == "update") {
				t.Errorf("view: %v", err)
			}
			_ = other.in.Close()
			if err := s.View(t.Context(), func(state.Reader) error { return nil }); err != nil && mode == "view" {
				t.Errorf("view after: %v", err)
			}
		})
	}
}

func TestAFileThatCannotGrowIsAClearError(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	writer := startChild(t, "limited", path, strconv.Itoa(256<<10))
	message, counts := writer.line(), writer.line()
	if !strings.Contains(message, path) || !strings.Contains(message, "state could not be written") {
		t.Errorf("message %q", message)
	}
	var acknowledged, readable int
	if _, err := fmt.Sscan(counts, &acknowledged, &readable); err != nil || acknowledged != readable || acknowledged < 10 {
		t.Errorf("%d runs acknowledged, %d readable after the failure: %v", acknowledged, readable, err)
	}
	s := state.OpenBolt(path, state.BoltOptions{})
	statetest.Check(t, s)
	update(t, s, func(w state.Writer) error { return w.PutRun(state.Run{ID: "later"}) })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	checkFile(t, path)
}
