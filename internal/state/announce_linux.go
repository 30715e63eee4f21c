package state

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// giveWayAtMost is how long a burst stands back for those who announced that they wait.
const giveWayAtMost = 50 * time.Millisecond

// announce gives a signal until withdraw or until f is closed. A file system that has no such locks gets no signal,
// and the waiter waits until the holder is idle.
func announce(f *os.File, s signal) { setLock(f, s, unix.F_RDLCK) }

// withdraw ends a signal.
func withdraw(f *os.File, s signal) { setLock(f, s, unix.F_UNLCK) }

func setLock(f *os.File, s signal, kind int16) {
	_ = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: kind, Start: int64(s), Len: 1})
}

// isAnnounced reports whether anyone but f gives a signal. It costs less than a microsecond.
func isAnnounced(f *os.File, s signal) bool {
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: int64(s), Len: 1}
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lock) == nil && lock.Type != unix.F_UNLCK
}
