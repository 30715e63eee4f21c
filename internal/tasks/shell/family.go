package shell

import (
	"syscall"
	"time"
)

// family is a command's process and everything it started, as far as the system tells.
type family struct {
	leader int    // its pid, which is its session and group too, as long as no other process can have it; 0: not known
	mark   string // VARIABLE=VALUE in the environment of all that did not clear it
}

// alivePoll is how often a family that was asked to end is looked at.
const alivePoll = 20 * time.Millisecond

// end ends the family: politely first, for certain after the grace. ended is closed when the leader has ended.
func (f *family) end(ended <-chan struct{}, grace time.Duration) {
	f.signal(syscall.SIGTERM)
	deadline := time.NewTimer(grace)
	defer deadline.Stop()
	for polite := true; polite; {
		select {
		case <-ended:
			if !f.alive() {
				return
			}
			select {
			case <-time.After(alivePoll):
			case <-deadline.C:
				polite = false
			}
		case <-deadline.C:
			polite = false
		}
	}
	// What forks while it is looked for is found the next time: none of them live on without having been hit.
	for range 10 {
		f.signal(syscall.SIGKILL)
		if !f.alive() {
			break
		}
		time.Sleep(alivePoll)
	}
	<-ended
}

// endOrphans ends a family that an earlier process of the program started and that is no child of this one. It reports
// whether all of it has ended.
func (f *family) endOrphans(grace time.Duration) bool {
	if !f.alive() {
		return true
	}
	ended := make(chan struct{})
	close(ended)
	f.end(ended, grace)
	return !f.alive()
}

// signal sends sig to the group and to the members that have left it.
func (f *family) signal(sig syscall.Signal) {
	strays := f.strays() // before the leader ends, as it is by their parents that some are known
	if f.leader > 0 {
		_ = syscall.Kill(-f.leader, sig)
	}
	for _, s := range strays {
		_ = s.Signal(sig)
		_ = s.Release()
	}
}
