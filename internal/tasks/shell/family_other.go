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
func (f *family) alive() bool { return syscall.Kill(-f.leader, 0) == nil }

// strays cannot be told here: the group is all that is known of a family.
func (f *family) strays() []*os.Process { return nil }
