//go:build crash

package crash

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// longRunningPlan has a command that runs until it is ended, with a child in a session of its own. A second one ends at once.
// All write their pids.
const longRunningPlan = `
operation "long" {
  task "shell" "last" {
    script = <<-EOT
      echo $$ >>pids
      test -e again && exit 0
      setsid sh -c 'echo $$ >>pids; touch up; exec sleep 600' &
      exec sleep 600
    EOT
    on_interrupt = "rerun"
  }
}
`

// pids are those that the commands in dir have written, once there are n.
func (p program) pids(dir string, n int) []int {
	p.t.Helper()
	for deadline := time.After(time.Minute); ; {
		text, _ := os.ReadFile(filepath.Join(dir, "pids"))
		if lines := strings.Fields(string(text)); len(lines) >= n {
			pids := make([]int, len(lines))
			for i, line := range lines {
				pids[i], _ = strconv.Atoi(line)
			}
			return pids
		}
		select {
		case <-deadline:
			p.t.Fatalf("the command was not started: %q", text)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// alive reports whether a process runs; a zombie does not.
func alive(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(text), ") ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}

// checkRunAgain checks that the second command was run, and that nothing of the first one is left.
func (p program) checkRunAgain(dir string) {
	p.t.Helper()
	pids := p.pids(dir, 1)
	if len(pids) < 2 {
		p.t.Errorf("the command was not run again: %v", pids)
	}
	for _, pid := range pids {
		if alive(pid) {
			p.t.Errorf("process %d of %v still runs", pid, pids)
		}
	}
}

// TestRerunEndsTheCommandOfAKilledProgram kills the program, and not what it started: before the pid is recorded and after.
func TestRerunEndsTheCommandOfAKilledProgram(t *testing.T) {
	t.Parallel()
	p := build(t)
	// interrupted is a directory in which the program was killed and its command goes on.
	interrupted := func(p program, failpoint string) string {
		dir := p.newDir()
		p.writePlan(dir, longRunningPlan)
		if r := p.armed(failpoint).run(dir, applying...); !r.killed {
			p.t.Fatalf("exit %d\n%s", r.exit, r.stderr)
		}
		p.pids(dir, 2)
		p.write(dir, "again", "")
		return dir
	}
	for _, failpoint := range []string{"checkpoint_task_process_before", "checkpoint_task_process_after"} {
		p.subtest("apply "+failpoint, func(p program) {
			p.t.Parallel()
			dir := interrupted(p, failpoint)
			p.expect(0, dir, applying...)
			p.checkRunAgain(dir)
		})
	}
	p.subtest("apply of an edited block", func(p program) {
		p.t.Parallel()
		dir := interrupted(p, "checkpoint_task_process_after")
		p.writePlan(dir, strings.Replace(longRunningPlan, "exit 0", "exit 0 # edited", 1))
		p.expect(0, dir, applying...)
		p.checkRunAgain(dir)
	})
	p.subtest("serve", func(p program) {
		p.t.Parallel()
		dir := p.newDir()
		p.writePlan(dir, longRunningPlan)
		s := p.serveOperations(dir)
		id, err := s.Enqueue(p.t.Context(), "long", nil)
		if err != nil {
			p.t.Fatal(err)
		}
		p.pids(dir, 2)
		s.kill()
		p.write(dir, "again", "")
		s = p.serveOperations(dir)
		if op, ok := s.await(id); !ok || op.Error != "" {
			p.t.Errorf("the operation: %v", op)
		}
		s.terminate()
		p.checkRunAgain(dir)
	})
}
