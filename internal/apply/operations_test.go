package apply

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/addr"
	"shardform/internal/diag"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/redact"
	"shardform/internal/state"
)

func TestAFailedOperationStopsItselfAndItsDependentsOnly(t *testing.T) {
	f := newFixture(t)
	f.world.scripts["a"] = func(*call) (bool, error) { return false, errors.New("no such shard") }
	f.world.set("w", 4) // Conflict
	o := operationOf("o", 0, []string{"act:a", "act:b"})
	dependent := operationOf("dependent", 0, []string{"act:c"})
	dependent.DependsOn = []addr.Address{o.Address}
	further := operationOf("further", 0, []string{"act:d"})
	further.DependsOn = []addr.Address{dependent.Address}
	conflicting := operationOf("conflicting", 0, []string{"act:w"})
	result := f.apply(planOf(o, dependent, further, conflicting, operationOf("free", 0, []string{"act:e"})))
	var outcomes []Outcome
	for _, op := range result.Operations {
		outcomes = append(outcomes, op.Outcome)
	}
	if diff := cmp.Diff([]Outcome{OutcomeFailed, OutcomeSkipped, OutcomeSkipped, OutcomeRefused, OutcomeDone}, outcomes); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if result.Exit != diag.ExitFailed { // 1 is worse than 6
		t.Errorf("exit %d", result.Exit)
	}
	if f.world.count("c")+f.world.count("d") != 0 || f.world.count("e") != 1 {
		t.Error("a dependent ran, or the free one did not")
	}
	if err := errorText(result.Operations[1].Err); !strings.Contains(err, "operation.o is not done") {
		t.Errorf("the dependent says %q", err)
	}
	if op := f.operation("operation.conflicting"); op.ID != "" {
		t.Errorf("an operation that was refused before it began is recorded: %+v", op)
	}
}

func TestSegmentsOfAKeyspaceWaitForOneAnother(t *testing.T) {
	f := newFixture(t)
	f.world.scripts["a"] = func(*call) (bool, error) { return false, errors.New("no such shard") }
	first, second := operationOf("o", 0, []string{"act:a"}), operationOf("p", 0, []string{"act:b"})
	first.Cluster, first.Keyspace, second.Cluster, second.Keyspace = "main", "customer", "main", "customer"
	result := f.apply(planOf(first, second))
	if result.Operations[1].Outcome != OutcomeSkipped || f.world.count("b") != 0 {
		t.Errorf("result %+v", result)
	}
}

func TestABlockedOperationIsNotBegun(t *testing.T) {
	f := newFixture(t)
	op := operationOf("o", 0, []string{"act:a"}, []string{"act:b"})
	op.Containers[1].Tasks[0].Action, op.Containers[1].Tasks[0].Note = plan.Blocked, "it was not adopted"
	result := f.apply(planOf(op, operationOf("p", 0, []string{"act:c"})))
	if result.Exit != diag.ExitFailed || result.Operations[0].Outcome != OutcomeRefused || f.world.count("a") != 0 || f.world.count("c") != 1 {
		t.Errorf("result %+v", result)
	}
	if err := errorText(result.Operations[0].Err); !strings.Contains(err, "operation.o/c2/b: it was not adopted") {
		t.Errorf("it says %q", err)
	}
}

func TestParallelTasksKeepToTheConcurrencyOfTheirContainer(t *testing.T) {
	for _, concurrency := range []int{0, 1, 3} {
		f := newFixture(t)
		want := max(1, concurrency)
		var together sync.WaitGroup // the first tasks wait until as many as may run do
		together.Add(want)
		var mu sync.Mutex
		first := want
		keys := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
		var items []string
		for _, key := range keys {
			items = append(items, "act:"+key)
			f.world.scripts[key] = func(*call) (bool, error) {
				mu.Lock()
				waits := first > 0
				first--
				mu.Unlock()
				if waits {
					together.Done()
					together.Wait()
				}
				return true, nil
			}
		}
		result := f.apply(planOf(operationOf("o", concurrency, items)))
		if result.Exit != diag.ExitOK || result.Operations[0].TasksDone != len(keys) || f.world.most != want {
			t.Errorf("concurrency %d: at most %d ran at once, %+v", concurrency, f.world.most, result)
		}
	}
}

func TestWhenAParallelTaskFailsItsSiblingsEndAndNoMoreBegin(t *testing.T) {
	f := newFixture(t)
	failing := make(chan struct{})
	f.world.scripts["a"] = func(*call) (bool, error) {
		<-failing
		return true, nil
	}
	f.world.scripts["b"] = func(*call) (bool, error) { return false, errors.New("no such shard") }
	o := f.options()
	o.hit = func(name string) {
		if name == "checkpoint_task_failed_after" {
			close(failing)
		}
	}
	result, err := Run(t.Context(), planOf(operationOf("o", 2, []string{"act:a", "act:b", "act:c"}, []string{"act:d"})), o)
	if err != nil || result.Exit != diag.ExitFailed {
		t.Fatalf("%+v, %v", result, err)
	}
	want := map[string]string{"c1/a": "DONE", "c1/b": "DONE!", "c1/c": "NOT_STARTED", "c2/d": "NOT_STARTED"}
	if diff := cmp.Diff(want, f.states("operation.o")); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	if got := f.operation("operation.o").Error; got != "no such shard" {
		t.Errorf("operation's error %q", got)
	}
}

func TestForgottenOperations(t *testing.T) {
	f := newFixture(t)
	f.world.scripts["b"] = func(*call) (bool, error) { return false, errors.New("no") }
	f.apply(planOf(operationOf("done", 0, []string{"act:a"}), operationOf("open", 0, []string{"act:b"})))

	p := planOf(operationOf("new", 0, []string{"act:c"}))
	p.Forgotten = []plan.Forgotten{{Address: addr.Operation("done")}, {Address: addr.Operation("open"), Open: true}}
	_, err := Run(t.Context(), p, f.options())
	if diag.ExitOf(err) != diag.ExitRefused || f.world.count("c") != 0 || f.operation("operation.done").Forgotten {
		t.Errorf("forgetting an open operation: %v", err)
	}
	p.Forgotten = p.Forgotten[:1]
	result := f.apply(p)
	if result.Exit != diag.ExitOK || !f.operation("operation.done").Forgotten || len(result.Forgotten) != 1 {
		t.Errorf("forgetting: %+v", result)
	}
}

func TestInstancesFollowThePlan(t *testing.T) {
	failing := true
	begin := func(t *testing.T) *fixture { // a is done, b failed, c is not begun
		f := newFixture(t)
		failing = true
		f.world.scripts["b"] = func(*call) (bool, error) {
			if failing {
				return false, errors.New("no such shard")
			}
			return true, nil
		}
		f.apply(planOf(operationOf("o", 0, []string{"mute:a", "mute:b", "mute:c"})))
		failing = false
		return f
	}
	t.Run("the same digest resumes", func(t *testing.T) {
		f := begin(t)
		result := f.apply(planOf(operationOf("o", 0, []string{"mute:a", "mute:b", "mute:c"})))
		if op := f.operation("operation.o"); result.Exit != diag.ExitOK || op.Instance != 1 || f.world.count("a") != 1 || result.Operations[0].TasksBefore != 1 {
			t.Errorf("instance %d, result %+v", op.Instance, result)
		}
	})
	t.Run("the same tasks under another digest resume", func(t *testing.T) {
		f := begin(t)
		op := operationOf("o", 0, []string{"mute:a", "mute:b", "mute:c"})
		op.Digest = "with another vtctld"
		f.apply(planOf(op))
		if got := f.operation("operation.o"); got.Instance != 1 || got.Digest != op.Digest || f.world.count("a") != 1 {
			t.Errorf("recorded %+v", got)
		}
	})
	t.Run("the same list with another concurrency resumes", func(t *testing.T) {
		f := begin(t)
		op := operationOf("o", 3, []string{"mute:a", "mute:b", "mute:c"})
		op.Digest = "with another vtctld"
		f.apply(planOf(op))
		if got := f.operation("operation.o"); got.Instance != 1 || f.world.count("a") != 1 {
			t.Errorf("recorded %+v", got)
		}
	})
	for name, edit := range map[string]func(*plan.Operation){
		"in another order":        func(op *plan.Operation) { slices.Reverse(op.Containers[0].Tasks) },
		"with a task less":        func(op *plan.Operation) { op.Containers[0].Tasks = op.Containers[0].Tasks[:2] },
		"with a sensitive name":   func(op *plan.Operation) { hide(&op.Containers[0].Tasks[2], "secret") },
		"with another parameter":  func(op *plan.Operation) { op.Containers[0].Tasks[2].Parameters["key"] = "d" },
		"with a task that is new": func(op *plan.Operation) { *op = operationOf("o", 0, []string{"mute:a", "mute:b", "mute:c", "mute:d"}) },
		"in one container more": func(op *plan.Operation) {
			*op = operationOf("o", 0, []string{"mute:a", "mute:b", "mute:c"}, []string{"mute:d"})
		},
		"with a container emptied": func(op *plan.Operation) { op.Containers = op.Containers[:0] },
	} {
		t.Run("the list "+name+" supersedes", func(t *testing.T) { // as a plan does that was saved before anything was begun
			f := begin(t)
			op := operationOf("o", 0, []string{"mute:a", "mute:b", "mute:c"})
			edit(&op)
			op.Digest = "another"
			result := f.apply(planOf(op))
			if got := f.operation("operation.o"); result.Exit != diag.ExitOK || got.Instance != 2 || len(f.tasks("operation.o")) != countTasks(op) {
				t.Errorf("recorded %+v with %d tasks, result %+v", got, len(f.tasks("operation.o")), result)
			}
		})
	}
	t.Run("another list supersedes, what is completed is taken over", func(t *testing.T) {
		f := begin(t)
		op := operationOf("o", 0, []string{"mute:a", "mute:d"})
		op.Digest, op.Instance, op.Containers[0].Tasks[0].Action = "another", 2, plan.Completed
		result := f.apply(planOf(op))
		if result.Exit != diag.ExitOK || f.world.count("a") != 1 || f.world.count("d") != 1 || result.Operations[0].TasksBefore != 1 {
			t.Errorf("result %+v", result)
		}
		if task := f.tasks("operation.o")["c1/a"]; task.Output != "output of a" || task.Attempts != 1 {
			t.Errorf("taken over as %+v", task)
		}
		f.view(func(r state.Reader) error {
			old, _, err := r.Operation("1")
			if old.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE || old.Ended.IsZero() || f.operation("operation.o").Instance != 2 {
				t.Errorf("the superseded instance is %+v", old)
			}
			return err
		})
		if !strings.Contains(strings.Join(f.ledger(), ","), "operation_superseded o,operation_created o") {
			t.Errorf("ledger %v", f.ledger())
		}
	})
	t.Run("a task left running stays so in a new instance", func(t *testing.T) {
		f := newFixture(t)
		f.leaveRunning(planOf(operationOf("o", 0, []string{"mute:a"})), "a")
		op := operationOf("o", 0, []string{"mute:a", "mute:d"})
		op.Digest, op.Instance, op.Containers[0].Tasks[0].Action = "another", 2, plan.Resume
		if result := f.apply(planOf(op)); result.Exit != diag.ExitRefused || f.world.count("a") != 0 {
			t.Errorf("result %+v", result)
		}
	})
	t.Run("a plan that was applied to its end is refused", func(t *testing.T) {
		f := newFixture(t)
		p := planOf(operationOf("o", 0, []string{"mute:a"}))
		f.apply(p)
		if _, err := Run(t.Context(), p, f.options()); diag.ExitOf(err) != diag.ExitRefused || f.world.count("a") != 1 {
			t.Errorf("applied again: %v", err)
		}
		p.Operations = append(p.Operations, operationOf("p", 0, []string{"mute:b"}))
		result := f.apply(p)
		if result.Operations[0].Outcome != OutcomeAlreadyDone || result.Operations[1].Outcome != OutcomeDone {
			t.Errorf("applied with one operation left: %+v", result)
		}
	})
	t.Run("run again as a new instance", func(t *testing.T) {
		f := newFixture(t)
		op := operationOf("o", 0, []string{"mute:a"})
		f.apply(planOf(op))
		op.Instance = 2
		if result := f.apply(planOf(op)); result.Exit != diag.ExitOK || f.world.count("a") != 2 || f.operation("operation.o").ID != "2" {
			t.Errorf("result %+v", result)
		}
	})
	t.Run("a plan from before is stale", func(t *testing.T) {
		f := newFixture(t)
		op := operationOf("o", 0, []string{"mute:a"})
		f.apply(planOf(op))
		op.Instance = 2
		f.apply(planOf(op))
		op.Instance, op.Digest = 1, "other"
		if result := f.apply(planOf(op)); result.Exit != diag.ExitRefused || f.world.count("a") != 2 {
			t.Errorf("result %+v", result)
		}
	})
}

// hide makes a parameter of a task sensitive.
func hide(task *plan.Task, name string) {
	task.Sensitive, task.Secrets = []string{name}, map[string]string{name: "s3cr3t-value"}
}

func countTasks(op plan.Operation) int {
	n := 0
	for _, c := range op.Containers {
		n += len(c.Tasks)
	}
	return n
}

func TestWhatAKeyspaceNoLongerShowsIsDoneAgain(t *testing.T) {
	f := newFixture(t)
	op := operationOf("o", 0, []string{"act:a"}, []string{"act:b"})
	op.Kind = plan.KindReshard
	f.world.scripts["b"] = func(*call) (bool, error) { return false, errors.New("no") }
	f.apply(planOf(op))
	delete(f.world.scripts, "b")
	f.world.acts["a"] = 0 // somebody deleted the workflow

	if result := f.apply(planOf(op)); result.Exit != diag.ExitOK || f.world.count("a") != 0 {
		t.Errorf("a saved plan that goes on does nothing twice: %+v", result)
	}

	f = newFixture(t)
	f.world.scripts["b"] = func(*call) (bool, error) { return false, errors.New("no") }
	f.apply(planOf(op))
	delete(f.world.scripts, "b")
	f.world.acts["a"] = 0
	op.Action = plan.Resume
	if result := f.apply(planOf(op)); result.Exit != diag.ExitOK || f.world.count("a") != 1 {
		t.Errorf("a plan that says so does it again: %+v, done %d times", result, f.world.count("a"))
	}
}

func TestSecretsAreNowhere(t *testing.T) {
	const secret = "s3cr3t-value"
	f := newFixture(t)
	f.world.scripts["a"] = func(c *call) (bool, error) {
		c.env.Output("logging in with " + secret)
		c.env.Progress("as "+secret, nil)
		if c.n == 1 {
			return false, &diag.Diagnostic{Severity: diag.Error, Summary: "refused " + secret, Detail: secret, Hint: secret, Cause: errors.New(secret), Temporary: true}
		}
		return true, nil
	}
	f.world.scripts["b"] = func(*call) (bool, error) { return false, errors.New("cannot log in with " + secret) }
	hidden := func(name string) plan.Operation {
		op := operationOf(name, 0, []string{"mute:a", "mute:b"})
		for i := range op.Containers[0].Tasks {
			task := &op.Containers[0].Tasks[i]
			task.Sensitive, task.Secrets = []string{"secret"}, map[string]string{"secret": secret}
		}
		return op
	}
	p := planOf(hidden("o"))
	p.Hide = redact.Of(secret)
	result := f.apply(p)
	if err := errorText(result.Operations[0].Err); err != "cannot log in with (sensitive)" {
		t.Errorf("error %q", err)
	}
	for _, e := range f.seen {
		if strings.Contains(e.Message, secret) {
			t.Errorf("event %+v", e)
		}
	}
	task := f.tasks("operation.o")["c1/a"]
	if task.Output != "output of a(sensitive)" || !state.MatchesSensitive(task.Sensitive["secret"], secret) || task.Parameters["secret"] != "" {
		t.Errorf("recorded as %+v", task)
	}
	if content, err := os.ReadFile(f.path); err != nil || strings.Contains(string(content), secret) {
		t.Errorf("the state file has the secret in it (%v)", err)
	}

	for name, value := range map[string]string{"another value": "other-value", "no value": ""} {
		p := planOf(hidden("o"))
		p.Hide = redact.Of(secret)
		p.Operations[0].Containers[0].Tasks[1].Secrets = map[string]string{"secret": value}
		if value == "" {
			p.Operations[0].Containers[0].Tasks[1].Secrets = nil
		}
		result := f.apply(p)
		if result.Exit != diag.ExitRefused || strings.Contains(errorText(result.Operations[0].Err), "other-value") {
			t.Errorf("%s: %+v", name, result)
		}
	}
	delete(f.world.scripts, "b")
	if result := f.apply(p); result.Exit != diag.ExitOK || f.world.count("b") != 1 {
		t.Errorf("with the right value: %+v", result)
	}
}

func TestEmittedTasksKeepTheSecretsOfTheirEmitter(t *testing.T) {
	const secret = "s3cr3t-value"
	f := newFixture(t)
	op := operationOf("o", 0, []string{"emit:e"})
	task := &op.Containers[0].Tasks[0]
	task.Parameters["emit"] = `[{"parallel_tasks":[{"name":"mute","parameters":{"key":"a","secret":"x-` + secret + `"}}]}]`
	task.Sensitive, task.Secrets = []string{"secret", "emit"}, map[string]string{"secret": secret, "emit": task.Parameters["emit"]}
	delete(task.Parameters, "emit")
	p := planOf(op)
	p.Hide = redact.Of(secret)
	if result := f.apply(p); result.Exit != diag.ExitOK {
		t.Fatalf("result %+v", result)
	}
	emitted := f.tasks("operation.o")["c1.e.1/mute"]
	if !state.MatchesSensitive(emitted.Sensitive["secret"], "x-"+secret) || emitted.Output != "output of ax-(sensitive)" {
		t.Errorf("recorded as %+v", emitted)
	}
}
