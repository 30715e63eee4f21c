package parallel

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"shardform/internal/diag"
)

var errBug = errors.New("bug")

func panics() error { panic(errBug) }

// isPanic checks that err is what a user has to see of a panic.
func isPanic(t *testing.T, err error) {
	t.Helper()
	var d *diag.Diagnostic
	switch {
	case !errors.As(err, &d):
		t.Fatalf("%v is not a diagnostic", err)
	case d.Summary != "panic: bug", !strings.Contains(d.Detail, "parallel.panics"), d.Hint == "", diag.ExitOf(err) != diag.ExitFailed, diag.IsTemporary(err), !errors.Is(err, errBug):
		t.Errorf("%+v", d)
	}
}

func TestAPanicIsTheErrorOfWhoeverWaits(t *testing.T) {
	t.Run("call", func(t *testing.T) { isPanic(t, Call(panics)) })
	t.Run("routine", func(t *testing.T) {
		r := Start(panics)
		<-r.Done()
		isPanic(t, r.Wait())
	})
	t.Run("group", func(t *testing.T) {
		var group Group
		group.Go(func() error { return nil })
		group.Go(panics)
		isPanic(t, group.Wait())
	})
	t.Run("timer", func(t *testing.T) {
		failed := make(chan error, 1)
		AfterFunc(0, func() { _ = panics() }, func(err error) { failed <- err })
		isPanic(t, <-failed)
	})
}

func TestAPanicEndsTheContextOfItsGroup(t *testing.T) {
	group, ctx := WithContext(t.Context())
	group.Go(func() error {
		<-ctx.Done() // or the test hangs
		return context.Cause(ctx)
	})
	group.Go(panics)
	isPanic(t, group.Wait())
}

func TestErrorsAreReturnedAsTheyAre(t *testing.T) {
	fails := func() error { return fs.ErrNotExist }
	group, ctx := WithContext(t.Context())
	group.SetLimit(1)
	group.Go(fails)
	group.Go(func() error { return nil })
	if err := group.Wait(); err != fs.ErrNotExist || context.Cause(ctx) != fs.ErrNotExist {
		t.Errorf("%v, %v", err, context.Cause(ctx))
	}
	if err := Start(fails).Wait(); err != fs.ErrNotExist {
		t.Error(err)
	}
	if err := Do(func() {}); err != nil {
		t.Error(err)
	}
}
