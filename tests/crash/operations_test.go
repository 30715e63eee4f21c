//go:build crash

package crash

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shardform/internal/sample"
)

// servedPlan has an operation of tasks that may be run again or can be looked at, one that can neither, and one that fails.
const servedPlan = `
operation "careful" {
  container "first" {
    concurrency = 2
    task "echo" "a" {
      text = "a"
    }
    task "echo" "b" {
      text = "b"
    }
    task "echo" "c" {
      text = "c"
    }
  }
  task "shell" "make" {
    command = ["touch", "made"]
    unless  = ["test", "-e", "made"]
    on_interrupt = "rerun"
  }
}
operation "blind" {
  task "shell" "count" {
    command = ["sh", "-c", "echo done >>blind.log"]
  }
  task "echo" "after" {
    text = "after"
  }
}
operation "failing" {
  task "shell" "fail" {
    command = ["false"]
  }
  task "echo" "never" {
    text = "never"
  }
}
`

// unknownEnd is what is said of a task that was in flight and that nobody can look at.
const unknownEnd = "was started and it is not known how it ended"

// TestOperationServerKilled enqueues operations over the wire at a server that is killed at every failpoint, and starts it
// again: what was accepted is there and ends by itself, nothing is done twice, and the details say so.
func TestOperationServerKilled(t *testing.T) {
	t.Parallel()
	p := build(t)
	whole := p.newDir()
	p.writePlan(whole, servedPlan)
	if killed := p.serveThrough(whole); killed {
		t.Fatal("killed without a failpoint")
	}
	seen := map[string]int{}
	for _, name := range p.hits(whole) {
		seen[name]++
	}
	for _, name := range []string{"run_started", "operation_enqueued", "operation_started", "task_done", "task_failed", "operation_done", "run_ended"} {
		if seen["checkpoint_"+name+"_before"] == 0 || seen["checkpoint_"+name+"_after"] == 0 {
			t.Errorf("a run that nothing interrupts does not pass %s: %v", name, seen)
		}
	}
	failpoints := sample.Of(t, 0.5, numbered(p.hits(whole)), itself)
	var missed atomic.Int64
	p.subtest("killed", func(p program) {
		for _, failpoint := range failpoints {
			p.subtest(failpoint, func(p program) {
				p.t.Parallel()
				dir := p.newDir()
				p.writePlan(dir, servedPlan)
				if !p.armed(failpoint).serveThrough(dir) {
					missed.Add(1)
				}
			})
		}
	})
	// Requests that come while a checkpoint is written share the next one, so that the last of some kinds may not be passed.
	if t.Logf("%d failpoints, %d not passed", len(failpoints), missed.Load()); int(missed.Load()) > len(failpoints)/4 {
		t.Errorf("%d of %d failpoints were not passed", missed.Load(), len(failpoints))
	}
}

// serveThrough enqueues the three operations at a server in dir, which may be armed, and what was not accepted once more at
// the next one, which is not. It checks what all servers leave, and reports whether there were two.
func (p program) serveThrough(dir string) (killed bool) {
	p.t.Helper()
	names := []string{"careful", "blind", "failing"}
	ids := map[string]string{}
	s := p.serveOperations(dir)
	for _, name := range names {
		if id, err := s.Enqueue(p.t.Context(), name, nil); err == nil {
			ids[name] = id
		}
	}
	ended := true
	for _, name := range names {
		if id := ids[name]; id != "" && ended {
			_, ended = s.await(id)
		}
	}
	if r := s.terminate(); r.exit == 0 && len(ids) == len(names) {
		p.checkServed(dir, ids)
		return false
	} else if !r.killed {
		p.t.Errorf("the server ends with exit %d\n%s", r.exit, s.logged())
	}
	p = p.armed("")
	s = p.serveOperations(dir)
	for _, name := range names {
		if ids[name] == "" {
			id, err := s.Enqueue(p.t.Context(), name, nil)
			if err != nil {
				p.t.Fatalf("%s after the restart: %v", name, err)
			}
			ids[name] = id
		}
	}
	list, err := s.List(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	for _, op := range list {
		if _, ok := s.await(op.Id); !ok {
			p.t.Fatalf("the server ended by itself\n%s", s.logged())
		}
	}
	if r := s.terminate(); r.exit != 0 {
		p.t.Errorf("the second server ends with exit %d\n%s", r.exit, s.logged())
	}
	p.checkServed(dir, ids)
	return true
}

// checkServed checks that the operations, those that were recorded without an answer too, ended as their tasks did.
func (p program) checkServed(dir string, ids map[string]string) {
	p.t.Helper()
	r := p.run(dir, "operation", "list", "--json")
	var list []struct{ ID, Name, State, Error string }
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil {
		p.t.Fatalf("%v\n%s", err, r.stderr)
	}
	counts, certain, unsure := map[string]int{}, 0, 0
	known := map[string]string{}
	for _, op := range list {
		counts[op.Name]++
		known[op.ID] = op.Name
		unknown := strings.Contains(op.Error, unknownEnd)
		switch {
		case op.State != "DONE":
			p.t.Errorf("%s %s is left %s", op.ID, op.Name, op.State)
		case op.Name == "careful" && op.Error != "":
			p.t.Errorf("%s %s: %s", op.ID, op.Name, op.Error)
		case op.Name == "blind" && unknown:
			unsure++
		case op.Name == "blind" && op.Error == "":
			certain++
		case op.Name == "blind", op.Name == "failing" && !unknown && !strings.Contains(op.Error, "exit code 1"):
			p.t.Errorf("%s %s: %q", op.ID, op.Name, op.Error)
		}
		p.checkDetails(dir, op.ID, op.Error)
	}
	for name, id := range ids {
		if known[id] != name || counts[name] > 2 {
			p.t.Errorf("%s was accepted as %s; the list is %v", name, id, list)
		}
	}
	log, err := os.ReadFile(filepath.Join(dir, "blind.log"))
	if err != nil && !os.IsNotExist(err) {
		p.t.Fatal(err)
	}
	if lines := strings.Count(string(log), "\n"); lines < certain || lines > certain+unsure {
		p.t.Errorf("what cannot be looked at was done %d times; %d operations say so, %d do not know", lines, certain, unsure)
	}
	p.expect(0, dir, "state", "pull") // which checks the whole state
}

// checkDetails checks that the tasks of an operation that ended say the same as the operation.
func (p program) checkDetails(dir, id, failure string) {
	p.t.Helper()
	r := p.run(dir, "operation", "show", "--json", id)
	var op struct {
		SerialTasks []struct {
			ParallelTasks []struct{ Name, State, Error string } `json:"parallel_tasks"`
		} `json:"serial_tasks"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &op); err != nil {
		p.t.Fatalf("%v\n%s", err, r.stderr)
	}
	want := "DONE"
	for _, c := range op.SerialTasks {
		for _, task := range c.ParallelTasks {
			if task.State != want || task.Error != "" && task.Error != failure {
				p.t.Errorf("operation %s (%s): task %s is %s, %q", id, failure, task.Name, task.State, task.Error)
			}
			if task.Error != "" {
				want = "NOT_STARTED"
			}
		}
	}
	if (want == "DONE") != (failure == "") {
		p.t.Errorf("operation %s: error %q, and its tasks say otherwise: %s", id, failure, r.stdout)
	}
}

// TestOperationServerKilledWithManyQueued kills a server that has many operations in its queue, again and again: all that were
// accepted are run, in the order of their ids, and none twice.
func TestOperationServerKilledWithManyQueued(t *testing.T) {
	t.Parallel()
	p := build(t)
	dir := p.newDir()
	p.writePlan(dir, servedPlan)
	const servers, each = 3, 50
	var last string
	for range servers {
		s := p.serveOperations(dir)
		for range each {
			id, err := s.Enqueue(t.Context(), "careful", nil)
			if err != nil {
				t.Fatal(err)
			}
			last = id
		}
		s.kill()
	}
	s := p.serveOperations(dir)
	if op, ok := s.await(last); !ok || op.Error != "" {
		t.Fatalf("the last one: %v", op)
	}
	list, err := s.List(t.Context())
	if err != nil || len(list) != servers*each {
		t.Fatalf("%d operations, %v", len(list), err)
	}
	for _, op := range list {
		if op.State.String() != "CLUSTER_OPERATION_DONE" || op.Error != "" {
			t.Errorf("%v", op)
		}
	}
	if r := s.terminate(); r.exit != 0 {
		t.Errorf("exit %d\n%s", r.exit, s.logged())
	}
}

// TestEnqueueKilledBesideAServer kills a command that has put an operation into the state and not yet run it: the server
// on the same state runs it, though nobody asks it.
func TestEnqueueKilledBesideAServer(t *testing.T) {
	t.Parallel()
	p := build(t)
	dir := p.newDir()
	p.writePlan(dir, servedPlan)
	s := p.serveOperations(dir)
	if r := p.armed("checkpoint_operation_enqueued_after").run(dir, "operation", "enqueue", "careful"); !r.killed {
		t.Fatalf("enqueue ends with exit %d\n%s", r.exit, r.stderr)
	}
	for deadline := time.After(time.Minute); ; {
		if _, err := os.Stat(filepath.Join(dir, "made")); err == nil {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("nobody runs the operation\n%s", s.logged())
		case <-time.After(20 * time.Millisecond):
		}
	}
	if op, ok := s.await("1"); !ok || op.Error != "" {
		t.Errorf("the operation: %v", op)
	}
	if r := s.terminate(); r.exit != 0 {
		t.Errorf("the server ends with exit %d\n%s", r.exit, s.logged())
	}
}
