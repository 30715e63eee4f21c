//go:build !linux

package shell

import (
	"os"
	"os/exec"
	"syscall"
)

// awaitExit returns when the process has ended.
func awaitExit(cmd *exec.Cmd) { _ = cmd.Wait() }

// alive reports whether anything of the group is left.
func (f *family) alive() bool { return f.leader > 0 && syscall.Kill(-f.leader, 0) == nil }

// bootID and startOf are not known here.
func bootID() string     { return "" }
func startOf(int) string { return "" }

// orphans is the group that a process led. It is sure only if there is none: a pid is given to others in time.
func orphans(pid int, _, mark string) (f *family, sure bool) {
	f = &family{leader: pid, mark: mark}
	return f, pid > 0 && !f.alive()
}

// strays cannot be told here: the group is all that is known of a family.
func (f *family) strays() []*os.Process { return nil }
