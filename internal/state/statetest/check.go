package statetest

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"shardform/internal/addr"
	"shardform/internal/state"
)

// Content is everything that a store holds, in its order.
type Content struct {
	Operations []state.Operation
	Containers map[state.OperationID][]state.Container
	Approvals  []state.Approval
	Outputs    []state.Output
	Runs       []state.Run
	Ledger     []state.LedgerEntry
}

// Read reads everything.
func Read(r state.Reader) (c Content, err error) {
	if c.Operations, err = r.Operations(); err != nil {
		return c, err
	}
	c.Containers = map[state.OperationID][]state.Container{}
	for _, op := range c.Operations {
		if c.Containers[op.ID], err = r.Containers(op.ID); err != nil {
			return c, err
		}
	}
	if c.Approvals, err = r.Approvals(); err != nil {
		return c, err
	}
	if c.Outputs, err = r.Outputs(); err != nil {
		return c, err
	}
	if c.Runs, err = r.Runs(); err != nil {
		return c, err
	}
	c.Ledger, err = r.Ledger("")
	return c, err
}

// Check reads a store in every way there is and fails the test where two ways disagree.
func Check(tb testing.TB, s state.Store) {
	tb.Helper()
	if err := s.View(context.Background(), checkReader); err != nil {
		tb.Errorf("state is inconsistent: %v", err)
	}
}

func checkReader(r state.Reader) error {
	c, err := Read(r)
	if err != nil {
		return err
	}
	newest := map[addr.Address]state.Operation{}
	for _, op := range c.Operations {
		if want := newest[op.Address].Instance + 1; op.Instance != want {
			return fmt.Errorf("operation %s is instance %d of %s, want %d", op.ID, op.Instance, op.Address, want)
		}
		newest[op.Address] = op
		same, ok, err := r.Operation(op.ID)
		if err := agree("operation "+string(op.ID), op, same, ok, err); err != nil {
			return err
		}
		if err := checkContainers(op, c.Containers[op.ID]); err != nil {
			return err
		}
	}
	for a, op := range newest {
		found, ok, err := r.Latest(a)
		if err := agree("newest of "+a.String(), op, found, ok, err); err != nil {
			return err
		}
		for _, container := range c.Containers[op.ID] {
			for _, task := range container.Tasks {
				found, ok, err := r.Task(task.Address)
				if err := agree("task "+task.Address.String(), task, found, ok, err); err != nil {
					return err
				}
			}
		}
	}
	return checkLedger(r, c.Ledger)
}

// Equal are the options under which records that were written and read are the same: nil or empty, any time zone.
var equal = cmp.Options{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b addr.Address) bool { return a == b })}

func agree[T any](what string, listed, found T, ok bool, err error) error {
	if err != nil || !ok {
		return fmt.Errorf("%s is listed but not found: %v", what, err)
	}
	if diff := difference(listed, found); diff != "" {
		return fmt.Errorf("%s reads in two ways (-listed +found):\n%s", what, diff)
	}
	return nil
}

func checkContainers(op state.Operation, containers []state.Container) error {
	seen, ids := map[addr.Address]bool{}, map[string]bool{}
	for _, c := range containers {
		if c.Address.Operation() != op.Address || seen[c.Address] {
			return fmt.Errorf("container %s of operation %s (%s) is foreign or there twice", c.Address, op.ID, op.Address)
		}
		seen[c.Address] = true
		for _, task := range c.Tasks {
			if task.Address.Container() != c.Address || seen[task.Address] {
				return fmt.Errorf("task %s of %s is foreign or there twice", task.Address, c.Address)
			}
			if task.ID == "" || ids[task.ID] {
				return fmt.Errorf("task %s has no id of its own: %q", task.Address, task.ID)
			}
			seen[task.Address], ids[task.ID] = true, true
		}
	}
	return nil
}

func checkLedger(r state.Reader, entries []state.LedgerEntry) error {
	previous := ""
	runs := map[string][]state.LedgerEntry{}
	for i, e := range entries {
		if e.Sequence != uint64(i)+1 || e.Previous != previous || e.Hash == "" {
			return fmt.Errorf("ledger entry %d does not follow the one before: %+v", i+1, e)
		}
		previous = e.Hash
		runs[e.Run] = append(runs[e.Run], e)
	}
	for run, want := range runs {
		if run == "" {
			continue
		}
		found, err := r.Ledger(run)
		if err := agree("ledger of run "+run, want, found, true, err); err != nil {
			return err
		}
	}
	return nil
}

// difference shows how two values differ; "" if they are the same. cmp.Diff alone would be most of what the suite takes.
func difference[T any](want, got T) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got, equal)
}
