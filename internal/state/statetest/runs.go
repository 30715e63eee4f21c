package statetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"shardform/internal/diag"
	"shardform/internal/parallel"
	"shardform/internal/state"
)

func testOutputs(t *testing.T, s state.Store) {
	for _, outputs := range [][]state.Output{
		{{Name: "shards", Value: json.RawMessage(`["-80","80-"]`), Type: json.RawMessage(`["list","string"]`)}, {Name: "token", Sensitive: true}},
		{{Name: "rows", Value: json.RawMessage(`1`)}},
		nil,
	} {
		update(t, s, func(w state.Writer) error { return w.PutOutputs(outputs) })
		same(t, "outputs", outputs, content(t, s).Outputs)
	}
}

func testApprovals(t *testing.T, s state.Store) {
	var want []state.Approval
	for i := range 70 { // the same step is approved again and again, and for another digest
		a := state.Approval{Address: nightly.WithContainer("switch_primary"), Digest: fmt.Sprintf("%064x", i%3), Instance: 1 + i/50, By: "ann <o'hara>", Who: holder(i), At: at(i)}
		update(t, s, func(w state.Writer) error {
			if err := w.PutApproval(a); err != nil {
				return err
			}
			found, err := w.Approvals()
			if len(found) != i+1 {
				t.Errorf("%d approvals inside of the transaction that adds number %d", len(found), i+1)
			}
			return err
		})
		want = append(want, a)
	}
	same(t, "approvals", want, content(t, s).Approvals)
}

func testLedger(t *testing.T, s state.Store) {
	var want Content
	for i := range 30 {
		run := state.Run{ID: fmt.Sprintf("20261123T1201%02dZ-1a2b", i), PlanDigest: "sha256:1", Started: at(i), Exit: -1, Who: state.Holder{User: "ann", Host: "db1", PID: 7, Since: at(i), Operation: "apply"}}
		update(t, s, func(w state.Writer) error { return w.PutRun(run) })
		run.Exit, run.Ended = 0, at(i+1)
		events := []string{"run_started", "operation_created", "task_running", "task_done", "run_ended"}
		update(t, s, func(w state.Writer) error {
			for _, e := range events {
				if err := w.Append(state.LedgerEntry{Time: at(i), Run: run.ID, Address: nightly, Event: e, Detail: strings.Repeat("d", i*50), Sequence: 99, Previous: "x", Hash: "y"}); err != nil {
					return err
				}
			}
			return w.PutRun(run)
		})
		want.Runs = append(want.Runs, run)
		for _, e := range events {
			want.Ledger = append(want.Ledger, state.LedgerEntry{Sequence: uint64(len(want.Ledger) + 1), Time: at(i), Run: run.ID, Address: nightly, Event: e, Detail: strings.Repeat("d", i*50)})
		}
	}
	got := content(t, s)
	for i, e := range got.Ledger {
		want.Ledger[i].Previous, want.Ledger[i].Hash = e.Previous, e.Hash // Check holds them against each other
	}
	same(t, "content", want, got)
}

func holder(pid int) state.Holder {
	return state.Holder{User: "ann", Host: "db1", PID: pid, Since: time.Now().Add(-90 * time.Second), Operation: "apply nightly.hcl", Run: "20261123T120102Z-1a2b"}
}

func testLock(t *testing.T, s state.Store) {
	unlock, err := s.Lock(t.Context(), holder(4711), 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Lock(t.Context(), holder(4712), 0)
	if diag.ExitOf(err) != diag.ExitLocked || !diag.IsTemporary(err) {
		t.Errorf("second lock: exit %d, %v", diag.ExitOf(err), err)
	}
	for _, d := range diag.All(err) {
		for _, want := range []string{"ann", "db1", "4711", "1m30s", "apply nightly.hcl", "20261123T120102Z-1a2b"} {
			if !strings.Contains(d.Detail, want) {
				t.Errorf("detail %q does not name %q", d.Detail, want)
			}
		}
		if !strings.Contains(d.Hint, "--lock-timeout") || !strings.Contains(d.Hint, "4711") {
			t.Errorf("hint %q tells no way out", d.Hint)
		}
	}
	// Records are written beside the lock.
	update(t, s, func(w state.Writer) error { return w.PutRun(state.Run{ID: "1"}) })
	if err := unlock(); err != nil {
		t.Error(err)
	}
}

func testLockWaits(t *testing.T, s state.Store) {
	unlock, err := s.Lock(t.Context(), holder(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lock(t.Context(), holder(2), 60*time.Millisecond); diag.ExitOf(err) != diag.ExitLocked {
		t.Errorf("lock that was held all the time: %v", err)
	}
	waiting := parallel.Start(func() error {
		again, err := s.Lock(t.Context(), holder(3), time.Minute)
		if err == nil {
			err = again()
		}
		return err
	})
	if err := unlock(); err != nil {
		t.Error(err)
	}
	if err := waiting.Wait(); err != nil {
		t.Errorf("lock that came free: %v", err)
	}
}

func testUnlock(t *testing.T, s state.Store) {
	for i := range 3 {
		unlock, err := s.Lock(t.Context(), holder(i), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unlock(); err != nil {
			t.Error(err)
		}
		if err := unlock(); err != nil {
			t.Errorf("unlocking twice: %v", err)
		}
	}
}
