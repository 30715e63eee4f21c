package state

import (
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// giveWayAtMost is how long a burst stands back for those who announced that they wait.
const giveWayAtMost = 50 * time.Millisecond

// announce gives a signal until withdraw or until f is closed. A file system that has no such locks gets no signal,
// and the waiter waits until the holder is idle.
func announce(f *os.File, s signal) { _ = setLock(f, s, unix.F_RDLCK) }

// withdraw ends a signal.
func withdraw(f *os.File, s signal) { _ = setLock(f, s, unix.F_UNLCK) }

// claim gives a signal that only one file may give at a time; false if another does.
func claim(f *os.File, s signal) (bool, error) {
	switch err := setLock(f, s, unix.F_WRLCK); err {
	case nil:
		return true, nil
	case unix.EAGAIN, unix.EACCES:
		return false, nil
	default:
		return false, &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
}

func setLock(f *os.File, s signal, kind int16) error {
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: kind, Start: int64(s), Len: 1})
}

// reopen opens the file that f has open a second time, whatever it is called now, so that a lock on it lasts when f is closed.
func reopen(f *os.File) (*os.File, error) {
	return os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), os.O_RDWR, 0)
}

// isAnnounced reports whether anyone but f gives a signal. It costs less than a microsecond.
func isAnnounced(f *os.File, s signal) bool {
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: int64(s), Len: 1}
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lock) == nil && lock.Type != unix.F_UNLCK
}
