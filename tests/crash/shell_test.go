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

// lastingPlan has a command that lasts until it is ended, and a child of it in a session of its own. A second one ends at once.
// Both write their pids.
const lastingPlan = `
operation "lasting" {
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
func (p testProgram) pids(dir string, n int) []int {
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

// lives reports whether a process is there; one that has ended and that nobody waits for is not.
func lives(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(text), ") ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}

// checkLasting checks that the second command was run, and that nothing of the first one lives.
func (p testProgram) checkLasting(dir string) {
	p.t.Helper()
	pids := p.pids(dir, 1)
	if len(pids) < 2 {
		p.t.Errorf("the command was not run again: %v", pids)
	}
	for _, pid := range pids {
		if lives(pid) {
			p.t.Errorf("%d of %v lives", pid, pids)
		}
	}
}

func (p testProgram) again(dir string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "again"), nil, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// TestARerunEndsTheCommandOfAKilledProgram kills the program, and not what it started: before the pid is recorded and after.
func TestARerunEndsTheCommandOfAKilledProgram(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("processes cannot be told here")
	}
	p := build(t)
	for _, failpoint := range []string{"checkpoint_task_process_before", "checkpoint_task_process_after"} {
		t.Run("apply "+failpoint, func(t *testing.T) {
			t.Parallel()
			p := p.with(t)
			dir := p.folder()
			p.writePlan(dir, lastingPlan)
			if r := p.run(dir, failpoint, applying...); !r.killed {
				t.Fatalf("exit %d\n%s", r.exit, r.stderr)
			}
			p.pids(dir, 2)
			p.again(dir)
			if r := p.run(dir, "", applying...); r.exit != 0 {
				t.Errorf("exit %d\n%s", r.exit, r.stderr)
			}
			p.checkLasting(dir)
		})
	}
	t.Run("apply of an edited block", func(t *testing.T) {
		t.Parallel()
		p := p.with(t)
		dir := p.folder()
		p.writePlan(dir, lastingPlan)
		if r := p.run(dir, "checkpoint_task_process_after", applying...); !r.killed {
			t.Fatalf("exit %d\n%s", r.exit, r.stderr)
		}
		p.pids(dir, 2)
		p.again(dir)
		p.writePlan(dir, strings.Replace(lastingPlan, "exit 0", "exit 0 # edited", 1))
		if r := p.run(dir, "", applying...); r.exit != 0 {
			t.Errorf("exit %d\n%s", r.exit, r.stderr)
		}
		p.checkLasting(dir)
	})
	t.Run("serve", func(t *testing.T) {
		t.Parallel()
		p := p.with(t)
		dir := p.folder()
		p.writePlan(dir, lastingPlan)
		s := p.serveOperations(dir, "")
		id, err := s.Enqueue(t.Context(), "lasting", nil)
		if err != nil {
			t.Fatal(err)
		}
		p.pids(dir, 2)
		s.kill()
		p.again(dir)
		s = p.serveOperations(dir, "")
		if op, ok := s.await(id); !ok || op.Error != "" {
			t.Errorf("the operation: %v", op)
		}
		s.terminate()
		p.checkLasting(dir)
	})
}
