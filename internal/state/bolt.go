package state

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// How a Bolt shares its file. A task that lasts lets readers in within idleAfter; a burst of commits does within
// holdAtLeast of somebody asking, so that nobody waits for more than 50 ms: see docs/state-format.md#who-may-have-the-file-open.
const (
	idleAfter      = 25 * time.Millisecond  // without an Update, then the file is let go
	holdAtLeast    = 20 * time.Millisecond  // of a burst, between two pauses for others
	letWriterFirst = 100 * time.Millisecond // longest that a reader holds back for a waiting writer
	defaultTimeout = 10 * time.Second
)

// BoltOptions are what a Bolt needs from outside. The zero value is ready to use.
type BoltOptions struct {
	// Timeout is how long View and Update wait for other processes where ctx has no deadline; 0 is 10 s.
	Timeout time.Duration
	// Now is the clock of lock messages; nil is time.Now.
	Now func() time.Time
}

// Bolt keeps state in one bbolt file (docs/state-format.md). Its file handle is held over a burst of Updates and let
// go when no Update came for 25 ms or another process waits, because bbolt's lock shuts out readers too.
//
// A View that runs while this process holds no handle keeps writers out, so an Update inside of a View's function
// waits in vain and fails with the time-out.
type Bolt struct {
	path    string
	timeout time.Duration
	now     func() time.Time
	schema  schema

	writer chan struct{} // holds a token while an Update runs

	mu      sync.Mutex
	open    *handle  // nil while let go
	checked identity // the file as it was when last found whole or left by this process
	gaveWay bool     // the handle was let go because somebody waited: let them in first
	closed  bool
	run     *runLock // nil unless this store holds it
	broken  error    // panics that nobody waited for
}

var _ Store = (*Bolt)(nil)

// OpenBolt makes a store of the bbolt file at path. It touches nothing: the file is opened when it is needed and made
// by the first Update.
func OpenBolt(path string, opts BoltOptions) *Bolt {
	b := &Bolt{path: path, timeout: opts.Timeout, now: opts.Now, schema: currentSchema(), writer: make(chan struct{}, 1)}
	if b.timeout == 0 {
		b.timeout = defaultTimeout
	}
	if b.now == nil {
		b.now = time.Now
	}
	return b
}

// Path is the file's path as it was given.
func (b *Bolt) Path() string { return b.path }

// View calls fn with one transaction's reading of the file. fn should read and return: while it runs, writers of other
// processes wait, and give up in the end. Errors: those of fn unchanged, else diagnostics that name the file.
func (b *Bolt) View(ctx context.Context, fn func(Reader) error) error {
	h, err := b.join()
	if err != nil {
		return err
	}
	if h == nil {
		if h, err = b.openToRead(ctx); err != nil {
			return err
		}
		if h == nil {
			return fn(&records{path: b.path})
		}
		defer h.discard()
	} else {
		defer b.release(h)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	tx, err := begin(h, false)
	if err != nil {
		return b.unreadable(err)
	}
	defer rollback(tx)
	r := &records{path: b.path, tx: tx}
	if err := r.loadMeta(); err != nil {
		return err
	}
	return fn(r)
}

// Update calls fn in one transaction. When the file does not exist yet and another process makes it at the same moment,
// fn is called again with what is there then. Errors: those of fn unchanged, else diagnostics that name the file.
func (b *Bolt) Update(ctx context.Context, fn func(Writer) error) error {
	if err := ctx.Err(); err != nil {
		return b.gaveUp(err)
	}
	select {
	case b.writer <- struct{}{}:
	default:
		late := time.NewTimer(b.timeout)
		defer late.Stop()
		select {
		case b.writer <- struct{}{}:
		case <-ctx.Done():
			return b.gaveUp(ctx.Err())
		case <-late.C:
			return b.busy()
		}
	}
	defer func() { <-b.writer }()
	for range 3 {
		h, err := b.acquire(ctx)
		if err != nil {
			return err
		}
		if err = b.updateIn(h, fn); err != errMadeByAnother {
			return err
		}
	}
	return b.complain("state file cannot be made", fmt.Sprintf("%s exists and cannot be opened: a symbolic link that leads nowhere?", b.path), "look at it with ls -l", nil)
}

// updateIn runs one transaction on h and releases it; after a failure below fn h is not used again.
func (b *Bolt) updateIn(h *handle, fn func(Writer) error) error {
	defer func() {
		h.idle.Reset(idleAfter)
		b.release(h)
	}()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	done := false
	defer func() {
		if !done {
			b.retire(h)
		}
	}()
	tx, err := begin(h, true)
	if err != nil {
		return b.unreadable(err)
	}
	defer rollback(tx) // nothing is left to roll back after a commit
	w := &records{path: b.path, tx: tx, written: h.scratch[:0], stored: h.meta}
	if err := w.loadMeta(); err != nil {
		return err
	}
	if err := fn(w); err != nil {
		done = h.publish == nil // else nothing comes into being
		return err
	}
	if err := w.countTransaction(); err != nil {
		return err
	}
	if err := commit(tx); err != nil {
		return b.unwritable(err)
	}
	if err := b.publish(h); err != nil {
		return err
	}
	h.meta, h.scratch = w.stored, w.written
	done = true
	if time.Since(h.since) >= holdAtLeast && isAnnounced(h.file, waiting) {
		b.yield(h)
	}
	return nil
}

// Close waits for a running Update and lets go of the file.
func (b *Bolt) Close() error {
	b.writer <- struct{}{}
	defer func() { <-b.writer }()
	b.mu.Lock()
	b.closed = true
	h, broken := b.open, b.broken
	b.mu.Unlock()
	if h == nil {
		return broken
	}
	b.retire(h)
	<-h.gone
	return errors.Join(broken, h.closeErr)
}
