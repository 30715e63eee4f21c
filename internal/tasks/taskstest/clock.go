// Package taskstest has what tests of tasks and of the engine share.
package taskstest

import (
	"context"
	"errors"
	"sync"
	"time"

	"shardform/internal/tasks"
)

// Clock is a clock that stands still until somebody sleeps, which takes no time. Fields may be used while nobody sleeps.
type Clock struct {
	Time        time.Time       // what it shows
	Slept       []time.Duration // how long each sleep was
	BeforeSleep func()          // called before each sleep; nil for nothing

	mu sync.Mutex
}

// NewClock returns a clock that shows noon of a day.
func NewClock() *Clock { return &Clock{Time: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

// maxSleeps ends tests that would wait for ever.
const maxSleeps = 100_000

// Now implements tasks.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Time
}

// Sleep implements tasks.Clock.
func (c *Clock) Sleep(ctx context.Context, stop <-chan struct{}, d time.Duration) error {
	if c.BeforeSleep != nil {
		c.BeforeSleep()
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-stop:
		return tasks.ErrStopped
	default:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Slept = append(c.Slept, d); len(c.Slept) > maxSleeps {
		return errors.New("the test waits for ever")
	}
	c.Time = c.Time.Add(d)
	return nil
}
