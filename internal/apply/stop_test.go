package apply

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/diag"
	"shardform/internal/event"
	"shardform/internal/tasks"
	"shardform/internal/tasks/taskstest"
)

func TestAStopEndsAtTheSafePointAndTheNextRunGoesOn(t *testing.T) {
	f := newFixture(t)
	stop := make(chan struct{})
	f.world.scripts["b"] = func(c *call) (bool, error) {
		close(stop)
		<-c.env.Stop
		return false, tasks.ErrStopped
	}
	p := planOf(operationOf("o", 0, []string{"act:a", "act:b", "act:c"}), operationOf("p", 0, []string{"act:d"}))
	result := f.apply(p, func(o *Options) { o.Stop = stop })
	if result.Exit != diag.ExitStopped || result.StopReason != "stopped on request" {
		t.Errorf("exit %d, reason %q", result.Exit, result.StopReason)
	}
	first, second := result.Operations[0], result.Operations[1]
	if first.Outcome != OutcomeStopped || first.TasksDone != 1 || first.Remaining != 2 || first.At.Last() != "b" || second.Outcome != OutcomeStopped {
		t.Errorf("operations %+v", result.Operations)
	}
	if len(first.Running) != 1 || first.Running[0].Last() != "b" {
		t.Errorf("left running: %v", first.Running)
	}
	if diff := cmp.Diff(map[string]string{"c1/a": "DONE", "c1/b": "RUNNING", "c1/c": "NOT_STARTED"}, f.states("operation.o")); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	var stopping []string
	for _, e := range f.seen {
		if e.Kind == event.Stopping {
			stopping = append(stopping, e.Message)
		}
	}
	if diff := cmp.Diff([]string{"stopped on request: waiting for a safe point of operation.o/c1/b"}, stopping); diff != "" {
		t.Errorf("what the stop said (-want +got):\n%s", diff)
	}
	delete(f.world.scripts, "b")
	if result := f.apply(p); result.Exit != diag.ExitOK || f.world.count("a") != 1 || f.world.count("d") != 1 {
		t.Errorf("second run: %+v", result)
	}
}

func TestAfterAStopTheRunningTaskEndsAndNoOtherBegins(t *testing.T) {
	f := newFixture(t)
	stop := make(chan struct{}, 1)
	f.world.scripts["a"] = func(c *call) (bool, error) {
		stop <- struct{}{}
		<-c.env.Stop
		return true, nil
	}
	result := f.apply(planOf(operationOf("o", 0, []string{"mute:a", "mute:b"})), func(o *Options) { o.Stop = stop })
	if result.Exit != diag.ExitStopped || f.world.count("b") != 0 {
		t.Errorf("result %+v", result)
	}
	if diff := cmp.Diff(map[string]string{"c1/a": "DONE", "c1/b": "NOT_STARTED"}, f.states("operation.o")); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestAStopThatComesWithTheLastTaskChangesNothing(t *testing.T) {
	f := newFixture(t)
	stop := make(chan struct{})
	f.world.scripts["a"] = func(c *call) (bool, error) {
		close(stop)
		<-c.env.Stop
		return true, nil
	}
	result := f.apply(planOf(operationOf("o", 0, []string{"mute:a"})), func(o *Options) { o.Stop = stop })
	if result.Exit != diag.ExitOK || result.Operations[0].Outcome != OutcomeDone || f.operation("operation.o").Ended.IsZero() {
		t.Errorf("result %+v", result)
	}
}

func TestAnnouncedTasksThatNeverActedGoBackToNotStarted(t *testing.T) {
	f := newFixture(t)
	stop := make(chan struct{})
	o := f.options()
	o.Stop = stop
	var once sync.Once
	stopped := make(chan struct{})
	o.Sink = func(e event.Event) {
		if e.Kind == event.Stopping {
			close(stopped)
		}
	}
	o.hit = func(name string) { // right behind the checkpoint that announces b
		if name == "checkpoint_task_done_after" {
			once.Do(func() {
				close(stop)
				<-stopped
			})
		}
	}
	result, err := Run(t.Context(), planOf(operationOf("o", 0, []string{"mute:a"}, []string{"mute:b"})), o)
	if err != nil || result.Exit != diag.ExitStopped || f.world.count("b") != 0 {
		t.Fatalf("%+v, %v", result, err)
	}
	if diff := cmp.Diff(map[string]string{"c1/a": "DONE", "c2/b": "NOT_STARTED"}, f.states("operation.o")); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestTheSecondSignalCutsATaskShort(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.world.scripts["a"] = func(c *call) (bool, error) {
		cancel()
		<-c.ctx.Done()
		return false, context.Cause(c.ctx)
	}
	p := planOf(operationOf("o", 0, []string{"act:a"}))
	result, err := Run(ctx, p, f.options())
	if err != nil || result.Exit != diag.ExitStopped || result.Operations[0].Outcome != OutcomeStopped {
		t.Errorf("%+v, %v", result, err)
	}
	if got := f.states("operation.o")["c1/a"]; got != "RUNNING" {
		t.Errorf("recorded as %s", got)
	}
	delete(f.world.scripts, "a")
	if result := f.apply(p); result.Exit != diag.ExitOK {
		t.Errorf("second run: %+v", result)
	}
}

func TestAStopBetweenAttemptsLeavesNothingInFlight(t *testing.T) {
	f := newFixture(t)
	stop := make(chan struct{})
	f.world.scripts["a"] = func(c *call) (bool, error) {
		close(stop)
		<-c.env.Stop
		return false, temporary("busy")
	}
	result := f.apply(planOf(operationOf("o", 0, []string{"mute:a"})), func(o *Options) { o.Stop = stop })
	if result.Exit != diag.ExitStopped {
		t.Errorf("result %+v", result)
	}
	if task := f.tasks("operation.o")["c1/a"]; task.State.String() != "NOT_STARTED" || task.Attempts != 1 {
		t.Errorf("recorded as %+v", task)
	}
}

// patientClock waits for long waits until over is closed.
type patientClock struct {
	*taskstest.Clock
	over chan struct{}
}

func (c *patientClock) Sleep(ctx context.Context, stop <-chan struct{}, d time.Duration) error {
	select {
	case <-c.over:
		return nil
	case <-stop:
		return tasks.ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func TestMaxDurationIsAStop(t *testing.T) {
	f := newFixture(t)
	clock := &patientClock{taskstest.NewClock(), make(chan struct{})}
	f.world.scripts["a"] = func(c *call) (bool, error) {
		close(clock.over)
		<-c.env.Stop
		return false, tasks.ErrStopped
	}
	result := f.apply(planOf(operationOf("o", 0, []string{"act:a"})), func(o *Options) { o.Clock, o.MaxDuration = clock, 90*time.Minute })
	if result.Exit != diag.ExitStopped || !strings.Contains(result.StopReason, "1h30m") {
		t.Errorf("exit %d, reason %q", result.Exit, result.StopReason)
	}

	f = newFixture(t)
	clock = &patientClock{taskstest.NewClock(), make(chan struct{})}
	if result := f.apply(planOf(operationOf("o", 0, []string{"act:a"})), func(o *Options) { o.Clock, o.MaxDuration = clock, time.Hour }); result.Exit != diag.ExitOK || result.StopReason != "" {
		t.Errorf("a run that is quick enough: %+v", result)
	}
}

func TestUntil(t *testing.T) {
	tests := []struct {
		until    string
		outcomes []Outcome
		done     string // keys that were done
	}{
		{"operation.o/c1", []Outcome{OutcomeReached, OutcomeSkipped}, "ab"},
		{"operation.o/c1/a", []Outcome{OutcomeReached, OutcomeSkipped}, "ab"},
		{"operation.o/c2", []Outcome{OutcomeDone, OutcomeSkipped}, "abc"},
		{"operation.o", []Outcome{OutcomeDone, OutcomeSkipped}, "abc"},
		{"operation.p/c1", []Outcome{OutcomeDone, OutcomeDone}, "abcd"},
	}
	for _, tt := range tests {
		t.Run(tt.until, func(t *testing.T) {
			f := newFixture(t)
			p := planOf(operationOf("o", 2, []string{"act:a", "act:b"}, []string{"act:c"}), operationOf("p", 0, []string{"act:d"}))
			result := f.apply(p, func(o *Options) { o.Until = address(tt.until) })
			var outcomes []Outcome
			for _, op := range result.Operations {
				outcomes = append(outcomes, op.Outcome)
			}
			if diff := cmp.Diff(tt.outcomes, outcomes); diff != "" || result.Exit != diag.ExitOK {
				t.Errorf("exit %d, outcomes (-want +got):\n%s", result.Exit, diff)
			}
			for _, key := range []string{"a", "b", "c", "d"} {
				if want := strings.Contains(tt.done, key); f.world.count(key) == 1 != want {
					t.Errorf("%s was done %d times, expected %v", key, f.world.count(key), want)
				}
			}
			if result.Operations[1].Outcome == OutcomeDone {
				return // nothing is left
			}
			if result := f.apply(p); result.Exit != diag.ExitOK || f.world.count("d") != 1 || f.world.count("a") != 1 {
				t.Errorf("going on: %+v", result)
			}
		})
	}
}

func TestUntilAnUnknownPlaceIsRefusedBeforeAnything(t *testing.T) {
	for _, until := range []string{"operation.o/nosuch", "operation.o/c1/nosuch", "keyspace.k/-:-80,80-/create", "operation.q"} {
		f := newFixture(t)
		o := f.options()
		o.Until = address(until)
		_, err := Run(t.Context(), planOf(operationOf("o", 0, []string{"act:a"})), o)
		if diag.ExitOf(err) != diag.ExitFailed || !strings.Contains(err.Error(), "the plan has no such container") || f.world.count("a") != 0 {
			t.Errorf("--until %s: %v", until, err)
		}
		if d := diag.All(err)[0]; !strings.Contains(d.Hint, "operation.o/c1") {
			t.Errorf("--until %s: hint %q", until, d.Hint)
		}
	}
}

// The container that --until names may be found done while the one before it is recorded: the run ends there all the same.
func TestUntilAContainerThatIsFoundDone(t *testing.T) {
	for _, found := range []string{"b", "a b", "a"} {
		f := newFixture(t)
		for key := range strings.FieldsSeq(found) {
			f.world.set(key, tasks.Done)
		}
		p := planOf(operationOf("o", 0, []string{"act:a"}, []string{"act:b"}, []string{"act:c"}))
		result := f.apply(p, func(o *Options) { o.Until = address("operation.o/c2") })
		if result.Exit != diag.ExitOK || result.Operations[0].Outcome != OutcomeReached || f.world.count("c") != 0 {
			t.Errorf("found %s: exit %d, %s, c done %d times", found, result.Exit, result.Operations[0].Outcome, f.world.count("c"))
		}
		if result := f.apply(p); result.Exit != diag.ExitOK || f.world.count("c") != 1 {
			t.Errorf("found %s, going on: %+v", found, result)
		}
	}
}
