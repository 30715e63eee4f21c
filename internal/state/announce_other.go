//go:build !linux

package state

import (
	"os"
	"time"
)

// giveWayAtMost is how long a burst pauses for those who may be waiting: two of their attempts.
const giveWayAtMost = 5 * time.Millisecond

// Without open-file-description locks nobody can say that he waits, so the holder of the file supposes that
// somebody does and pauses shortly, again and again, in every burst.

func announce(*os.File, signal) {}

func withdraw(*os.File, signal) {}

// claim is granted always: here the run lock is the lock file's alone, and a hard link is another file to it.
func claim(*os.File, signal) (bool, error) { return true, nil }

func reopen(f *os.File) (*os.File, error) { return os.OpenFile(f.Name(), os.O_RDWR, 0) }

func isAnnounced(_ *os.File, s signal) bool { return s == waiting }
