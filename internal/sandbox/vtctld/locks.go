package vtctld

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"vitess.io/vitess/go/vt/topo"
)

// locks are the locks of a topology, by cell and path. They are gone with the process, like those of a vtctld that died.
type locks struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when the lock is free again
}

// errNotHeld is the answer to unlocking what is not locked any more.
var errNotHeld = errors.New("the lock is not held")

// lock is a lock that is held.
type lock struct {
	locks *locks
	key   string
	freed chan struct{}
}

// take waits for a lock, until ctx ends.
func (l *locks) take(ctx context.Context, key string) (*lock, error) {
	for {
		got, taken := l.try(key)
		if got != nil {
			return got, nil
		}
		select {
		case <-taken:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// try takes a lock, or returns what is closed when its holder lets it go.
func (l *locks) try(key string) (*lock, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if taken := l.held[key]; taken != nil {
		return nil, taken
	}
	freed := make(chan struct{})
	l.held[key] = freed
	return &lock{locks: l, key: key, freed: freed}, nil
}

func (l *lock) isHeld() bool { return l.locks.held[l.key] == l.freed }

// Check implements topo.LockDescriptor.
func (l *lock) Check(context.Context) error {
	l.locks.mu.Lock()
	defer l.locks.mu.Unlock()
	if !l.isHeld() {
		return errNotHeld
	}
	return nil
}

// Unlock implements topo.LockDescriptor.
func (l *lock) Unlock(context.Context) error {
	l.locks.mu.Lock()
	defer l.locks.mu.Unlock()
	if !l.isHeld() {
		return errNotHeld
	}
	delete(l.locks.held, l.key)
	close(l.freed)
	return nil
}

func (c *conn) lockKey(dir string) string { return c.cell + "/" + strings.Trim(dir, "/") }

// Lock implements topo.Conn.
func (c *conn) Lock(ctx context.Context, dir, contents string) (topo.LockDescriptor, error) {
	if _, err := c.under(ctx, dir); err != nil {
		return nil, err
	}
	return c.LockName(ctx, dir, contents)
}

// LockWithTTL implements topo.Conn. A lock whose holder ends is free at once, so none expires.
func (c *conn) LockWithTTL(ctx context.Context, dir, contents string, _ time.Duration) (topo.LockDescriptor, error) {
	return c.Lock(ctx, dir, contents)
}

// LockName implements topo.Conn.
func (c *conn) LockName(ctx context.Context, dir, _ string) (topo.LockDescriptor, error) {
	l, err := c.locks.take(ctx, c.lockKey(dir))
	if err != nil {
		return nil, topoError(err, dir)
	}
	return l, nil
}

// TryLock implements topo.Conn.
func (c *conn) TryLock(ctx context.Context, dir, _ string) (topo.LockDescriptor, error) {
	if _, err := c.under(ctx, dir); err != nil {
		return nil, err
	}
	l, _ := c.locks.try(c.lockKey(dir))
	if l == nil {
		return nil, topo.NewError(topo.NodeExists, dir)
	}
	return l, nil
}
