package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"shardform/internal/diag"
)

// lockPoll is how often a run that waits for the run lock asks again.
const lockPoll = 50 * time.Millisecond

func (b *Bolt) lockPath() string { return b.path + ".lock" }

// Lock takes the run lock: a flock on PATH.lock, which the kernel drops when its owner dies, with the Holder as JSON
// inside. The file stays, empty, when the lock is released: removing it could take it from under a run that waits.
func (b *Bolt) Lock(ctx context.Context, who Holder, timeout time.Duration) (unlock func() error, err error) {
	if _, err := b.checkPlace(); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(timeout)
	for {
		f, err := os.OpenFile(b.lockPath(), os.O_RDWR|os.O_CREATE, fileMode)
		if err != nil {
			return nil, b.unlockable(err)
		}
		got, err := tryFlock(f, unix.LOCK_EX)
		if err != nil {
			_ = f.Close()
			return nil, b.unlockable(err)
		}
		if got {
			if same, err := stillAt(f, b.lockPath()); err != nil || !same {
				_ = f.Close()
				continue
			}
			return b.hold(f, who)
		}
		_ = f.Close()
		left := time.Until(deadline)
		if left <= 0 {
			return nil, b.locked(timeout)
		}
		if err := sleep(ctx, min(lockPoll, left)); err != nil {
			return nil, b.gaveUp(err)
		}
	}
}

// hold writes the holder into the lock file that the caller has locked.
func (b *Bolt) hold(f *os.File, who Holder) (func() error, error) {
	err := writeHolder(f, who)
	if err == nil {
		err = b.proveLock()
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return sync.OnceValue(func() error { return errors.Join(f.Truncate(0), f.Close()) }), nil
}

func writeHolder(f *os.File, who Holder) error {
	text, err := json.Marshal(who)
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt(append(text, '\n'), 0)
	return err
}

// proveLock complains if the lock that was just taken could be taken again: then the file system only pretends.
func (b *Bolt) proveLock() error {
	second, err := os.OpenFile(b.lockPath(), os.O_RDWR, 0)
	if err != nil {
		return b.unlockable(err)
	}
	defer func() { _ = second.Close() }()
	if got, err := tryFlock(second, unix.LOCK_EX); err != nil {
		return b.unlockable(err)
	} else if got {
		return b.complain("file system does not lock", "two locks on "+b.lockPath()+" were granted at once", "keep the state on a local disk whose file system has working locks (flock)", nil)
	}
	return nil
}

// unlockable says why the lock file cannot be had.
func (b *Bolt) unlockable(err error) error {
	hint := "apply needs to write in the folder of the state file: check its permissions, or put the state elsewhere"
	return complain(b.lockPath(), "run lock cannot be taken", err.Error(), hint, err)
}

// locked says who holds the run lock, since when, and what to do.
func (b *Bolt) locked(timeout time.Duration) error {
	who, ok := readHolder(b.lockPath())
	detail := "another run holds it and has not written its name yet"
	hint := "run again, or wait for it with --lock-timeout 10m"
	if ok {
		detail = fmt.Sprintf("%s@%s (pid %d) has held it since %s, for %s: %s", who.User, who.Host, who.PID,
			who.Since.UTC().Format(time.RFC3339), b.now().Sub(who.Since).Round(time.Second), who.Operation)
		if who.Run != "" {
			detail += ", run " + who.Run
		}
		hint = fmt.Sprintf("wait for it: --lock-timeout 10m\nor stop it at its next safe point, on %s: kill -INT %d\nthe lock ends with that process; there is no stale lock to remove", who.Host, who.PID)
	}
	if timeout > 0 {
		detail += fmt.Sprintf("; waited %s", timeout)
	}
	d := complain(b.lockPath(), "state is locked by another run", detail, hint, nil)
	d.Exit, d.Temporary = diag.ExitLocked, true
	return d
}

// readHolder reads who holds the run lock; false if nobody wrote a name there.
func readHolder(path string) (Holder, bool) {
	f, err := os.Open(path)
	if err != nil {
		return Holder{}, false
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, 1<<16))
	var who Holder
	return who, err == nil && json.Unmarshal(text, &who) == nil
}
