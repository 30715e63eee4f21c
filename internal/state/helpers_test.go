package state_test

import (
	"context"
	"os"
	"testing"

	"shardform/internal/state"
)

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func update(tb testing.TB, s state.Store, fn func(state.Writer) error) {
	tb.Helper()
	if err := s.Update(tb.Context(), fn); err != nil {
		tb.Fatal(err)
	}
}

func createOperation(ctx context.Context, s state.Store, op state.Operation, containers []state.Container) (state.OperationID, error) {
	err := s.Update(ctx, func(w state.Writer) (err error) {
		op, err = w.CreateOperation(op, containers)
		return err
	})
	return op.ID, err
}

func mustCreate(tb testing.TB, s state.Store, op state.Operation, containers []state.Container) state.OperationID {
	tb.Helper()
	id, err := createOperation(tb.Context(), s, op, containers)
	if err != nil {
		tb.Fatal(err)
	}
	return id
}
