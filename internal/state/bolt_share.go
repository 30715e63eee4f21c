package state

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockFile opens the file and takes bbolt's own lock on it, shared or exclusive, before bbolt does. Whoever has to wait
// announces it on the file, which the holder looks for after each commit. gaveWay: the caller let go for others and lets them in first.
// Errors: fs.ErrNotExist as it is; else diagnostics.
func (b *Bolt) lockFile(ctx context.Context, write, gaveWay bool) (*os.File, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(b.timeout)
	}
	flags := os.O_RDONLY
	if write {
		flags = os.O_RDWR
	}
	for {
		f, err := os.OpenFile(b.path, flags, 0)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err != nil {
			return nil, b.unopenable(err)
		}
		if err := b.waitForLock(ctx, f, deadline, write, gaveWay); err != nil {
			_ = f.Close()
			return nil, err
		}
		same, err := stillAt(f, b.path)
		if same {
			return f, nil
		}
		_ = f.Close()
		if err != nil {
			return nil, err
		}
	}
}

func (b *Bolt) waitForLock(ctx context.Context, f *os.File, deadline time.Time, write, gaveWay bool) error {
	switch {
	case write && gaveWay:
		if err := b.whileAnnounced(ctx, f, waiting, giveWayAtMost); err != nil {
			return err
		}
	case !write:
		if err := b.whileAnnounced(ctx, f, writerWaiting, letWriterFirst); err != nil {
			return err
		}
	}
	how := unix.LOCK_SH
	if write {
		how = unix.LOCK_EX
	}
	got, err := tryFlock(f, how)
	if got || err != nil {
		return err
	}
	signals := []signal{waiting}
	if write {
		signals = append(signals, writerWaiting)
	}
	for _, s := range signals {
		announce(f, s)
		defer withdraw(f, s)
	}
	for pause := 100 * time.Microsecond; ; pause = min(2*pause, 2*time.Millisecond) {
		if err := sleep(ctx, pause); err != nil {
			return b.gaveUp(err)
		}
		if got, err := tryFlock(f, how); got || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return b.inUse(f)
		}
	}
}

// whileAnnounced waits until nobody but f announces s, at most for limit.
func (b *Bolt) whileAnnounced(ctx context.Context, f *os.File, s signal, limit time.Duration) error {
	for end := time.Now().Add(limit); isAnnounced(f, s) && time.Now().Before(end); {
		if err := sleep(ctx, 200*time.Microsecond); err != nil {
			return b.gaveUp(err)
		}
	}
	return nil
}

// tryFlock takes a lock if it is free.
func tryFlock(f *os.File, how int) (bool, error) {
	for {
		switch err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); err {
		case nil:
			return true, nil
		case unix.EINTR:
		case unix.EWOULDBLOCK:
			return false, nil
		default:
			return false, &fs.PathError{Op: "flock", Path: f.Name(), Err: err}
		}
	}
}

// stillAt reports whether the file at path is the one that f has open: it may have been replaced while we waited.
func stillAt(f *os.File, path string) (bool, error) {
	ours, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	return os.SameFile(ours, named), nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
