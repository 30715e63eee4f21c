//go:build failpoints

package failpoint

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// child is what the re-executed test binary does instead of running tests: three checkpoints, each said aloud.
func TestMain(m *testing.M) {
	if os.Getenv("FAILPOINT_CHILD") != "" {
		for _, line := range []string{"one", "two", "three"} {
			Hit("checkpoint_task_done_before")
			_, _ = os.Stdout.WriteString(line + "\n")
			AfterRPC("ReshardCreate")
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestHitKillsAtTheNamedPointAndCount(t *testing.T) {
	tests := []struct {
		env, printed string
		killed       bool
		code         int
	}{
		{env: "", printed: "one two three"},
		{env: "checkpoint_task_done_before", killed: true},
		{env: "checkpoint_task_done_before:3", printed: "one two", killed: true},
		{env: "rpc_ReshardCreate_after:2", printed: "one two", killed: true},
		{env: "checkpoint_task_done_before:4", printed: "one two three"},
		{env: "no_such_point", code: 2},
		{env: "checkpoint_task_done_before:0", code: 2},
	}
	for _, tt := range tests {
		t.Run(tt.env, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), "FAILPOINT_CHILD=1", Environment+"="+tt.env)
			out, _ := cmd.Output()
			if got := strings.Join(strings.Fields(string(out)), " "); got != tt.printed {
				t.Errorf("printed %q, expected %q", got, tt.printed)
			}
			status := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if killed := status.Signaled() && status.Signal() == syscall.SIGKILL; killed != tt.killed {
				t.Errorf("killed = %v, expected %v (%v)", killed, tt.killed, cmd.ProcessState)
			}
			if !tt.killed && cmd.ProcessState.ExitCode() != tt.code {
				t.Errorf("exit %d, expected %d", cmd.ProcessState.ExitCode(), tt.code)
			}
		})
	}
}
