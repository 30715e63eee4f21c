package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"shardform/internal/diag"
)

// lockPoll is how often a run that waits for the run lock asks again.
const lockPoll = 50 * time.Millisecond

// runLock is the run lock while this process holds it. The kernel drops both when the process ends.
type runLock struct {
	file     *os.File // PATH.lock, under flock: it is there before the state is, and says who holds it
	database *os.File // the state itself, claimed: whatever path leads to it; nil as long as there is none
}

// realPath is the path of the state file without symbolic links; as it was given where there is no file yet.
func (b *Bolt) realPath() string {
	if path, err := filepath.EvalSymlinks(b.path); err == nil {
		return path
	}
	return b.path
}

func (b *Bolt) lockPath() string { return b.realPath() + ".lock" }

// Lock takes the run lock.
func (b *Bolt) Lock(ctx context.Context, who Holder, timeout time.Duration) (unlock func() error, err error) {
	if _, err := b.checkPlace(); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(timeout)
	for {
		lock, err := b.tryLock(who)
		if err != nil {
			return nil, err
		}
		if lock != nil {
			b.mu.Lock()
			b.run = lock
			b.mu.Unlock()
			return sync.OnceValue(func() error { return b.unlock(lock) }), nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			return nil, b.locked(timeout)
		}
		if err := sleep(ctx, min(lockPoll, left)); err != nil {
			return nil, b.gaveUp(err)
		}
	}
}

// tryLock takes the run lock if it is free; nil if it is not.
func (b *Bolt) tryLock(who Holder) (lock *runLock, err error) {
	path := b.lockPath()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, b.unlockable(err)
	}
	lock = &runLock{file: f}
	defer func() {
		if lock == nil || err != nil {
			_ = f.Close()
		}
	}()
	if got, err := tryFlock(f, unix.LOCK_EX); err != nil {
		return nil, b.unlockable(err)
	} else if !got {
		return nil, nil
	}
	if same, err := stillAt(f, path); err != nil || !same {
		_ = f.Close()
		return b.tryLock(who) // its last holder has removed it
	}
	switch database, err := os.OpenFile(b.path, os.O_RDWR, 0); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, b.unlockable(err)
	default:
		if got, err := lock.claim(database); err != nil {
			return nil, b.unlockable(err)
		} else if !got {
			removeLockFile(f, path)
			return nil, nil
		}
	}
	if err = writeHolder(f, who); err == nil {
		err = b.proveLock(path)
	}
	if err != nil {
		lock.release()
		removeLockFile(f, path)
		return nil, err
	}
	return lock, nil
}

// claim takes the lock of the state that f has open, and f; false if another run has it.
func (l *runLock) claim(f *os.File) (bool, error) {
	got, err := claim(f, running)
	if err != nil || !got {
		_ = f.Close()
		return false, err
	}
	l.release()
	l.database = f
	return true, nil
}

// release gives the state's own lock back.
func (l *runLock) release() {
	if l.database != nil {
		_ = l.database.Close()
		l.database = nil
	}
}

// keep takes the lock of the state that f has open if this process holds the run lock: the file was made after the lock was
// taken, or is another one than then.
func (b *Bolt) keep(f *os.File) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.run == nil {
		return nil
	}
	if b.run.database != nil {
		before, err1 := b.run.database.Stat()
		now, err2 := f.Stat()
		if err1 == nil && err2 == nil && os.SameFile(before, now) {
			return nil
		}
	}
	own, err := reopen(f)
	if err != nil {
		return b.unlockable(err)
	}
	switch got, err := b.run.claim(own); {
	case err != nil:
		return b.unlockable(err)
	case !got:
		return b.locked(0)
	}
	return nil
}

// unlock gives the run lock back and removes its file. Whoever waits for it with the file open finds that it is not at its
// path any more, and opens the one that is.
func (b *Bolt) unlock(lock *runLock) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.run == lock {
		b.run = nil
	}
	lock.release()
	removeLockFile(lock.file, lock.file.Name())
	return lock.file.Close()
}

// removeLockFile removes the lock file at path that f has open and locked. In a folder where it cannot be removed it
// stays, empty.
func removeLockFile(f *os.File, path string) {
	if same, err := stillAt(f, path); err == nil && same && os.Remove(path) == nil {
		return
	}
	_ = f.Truncate(0)
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
func (b *Bolt) proveLock(path string) error {
	second, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return b.unlockable(err)
	}
	defer func() { _ = second.Close() }()
	if got, err := tryFlock(second, unix.LOCK_EX); err != nil {
		return b.unlockable(err)
	} else if got {
		return b.complain("file system does not lock", "two locks on "+path+" were granted at once", "keep the state on a local disk whose file system has working locks (flock)", nil)
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
	const noStale = "the lock ends with that process; there is no stale lock to remove"
	if !ok { // looking for it reads through the open files of every process
		if pid, command, elsewhere := b.runElsewhere(); elsewhere {
			detail = "another run holds it through another name of the file (a hard link)"
			if pid > 0 {
				detail += fmt.Sprintf(": pid %d (%s)", pid, command)
				hint = fmt.Sprintf("wait for it: --lock-timeout 10m\nor stop it at its next safe point: kill -INT %d\n%s", pid, noStale)
			}
		}
	}
	if ok {
		detail = fmt.Sprintf("%s@%s (pid %d) has held it since %s, for %s: %s", who.User, who.Host, who.PID,
			who.Since.UTC().Format(time.RFC3339), b.now().Sub(who.Since).Round(time.Second), who.Operation)
		if who.Run != "" {
			detail += ", run " + who.Run
		}
		hint = fmt.Sprintf("wait for it: --lock-timeout 10m\nor stop it at its next safe point, on %s: kill -INT %d\n%s", who.Host, who.PID, noStale)
	}
	if timeout > 0 {
		detail += fmt.Sprintf("; waited %s", timeout)
	}
	d := complain(b.lockPath(), "state is locked by another run", detail, hint, nil)
	d.Exit, d.Temporary = diag.ExitLocked, true
	return d
}

// runElsewhere reports whether a run has claimed the state itself, and the process if that can be told, else 0.
func (b *Bolt) runElsewhere() (pid int, command string, is bool) {
	f, err := os.Open(b.path)
	if err != nil {
		return 0, "", false
	}
	defer func() { _ = f.Close() }()
	if !isAnnounced(f, running) {
		return 0, "", false
	}
	pid, command = claimant(f, running)
	return pid, command, true
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
