package apply

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/diag"
	"shardform/internal/event"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/tasks"
	"shardform/internal/tasks/taskstest"
)

func TestAnObservableTaskIsJudgedByWhatIsSeen(t *testing.T) {
	fine := func(*call) (bool, error) { return true, nil }
	tests := []struct {
		name    string
		state   tasks.State // what Observe answers; 0: whether it was done
		script  script
		outcome Outcome
		exit    diag.Exit
		acts    int
		runs    bool   // Run was called
		task    string // recorded state
		says    string // in the error
	}{
		{name: "absent: it acts", script: fine, outcome: OutcomeDone, acts: 1, runs: true, task: "DONE"},
		{name: "running: Run takes it up", state: tasks.Running, script: func(c *call) (bool, error) {
			c.world.set(c.key, tasks.Done)
			return false, nil
		}, outcome: OutcomeDone, runs: true, task: "DONE"},
		{name: "done: nothing is run", state: tasks.Done, script: fine, outcome: OutcomeDone, task: "DONE"},
		{name: "conflict: refused", state: tasks.Conflict, script: fine, outcome: OutcomeRefused, exit: diag.ExitRefused, says: "expected: no a found: seen a"},
		{name: "the answer was lost, the effect is there", script: func(*call) (bool, error) { return true, errors.New("connection reset") },
			outcome: OutcomeDone, acts: 1, runs: true, task: "DONE"},
		{name: "success was reported, nothing is there", script: func(*call) (bool, error) { return false, nil },
			outcome: OutcomeFailed, exit: diag.ExitFailed, runs: true, task: "DONE!", says: "act reported success but its effect is not there: observed after it: absent"},
		{name: "a final error", script: func(*call) (bool, error) { return false, errors.New("no such shard") },
			outcome: OutcomeFailed, exit: diag.ExitFailed, runs: true, task: "DONE!", says: "no such shard"},
		{name: "a refusal", script: func(*call) (bool, error) {
			return false, &diag.Diagnostic{Severity: diag.Error, Summary: "the vschema changed since the plan", Exit: diag.ExitRefused}
		}, outcome: OutcomeRefused, exit: diag.ExitRefused, runs: true, task: "DONE!", says: "the vschema changed"},
		{name: "waiting at a gate", script: func(*call) (bool, error) {
			return false, &diag.Diagnostic{Severity: diag.Error, Summary: "approval is missing", Exit: diag.ExitWaiting}
		}, outcome: OutcomeWaiting, exit: diag.ExitWaiting, runs: true, task: "NOT_STARTED", says: "approval is missing"},
		{name: "a panic", script: func(*call) (bool, error) { panic("index out of range") },
			outcome: OutcomeFailed, exit: diag.ExitFailed, runs: true, task: "DONE!", says: "panic: index out of range"},
		{name: "a conflict arises while it acts", script: func(c *call) (bool, error) {
			c.world.set(c.key, tasks.Conflict)
			return false, nil
		}, outcome: OutcomeRefused, exit: diag.ExitRefused, runs: true, task: "RUNNING", says: "found: seen a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			f.world.set("a", tt.state)
			ran := false
			f.world.scripts["a"] = func(c *call) (bool, error) {
				ran = true
				return tt.script(c)
			}
			result := f.apply(planOf(operationOf("o", 0, []string{"act:a"})))
			op := result.Operations[0]
			if op.Outcome != tt.outcome || op.Exit != tt.exit || result.Exit != tt.exit {
				t.Errorf("outcome %s, exit %d and %d, expected %s and %d (%v)", op.Outcome, op.Exit, result.Exit, tt.outcome, tt.exit, op.Err)
			}
			if f.world.count("a") != tt.acts || ran != tt.runs {
				t.Errorf("done %d times, run %v; expected %d, %v", f.world.count("a"), ran, tt.acts, tt.runs)
			}
			if got := f.states("operation.o")["c1/a"]; got != tt.task {
				t.Errorf("recorded as %q, expected %q", got, tt.task)
			}
			if tt.says != "" && !strings.Contains(errorText(op.Err), tt.says) {
				t.Errorf("error %q, expected it to say %q", errorText(op.Err), tt.says)
			}
			if tt.name == "done: nothing is run" && !f.tasks("operation.o")["c1/a"].Observed {
				t.Error("not recorded as observed")
			}
		})
	}
}

func TestTemporaryErrorsAreRetriedAndCounted(t *testing.T) {
	f := newFixture(t)
	f.world.scripts["a"] = func(c *call) (bool, error) {
		if c.n < 3 {
			return false, temporary("tablet is busy")
		}
		return true, nil
	}
	clock := taskstest.NewClock()
	result := f.apply(planOf(operationOf("o", 0, []string{"mute:a"})), func(o *Options) { o.Clock = clock })
	if result.Exit != diag.ExitOK || f.world.count("a") != 1 {
		t.Errorf("result %+v, done %d times", result, f.world.count("a"))
	}
	if got := f.tasks("operation.o")["c1/a"].Attempts; got != 3 {
		t.Errorf("%d attempts are recorded, expected 3", got)
	}
	want := []event.Kind{event.TaskStart, event.TaskRetry, event.TaskStart, event.TaskRetry, event.TaskStart, event.TaskDone}
	if diff := cmp.Diff(want, f.kinds("operation.o/c1/a")); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if len(clock.Slept) != 2 || clock.Slept[0] < time.Second/2 || clock.Slept[1] > 4*time.Second {
		t.Errorf("waited %v between the attempts", clock.Slept)
	}
}

func TestRetriesEndAndTheNextApplyStartsTheTaskAgain(t *testing.T) {
	f := newFixture(t)
	broken := true
	f.world.scripts["a"] = func(*call) (bool, error) {
		if broken {
			return false, temporary("tablet is busy")
		}
		return true, nil
	}
	p := planOf(operationOf("o", 0, []string{"act:a", "act:b"}))
	result := f.apply(p)
	if result.Exit != diag.ExitFailed || result.Operations[0].Remaining != 2 {
		t.Errorf("first run: %+v", result)
	}
	op := f.operation("operation.o")
	if op.Error != "tablet is busy" || op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING {
		t.Errorf("the operation is recorded as %v with the error %q", op.State, op.Error)
	}
	if task := f.tasks("operation.o")["c1/a"]; task.Attempts != 3 || task.Error != "tablet is busy" || task.State != automationpb.TaskState_DONE {
		t.Errorf("the task is recorded as %+v", task)
	}

	broken = false
	if result = f.apply(p); result.Exit != diag.ExitOK {
		t.Errorf("second run: %+v", result)
	}
	if task := f.tasks("operation.o")["c1/a"]; task.Attempts != 4 || task.Error != "" {
		t.Errorf("the task is recorded as %+v", task)
	}
	if op := f.operation("operation.o"); op.Error != "" || op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE || op.Instance != 1 {
		t.Errorf("the operation is recorded as %+v", op)
	}
	want := []string{"run_started", "operation_resumed o", "task_reset a", "task_running a", "task_done a"}
	if diff := cmp.Diff(want, f.ledger()[8:13]); diff != "" {
		t.Errorf("ledger of the second run (-want +got):\n%s", diff)
	}
}

func TestAFailedObservationIsRecordedWithItsTask(t *testing.T) {
	f := newFixture(t)
	f.world.looks["a"] = func(c *call) (bool, error) { return false, temporary("vtctld is away") }
	p := planOf(operationOf("o", 0, []string{"act:a"}))
	result := f.apply(p)
	if result.Exit != diag.ExitFailed || f.world.count("a") != 0 {
		t.Errorf("result %+v", result)
	}
	if f.world.observed["a"] != 4 { // one look ahead and three attempts
		t.Errorf("observed %d times", f.world.observed["a"])
	}
	if op := f.operation("operation.o"); op.Error != "vtctld is away" || op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING {
		t.Errorf("the operation is recorded as %+v", op)
	}
	if task := f.tasks("operation.o")["c1/a"]; task.Error != "vtctld is away" || task.Attempts != 0 {
		t.Errorf("the task is recorded as %+v", task)
	}
	delete(f.world.looks, "a")
	if result := f.apply(p); result.Exit != diag.ExitOK {
		t.Errorf("second run: %+v", result)
	}
	if task := f.tasks("operation.o")["c1/a"]; task.Error != "" || task.Attempts != 1 {
		t.Errorf("after the second run the task is recorded as %+v", task)
	}
}

func TestATaskLeftRunning(t *testing.T) {
	tests := []struct {
		task    string
		outcome Outcome
		acts    int
	}{
		{"act:a", OutcomeDone, 1},     // observed: absent, so it acts
		{"echo:a", OutcomeDone, 1},    // may be repeated
		{"mute:a", OutcomeRefused, 0}, // nobody knows
	}
	for _, tt := range tests {
		t.Run(tt.task, func(t *testing.T) {
			f := newFixture(t)
			p := planOf(operationOf("o", 0, []string{tt.task}))
			f.leaveRunning(p, "a")
			var announced bool
			f.world.looks["a"] = func(c *call) (bool, error) {
				announced = announced || c.record.Announced && !c.record.StartedAt.IsZero()
				return false, nil
			}
			for range 2 { // refusing once must not make it harmless
				result := f.apply(p)
				op := result.Operations[0]
				if op.Outcome != tt.outcome || f.world.count("a") != tt.acts {
					t.Fatalf("outcome %s (%v), done %d times", op.Outcome, op.Err, f.world.count("a"))
				}
				if tt.outcome == OutcomeDone {
					break
				}
				if d := diag.All(op.Err)[0]; !strings.Contains(d.Hint, "apply --replace operation.o") || result.Exit != diag.ExitRefused {
					t.Errorf("hint %q, exit %d", d.Hint, result.Exit)
				}
			}
			if tt.task == "act:a" && !announced {
				t.Error("the observation did not know that the task was announced")
			}
		})
	}
}

// leaveRunning runs p until the task with that key is about to act, and kills the process there.
func (f *fixture) leaveRunning(p *plan.Plan, key string) {
	f.Helper()
	f.world.scripts[key] = func(c *call) (bool, error) {
		f.world.kill()
		return false, errors.New("killed")
	}
	o := f.options()
	o.Store = mortal{f.store, f.world}
	_, _ = Run(f.Context(), p, o)
	f.world.dead = false
	delete(f.world.scripts, key)
	if got := f.states(p.Operations[0].Address.String())["c1/"+key]; got != "RUNNING" {
		f.Fatalf("%s was left as %q", key, got)
	}
}

func TestSlowLooksAtTheNextTaskDoNotHoldUpACheckpoint(t *testing.T) {
	f := newFixture(t)
	p := planOf(operationOf("o", 0, []string{"mute:a"}, []string{"act:b"}))
	var recorded automationpb.TaskState
	f.world.looks["b"] = func(c *call) (bool, error) {
		if _, limited := c.ctx.Deadline(); limited {
			<-c.ctx.Done()
			return false, c.ctx.Err()
		}
		recorded = f.tasks("operation.o")["c1/a"].State
		return false, nil
	}
	if result := f.apply(p); result.Exit != diag.ExitOK {
		t.Errorf("result %+v", result)
	}
	if recorded != automationpb.TaskState_DONE {
		t.Errorf("while the next task was looked at with patience, the one before was recorded as %v", recorded)
	}
}
