package statetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"shardform/internal/addr"
	"shardform/internal/parallel"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
)

var errUser = errors.New("the caller changed its mind")

func testRefused(t *testing.T, s state.Store) {
	op := create(t, s, state.Operation{Address: nightly}, container(nightly, "a", "t"))
	other := addr.Operation("other")
	before := content(t, s)
	refused := map[string]func(state.Writer) error{
		"a block as operation": func(w state.Writer) error {
			_, err := w.CreateOperation(state.Operation{Address: addr.Keyspace("customer")}, nil)
			return err
		},
		"a container of another operation": func(w state.Writer) error {
			_, err := w.CreateOperation(state.Operation{Address: nightly}, []state.Container{container(nightly, "a"), container(other, "a")})
			return err
		},
		"a task of another container": func(w state.Writer) error {
			c := container(nightly, "a", "t")
			c.Tasks[0].Address = nightly.WithContainer("b").WithTask("t")
			_, err := w.CreateOperation(state.Operation{Address: nightly}, []state.Container{c})
			return err
		},
		"two tasks of one address": func(w state.Writer) error {
			_, err := w.CreateOperation(state.Operation{Address: nightly}, []state.Container{container(nightly, "a", "t", "t")})
			return err
		},
		"an inserted container that is there": func(w state.Writer) error {
			return w.InsertContainers(op.ID, nightly.WithContainer("a"), []state.Container{container(nightly, "a")})
		},
		"an insertion behind nothing": func(w state.Writer) error {
			return w.InsertContainers(op.ID, nightly.WithContainer("b"), nil)
		},
		"an insertion behind a task": func(w state.Writer) error {
			return w.InsertContainers(op.ID, nightly.WithContainer("a").WithTask("t"), nil)
		},
		"an insertion into nothing": func(w state.Writer) error {
			return w.InsertContainers("2", nightly.WithContainer("a"), nil)
		},
		"a task that is not there": func(w state.Writer) error {
			return w.PutTask(op.ID, state.Task{Address: nightly.WithContainer("a").WithTask("u")})
		},
		"a container as task": func(w state.Writer) error { return w.PutTask(op.ID, state.Task{Address: nightly.WithContainer("a")}) },
		"a task of no operation": func(w state.Writer) error {
			return w.PutTask("x", state.Task{Address: nightly.WithContainer("a").WithTask("t")})
		},
		"an operation that is not there": func(w state.Writer) error { return w.PutOperation(state.Operation{ID: "2", Address: nightly}) },
		"an approval of an operation": func(w state.Writer) error {
			return w.PutApproval(state.Approval{Address: nightly, Digest: "d", Instance: 1})
		},
		"an approval of no digest": func(w state.Writer) error {
			return w.PutApproval(state.Approval{Address: nightly.WithContainer("a"), Instance: 1})
		},
		"an approval of no instance": func(w state.Writer) error {
			return w.PutApproval(state.Approval{Address: nightly.WithContainer("a"), Digest: "d"})
		},
		"an operation that moves": func(w state.Writer) error {
			return w.PutOperation(state.Operation{ID: op.ID, Address: other, Instance: 1})
		},
	}
	for what, fn := range refused {
		if err := s.Update(t.Context(), fn); err == nil {
			t.Errorf("%s was accepted", what)
		}
		same(t, "content after "+what, before, content(t, s))
	}
}

func testRollback(t *testing.T, s state.Store) {
	write := func(w state.Writer) error {
		op, err := w.CreateOperation(state.Operation{Address: nightly}, []state.Container{container(nightly, "a", "t")})
		return errors.Join(err, w.InsertContainers(op.ID, nightly.WithContainer("a"), []state.Container{container(nightly, "b")}),
			w.PutRun(state.Run{ID: "r"}), w.PutOutputs([]state.Output{{Name: "o"}}),
			w.PutApproval(state.Approval{Address: nightly.WithContainer("a"), Digest: "d", Instance: 1}), w.Append(state.LedgerEntry{Run: "r", Event: "run_started"}))
	}
	fail := func(w state.Writer) error { return errors.Join(write(w), errUser) }
	if err := s.Update(t.Context(), fail); !errors.Is(err, errUser) {
		t.Fatalf("got %v, want the caller's error", err)
	}
	view(t, s, func(r state.Reader) error {
		same(t, "meta of a store whose first update failed", state.Meta{}, r.Meta())
		return nil
	})
	update(t, s, write)
	before := content(t, s)
	if err := s.Update(t.Context(), fail); !errors.Is(err, errUser) {
		t.Fatalf("got %v, want the caller's error", err)
	}
	same(t, "content", before, content(t, s))
	view(t, s, func(r state.Reader) error { same(t, "serial", 1, r.Meta().Serial); return nil })
}

func testSwallowed(t *testing.T, s state.Store) {
	err := s.Update(t.Context(), func(w state.Writer) error {
		_, _ = w.CreateOperation(state.Operation{Address: nightly}, []state.Container{container(nightly, "a", "t", "t")})
		return nil
	})
	if err == nil {
		t.Error("half an operation was committed")
	}
	same(t, "content", Content{}, content(t, s))
}

func testPanic(t *testing.T, s state.Store) {
	update(t, s, func(w state.Writer) error { return w.PutRun(state.Run{ID: "1"}) })
	before := content(t, s)
	for _, call := range []func(){
		func() {
			_ = s.Update(t.Context(), func(w state.Writer) error { _ = w.PutRun(state.Run{ID: "2"}); panic("bug") })
		},
		func() { _ = s.View(t.Context(), func(state.Reader) error { panic("bug") }) },
	} {
		func() {
			defer func() {
				if r := recover(); r != "bug" {
					t.Errorf("the caller's panic became %v", r)
				}
			}()
			call()
		}()
	}
	same(t, "content", before, content(t, s))
	update(t, s, func(w state.Writer) error { return w.PutRun(state.Run{ID: "3"}) })
}

func testOddValues(t *testing.T, s state.Store) {
	c := container(nightly, "a", "t", "u")
	op := create(t, s, state.Operation{Address: nightly}, c)
	text := strings.Repeat("line with \"quotes\", <tags>, \x00, ü and \u2028\n", 10_000)
	for _, output := range []string{text, "short", text, text[:100]} {
		task := c.Tasks[0]
		task.ID, task.Output, task.State = "1", output, automationpb.TaskState_DONE
		update(t, s, func(w state.Writer) error { return w.PutTask(op.ID, task) })
		same(t, "output", output, content(t, s).Containers[op.ID][0].Tasks[0].Output)
	}
}

func testConcurrent(t *testing.T, s state.Store) {
	var group parallel.Group
	for g := range 8 {
		group.Go(func() error {
			for i := range 10 {
				run := fmt.Sprintf("%d-%d", g, i)
				err := s.Update(t.Context(), func(w state.Writer) error {
					return errors.Join(w.PutRun(state.Run{ID: run}), w.Append(state.LedgerEntry{Run: run, Event: "run_started"}))
				})
				if err == nil {
					err = s.View(t.Context(), func(r state.Reader) error {
						entries, err := r.Ledger(run)
						if len(entries) != 1 {
							t.Errorf("run %s has %d entries", run, len(entries))
						}
						return err
					})
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	if c := content(t, s); len(c.Runs) != 80 || len(c.Ledger) != 80 {
		t.Errorf("got %d runs and %d ledger entries, want 80", len(c.Runs), len(c.Ledger))
	}
}

func testCancelled(t *testing.T, s state.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := s.Update(ctx, func(w state.Writer) error { return w.PutRun(state.Run{ID: "1"}) })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want a cancelled context", err)
	}
	same(t, "content", Content{}, content(t, s))
}
