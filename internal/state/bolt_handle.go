package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"

	"shardform/internal/parallel"
)

// handle is an open bbolt file, locked as long as it is open.
type handle struct {
	db       *bolt.DB
	file     *os.File  // db's own, which closes it
	since    time.Time // when it was opened
	idle     *time.Timer
	gone     chan struct{} // closed when db is
	closeErr error         // readable once gone

	// Of the Update that runs.
	meta    *storedMeta // as the last one left it; nil before the first: nobody else can write while this is open
	scratch []byte      // for what it writes

	// Guarded by Bolt.mu.
	publish func() error // gives a file without a name its name; nil once it has one
	users   int
	leaving bool // nobody may join any more; the last user closes it
	forget  bool // the file is to be checked in full before it is used again
}

// join makes the caller a user of the handle held for writing; nil if there is none.
func (b *Bolt) join() (*handle, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, b.complain("state is closed", "it was used after the end of the run", "", os.ErrClosed)
	}
	if b.open == nil || b.open.leaving || b.open.publish != nil {
		return nil, nil
	}
	b.open.users++
	return b.open, nil
}

// acquire makes the caller, who holds the writer token, a user of the handle held for writing, opening it if need be.
func (b *Bolt) acquire(ctx context.Context) (*handle, error) {
	for {
		h, err := b.join()
		if h != nil {
			h.idle.Stop()
		}
		if err != nil || h != nil {
			return h, err
		}
		b.mu.Lock()
		leaving, gaveWay := b.open, b.gaveWay
		b.mu.Unlock()
		if leaving == nil {
			if h, err = b.openToWrite(ctx, gaveWay); err != nil {
				return nil, err
			}
			h.users, h.since, h.gone = 1, time.Now(), make(chan struct{})
			h.idle = parallel.AfterFunc(time.Hour, func() { b.idled(h) }, b.broke)
			h.idle.Stop()
			b.mu.Lock()
			b.open, b.gaveWay = h, false
			b.mu.Unlock()
			return h, nil
		}
		select {
		case <-leaving.gone:
		case <-ctx.Done():
			return nil, b.gaveUp(ctx.Err())
		case <-time.After(b.timeout):
			return nil, b.busy()
		}
	}
}

// release ends the use of h; the last user of one that is leaving closes it.
func (b *Bolt) release(h *handle) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h.users--; h.users == 0 && h.leaving {
		b.letGo(h)
	}
}

// idled lets go of h, to which nothing was written since its timer was set. Who reads from it now is its last user: readers
// that follow one another would keep the file from all others, those of this process that opened it before h included.
func (b *Bolt) idled(h *handle) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open != h {
		return
	}
	if h.leaving = true; h.users == 0 {
		b.letGo(h)
	}
}

// broke keeps the panic of a timer for Close.
func (b *Bolt) broke(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = errors.Join(b.broken, err)
}

// yield makes the caller, a user of h, its last, because another process waits.
func (b *Bolt) yield(h *handle) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h.leaving, b.gaveWay = true, true
}

// retire closes h as soon as it has no users; after a failure what it holds is not to be trusted.
func (b *Bolt) retire(h *handle) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h.leaving = true
	h.forget = !b.closed
	if h.users == 0 && b.open == h {
		b.letGo(h)
	}
}

// letGo closes h, which has no users, under b.mu.
func (b *Bolt) letGo(h *handle) {
	h.idle.Stop()
	b.checked = identity{}
	if !h.forget && h.publish == nil {
		if id, err := identify(h.file); err == nil {
			b.checked = id
		}
	}
	b.open = nil
	h.closeErr = closeDB(h.db)
	close(h.gone)
}

// discard closes a handle that only one View used.
func (h *handle) discard() { _ = closeDB(h.db) }

// closeDB closes db and turns a panic on damaged pages into an error.
func closeDB(db *bolt.DB) (err error) {
	defer guard(&err)
	return db.Close()
}

// begin starts a transaction.
func begin(h *handle, writable bool) (tx *bolt.Tx, err error) {
	defer guard(&err)
	return h.db.Begin(writable)
}

// commit makes a transaction durable.
func commit(tx *bolt.Tx) (err error) {
	defer guard(&err)
	tx.DB().AllocSize = growth(tx.Size())
	return tx.Commit()
}

// rollback ends a transaction that was not committed.
func rollback(tx *bolt.Tx) {
	var err error
	defer guard(&err)
	_ = tx.Rollback()
}

// guard turns a panic of bbolt, or a fault in its memory map, into an error. The checks before opening leave nothing
// to panic about in a file that nobody changes behind our back; this is for the one that somebody does.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = &panicked{reason: r}
	}
}

// panicked is a panic of bbolt as an error.
type panicked struct{ reason any }

func (p *panicked) Error() string { return fmt.Sprintf("bbolt gave up: %v", p.reason) }
