package tasks

import (
	"context"
	"time"
)

// Clock tells the time and waits. The real one is SystemClock.
type Clock interface {
	Now() time.Time
	// Sleep waits for d, or until ctx ends (its error) or stop is closed (ErrStopped).
	Sleep(ctx context.Context, stop <-chan struct{}, d time.Duration) error
}

// SystemClock is the machine's clock.
type SystemClock struct{}

// Now is the current time.
func (SystemClock) Now() time.Time { return time.Now() }

// Sleep implements Clock.
func (SystemClock) Sleep(ctx context.Context, stop <-chan struct{}, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-stop:
		return ErrStopped
	}
}
