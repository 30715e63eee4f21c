// Package parallel starts the program's goroutines; nothing else does. A panic that nobody recovers would end the process
// with exit code 2, which means that a plan has changes, before the other goroutines have recorded what they did. Here it
// is an error of whoever waits for the goroutine: a *diag.Diagnostic with the stack.
package parallel

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"shardform/internal/diag"
)

// Call returns the error of f. A panic of f is a *diag.Diagnostic with the stack, for exit code 1.
func Call(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			cause, _ := p.(error)
			err = &diag.Diagnostic{
				Severity: diag.Error, Summary: fmt.Sprintf("panic: %v", p), Exit: diag.ExitFailed, Detail: string(debug.Stack()),
				Hint: "this is a bug of shardform: report it with these lines", Cause: cause,
			}
		}
	}()
	return f()
}

// Do is Call for a function that cannot fail.
func Do(f func()) error {
	return Call(func() error {
		f()
		return nil
	})
}

// Group is an errgroup.Group that survives panics: Wait returns the first error or panic. Its zero value can be used.
type Group struct {
	group  errgroup.Group
	cancel context.CancelCauseFunc // nil: there is no context to end
}

// WithContext returns a Group and its context, which ends at the first error or panic, at the latest when Wait returns.
func WithContext(ctx context.Context) (*Group, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	return &Group{cancel: cancel}, ctx
}

// SetLimit lets Go wait while n functions run. It is called before the first Go.
func (g *Group) SetLimit(n int) { g.group.SetLimit(n) }

// Go runs f in a goroutine.
func (g *Group) Go(f func() error) {
	g.group.Go(func() error {
		err := Call(f)
		if err != nil && g.cancel != nil {
			g.cancel(err)
		}
		return err
	})
}

// Wait returns the first error when all functions have ended.
func (g *Group) Wait() error {
	err := g.group.Wait()
	if g.cancel != nil {
		g.cancel(err)
	}
	return err
}

// Routine is one goroutine.
type Routine struct {
	done chan struct{}
	err  error // readable once done is closed
}

// Start runs f in a goroutine.
func Start(f func() error) *Routine {
	r := &Routine{done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.err = Call(f)
	}()
	return r
}

// Done is closed when the function has ended.
func (r *Routine) Done() <-chan struct{} { return r.done }

// Wait returns the function's error, or its panic, when it has ended.
func (r *Routine) Wait() error {
	<-r.done
	return r.err
}

// AfterFunc is time.AfterFunc; a panic of f is given to failed.
func AfterFunc(d time.Duration, f func(), failed func(error)) *time.Timer {
	return time.AfterFunc(d, func() {
		if err := Do(f); err != nil {
			failed(err)
		}
	})
}
