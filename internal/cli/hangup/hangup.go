// Package hangup keeps SIGHUP as it was when the process started: a package of Vitess that the sandbox needs catches it when it
// is initialized, and drops it.
package hangup

import (
	"os/signal"
	"syscall"
)

// ignored is how nohup starts a process. Packages are initialized in the order of their paths, so this is read before
// Vitess's catch the signal.
var ignored = signal.Ignored(syscall.SIGHUP)

// Restore makes SIGHUP end the process, or nothing at all if it was ignored from the start.
func Restore() {
	signal.Reset(syscall.SIGHUP)
	if ignored {
		signal.Ignore(syscall.SIGHUP)
	}
}
