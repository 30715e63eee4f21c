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

func isAnnounced(_ *os.File, s signal) bool { return s == waiting }
