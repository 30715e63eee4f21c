package statetest

import (
	"context"
	"sync/atomic"

	"shardform/internal/state"
)

// FailUpdate fails the Nth Update (from 1) of the store below with Err, without calling its function.
type FailUpdate struct {
	state.Store
	N     int64
	Err   error
	count atomic.Int64
}

// Update fails if it is the Nth.
func (f *FailUpdate) Update(ctx context.Context, fn func(state.Writer) error) error {
	if f.count.Add(1) == f.N {
		return f.Err
	}
	return f.Store.Update(ctx, fn)
}

// LoseAnswer lets the Nth Update (from 1) of the store below through and reports Err all the same, as a disk does that
// fails to confirm what it wrote.
type LoseAnswer struct {
	state.Store
	N     int64
	Err   error
	count atomic.Int64
}

// Update answers wrongly if it is the Nth.
func (f *LoseAnswer) Update(ctx context.Context, fn func(state.Writer) error) error {
	err := f.Store.Update(ctx, fn)
	if f.count.Add(1) == f.N && err == nil {
		return f.Err
	}
	return err
}

// SlowView calls Wait before every View of the store below, which fails if Wait does.
type SlowView struct {
	state.Store
	Wait func(context.Context) error
}

// View waits first.
func (s *SlowView) View(ctx context.Context, fn func(state.Reader) error) error {
	if err := s.Wait(ctx); err != nil {
		return err
	}
	return s.Store.View(ctx, fn)
}
