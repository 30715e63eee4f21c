package apply

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/event"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

var opens = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// gated is an operation with a gate in its second container, one that depends on it, another segment of its keyspace,
// and one that has nothing to do with it.
func gated() *plan.Plan {
	o := operationOf("o", 0, []string{"act:a"}, []string{"gate:g", "act:b"}, []string{"act:c"})
	o.Cluster, o.Keyspace = "main", "customer"
	dependent, segment := operationOf("dependent", 0, []string{"act:d"}), operationOf("segment", 0, []string{"act:e"})
	dependent.DependsOn = []addr.Address{o.Address}
	segment.Cluster, segment.Keyspace = "main", "customer"
	return planOf(o, dependent, segment, operationOf("free", 0, []string{"act:f"}))
}

func (f *fixture) close(key string, closed *tasks.GateClosed) {
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	f.world.closed[key] = closed
}

func TestAClosedGateEndsItsOperationAndWhatDependsOnIt(t *testing.T) {
	command := "shardform approve operation.o/c2 --plan digest-o --config 'plans of ours'"
	for _, tt := range []struct {
		closed *tasks.GateClosed
		exit   diag.Exit
		want   state.Waiting
	}{
		{&tasks.GateClosed{Gate: tasks.GateApproval, Reason: "it waits for an approval"}, diag.ExitWaiting, state.Waiting{Gate: "approval", Reason: "it waits for an approval", Command: command}},
		{&tasks.GateClosed{Gate: tasks.GateWindow, Reason: "the window is closed", Opens: opens}, diag.ExitWaiting, state.Waiting{Gate: "window", Reason: "the window is closed", Opens: opens}},
		{&tasks.GateClosed{Gate: tasks.GateSoak, Reason: "it soaks", Opens: opens}, diag.ExitOK, state.Waiting{Gate: "soak", Reason: "it soaks", Opens: opens}},
	} {
		t.Run(string(tt.closed.Gate), func(t *testing.T) {
			f := newFixture(t)
			f.close("g", tt.closed)
			configured := func(o *Options) { o.ConfigPath = "plans of ours" }
			var result *Result
			for range 2 { // the second run asks again and goes no further
				f.seen = nil
				result = f.apply(gated(), configured)
				var outcomes []Outcome
				for _, op := range result.Operations {
					outcomes = append(outcomes, op.Outcome)
				}
				free := OutcomeDone
				if f.operation("operation.free").Ended.Before(f.operation("operation.o").Created) {
					t.Error("the operation that has nothing to do with the gate did not run")
				}
				if outcomes[3] == OutcomeAlreadyDone {
					free = OutcomeAlreadyDone
				}
				if diff := cmp.Diff([]Outcome{OutcomeWaiting, OutcomeSkipped, OutcomeSkipped, free}, outcomes); diff != "" {
					t.Errorf("outcomes (-want +got):\n%s", diff)
				}
				if result.Exit != tt.exit || result.Operations[0].Exit != tt.exit || result.Operations[1].Exit != diag.ExitOK {
					t.Errorf("exit %d, of the operations %d and %d; want %d", result.Exit, result.Operations[0].Exit, result.Operations[1].Exit, tt.exit)
				}
				if diff := cmp.Diff(map[string]string{"c1/a": "DONE", "c2/g": "NOT_STARTED", "c2/b": "NOT_STARTED", "c3/c": "NOT_STARTED"}, f.states("operation.o")); diff != "" {
					t.Errorf("states (-want +got):\n%s", diff)
				}
			}
			tt.want.Task = address("operation.o/c2/g")
			op := f.operation("operation.o")
			if op.Waiting == nil || op.Error != "" || cmp.Diff(tt.want, *op.Waiting, cmp.Comparer(func(a, b addr.Address) bool { return a == b })) != "" {
				t.Errorf("recorded as %+v, waiting %+v; want %+v", op, op.Waiting, tt.want)
			}
			got := result.Operations[0]
			if got.Gate == nil || got.Gate.Command != tt.want.Command || got.At != tt.want.Task || result.Operations[1].Waits != address("operation.o") {
				t.Errorf("the gate is told as %+v at %s, the one behind it waits for %s", got.Gate, got.At, result.Operations[1].Waits)
			}
			want := []event.Event{{Kind: event.Gate, Address: tt.want.Task, Message: tt.want.Reason, Gate: &event.GateInfo{Gate: tt.want.Gate, Opens: tt.want.Opens, Command: tt.want.Command}}}
			var gates []event.Event
			for _, e := range f.seen {
				if e.Address == tt.want.Task {
					gates = append(gates, e)
				}
			}
			if diff := cmp.Diff(want, gates, cmpopts.IgnoreFields(event.Event{}, "Time"), cmp.Comparer(func(a, b addr.Address) bool { return a == b })); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}

			f.close("g", nil)
			if result := f.apply(gated(), configured); result.Exit != diag.ExitOK || f.world.count("a") != 1 || f.world.count("c") != 1 || f.world.count("d") != 1 || f.world.count("e") != 1 {
				t.Errorf("with the gate open: %+v", result)
			}
			if op := f.operation("operation.o"); op.Waiting != nil || op.Ended.IsZero() {
				t.Errorf("at the end it is recorded as %+v", op)
			}
		})
	}
}

func TestAskingAGateLeavesNoTraceInItsRecord(t *testing.T) {
	f := newFixture(t)
	f.close("g", &tasks.GateClosed{Gate: tasks.GateWindow, Reason: "closed", Opens: opens})
	for range 3 {
		f.apply(planOf(operationOf("o", 0, []string{"act:a"}, []string{"gate:g"})))
	}
	if task := f.tasks("operation.o")["c2/g"]; !task.Started.IsZero() || task.Attempts != 0 || task.Announced != "" {
		t.Errorf("recorded as %+v", task)
	}
	for _, entry := range f.ledger() {
		if strings.HasPrefix(entry, "task_") && strings.HasSuffix(entry, " g") {
			t.Errorf("ledger: %s", entry)
		}
	}
}

func TestAnApprovalOpensItsGateForItsDigestAlone(t *testing.T) {
	f := newFixture(t)
	f.close("g", &tasks.GateClosed{Gate: tasks.GateApproval, Reason: "it waits for an approval"})
	approve := func(a state.Approval) {
		t.Helper()
		if err := f.open().Update(t.Context(), func(w state.Writer) error { return w.PutApproval(a) }); err != nil {
			t.Fatal(err)
		}
	}
	step := address("operation.o/c2")
	approve(state.Approval{Address: step, Digest: "digest-other", Instance: 1, By: "ann"})
	approve(state.Approval{Address: step, Digest: "digest-o", Instance: 2, By: "ann"})
	approve(state.Approval{Address: address("operation.o/c1"), Digest: "digest-o", Instance: 1, By: "ann"})
	if result := f.apply(gated()); result.Exit != diag.ExitWaiting {
		t.Errorf("approvals of something else: %+v", result)
	}
	approve(state.Approval{Address: step, Digest: "digest-o", Instance: 1, By: "ann"})
	approve(state.Approval{Address: step, Digest: "digest-o", Instance: 1, By: "ben"})
	if result := f.apply(gated()); result.Exit != diag.ExitOK {
		t.Errorf("approved: %+v", result)
	}
	if task := f.tasks("operation.o")["c2/g"]; !task.Observed || task.State.String() != "DONE" {
		t.Errorf("recorded as %+v", task)
	}
	again := gated()
	again.Operations[0].Instance = 2 // for which somebody approved it before
	if result := f.apply(again); result.Exit != diag.ExitOK {
		t.Errorf("begun anew: %+v", result)
	}
	again.Operations[0].Instance = 3
	if result := f.apply(again); result.Exit != diag.ExitWaiting {
		t.Errorf("begun anew without an approval: %+v", result)
	}
}

// Between looking at a gate and asking it, it may open.
func TestAGateThatOpensWhileItIsAsked(t *testing.T) {
	f := newFixture(t)
	f.close("g", &tasks.GateClosed{Gate: tasks.GateWindow, Reason: "closed", Opens: opens})
	f.world.scripts["g"] = func(*call) (bool, error) {
		f.close("g", nil)
		return true, nil
	}
	if result := f.apply(gated()); result.Exit != diag.ExitOK || result.Operations[0].TasksDone != 4 {
		t.Errorf("result %+v", result)
	}
}

func TestAGateThatCannotBeAskedAtOnceIsAskedAgain(t *testing.T) {
	for name, always := range map[string]bool{"twice": false, "always": true} {
		f := newFixture(t)
		f.close("g", &tasks.GateClosed{Gate: tasks.GateWindow, Reason: "closed", Opens: opens})
		f.world.scripts["g"] = func(c *call) (bool, error) {
			if always || c.n < 3 {
				return false, temporary("unavailable")
			}
			return true, nil
		}
		result := f.apply(gated())
		if want := map[bool]diag.Exit{false: diag.ExitWaiting, true: diag.ExitFailed}[always]; result.Exit != want {
			t.Errorf("%s: exit %d, want %d: %+v", name, result.Exit, want, result)
		}
	}
}

// The switch of writes looks at its window once more when all its checks are done.
func TestATaskMayFindItsGateClosedAfterItWasAnnounced(t *testing.T) {
	f := newFixture(t)
	closed := &tasks.GateClosed{Gate: tasks.GateWindow, Reason: "the window has closed meanwhile", Opens: opens}
	f.world.scripts["a"] = func(*call) (bool, error) { return false, closed }
	p := planOf(operationOf("o", 0, []string{"act:a"}, []string{"act:b"}))
	result := f.apply(p)
	if result.Exit != diag.ExitWaiting || result.Operations[0].Gate != closed || len(result.Operations[0].Running) != 0 {
		t.Errorf("result %+v", result)
	}
	if diff := cmp.Diff(map[string]string{"c1/a": "NOT_STARTED", "c2/b": "NOT_STARTED"}, f.states("operation.o")); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	delete(f.world.scripts, "a")
	if result := f.apply(p); result.Exit != diag.ExitOK || f.world.count("a") != 1 {
		t.Errorf("later: %+v", result)
	}
}

// Approvals are given to the operation that waits: the state has to know it also where nothing of it was begun.
func TestAnOperationThatWaitsAtItsFirstGateIsRecorded(t *testing.T) {
	f := newFixture(t)
	f.close("g", &tasks.GateClosed{Gate: tasks.GateApproval, Reason: "it waits for an approval"})
	p := planOf(operationOf("o", 0, []string{"gate:g"}, []string{"act:a"}))
	for range 2 {
		if result := f.apply(p); result.Exit != diag.ExitWaiting || result.Operations[0].Outcome != OutcomeWaiting || result.Operations[0].Gate == nil {
			t.Errorf("result %+v", result)
		}
		op := f.operation("operation.o")
		if op.Instance != 1 || op.Waiting == nil || op.Waiting.Task != address("operation.o/c1/g") || op.Error != "" || !op.Ended.IsZero() {
			t.Errorf("recorded as %+v, waiting %+v", op, op.Waiting)
		}
		if diff := cmp.Diff(map[string]string{"c1/g": "NOT_STARTED", "c2/a": "NOT_STARTED"}, f.states("operation.o")); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	}
	f.close("g", nil)
	if result := f.apply(p); result.Exit != diag.ExitOK || f.world.count("a") != 1 {
		t.Errorf("with the gate open: %+v", result)
	}
}

// Wherever the process dies on its way to a gate and behind it, nothing is done twice and the gate is asked again.
func TestKilledAroundAGate(t *testing.T) {
	for k, missed := 1, 0; missed < 2; k++ {
		missed = 0
		f := newFixture(t)
		f.close("g", &tasks.GateClosed{Gate: tasks.GateApproval, Reason: "it waits for an approval"})
		die := func() {
			o := f.options()
			o.Store = mortal{f.store, f.world}
			hits := 0
			o.hit = func(string) {
				if hits++; hits == k {
					f.world.kill()
				}
			}
			if _, _ = Run(t.Context(), gated(), o); hits < k {
				missed++
			}
			f.world.dead = false
		}
		die()
		if result := f.apply(gated()); result.Exit != diag.ExitWaiting || f.operation("operation.o").Waiting == nil || f.world.count("a") != 1 || f.world.count("b") != 0 {
			t.Errorf("killed at %d on the way to the gate: %+v", k, result)
		}
		if err := f.store.Update(t.Context(), func(w state.Writer) error {
			return w.PutApproval(state.Approval{Address: address("operation.o/c2"), Instance: 1, Digest: "digest-o", By: "ann"})
		}); err != nil {
			t.Fatal(err)
		}
		die()
		if _, err := Run(t.Context(), gated(), f.options()); err != nil && !strings.Contains(err.Error(), "applied already") {
			t.Errorf("killed at %d behind the gate: %v", k, err)
		}
		for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
			if f.world.count(key) != 1 {
				t.Errorf("killed at %d: %s was done %d times", k, key, f.world.count(key))
			}
		}
		if op := f.operation("operation.o"); op.Ended.IsZero() || op.Waiting != nil {
			t.Errorf("killed at %d: recorded as %+v", k, op)
		}
		if t.Failed() {
			return
		}
	}
}

// The approval that apply asks for is that of the edited operation: the state has to know that it is the open one.
func TestAnEditedOperationThatWaitsAtOnceIsRecorded(t *testing.T) {
	f := newFixture(t)
	f.close("g", &tasks.GateClosed{Gate: tasks.GateApproval, Reason: "it waits for an approval"})
	p := planOf(operationOf("o", 0, []string{"act:a"}, []string{"gate:g"}))
	f.apply(p)
	p = planOf(operationOf("o", 0, []string{"act:a"}, []string{"gate:g"}, []string{"act:b"}))
	p.Operations[0].Instance, p.Operations[0].Digest = 2, "edited"
	p.Operations[0].Containers[0].Tasks[0].Action = plan.Completed
	for range 2 {
		result := f.apply(p)
		if op := f.operation("operation.o"); op.Instance != 2 || op.Digest != "edited" || op.Waiting == nil || result.Exit != diag.ExitWaiting || result.Operations[0].ID != op.ID {
			t.Errorf("recorded as %+v, result %+v", op, result)
		}
	}
	f.close("g", nil)
	if result := f.apply(p); result.Exit != diag.ExitOK || f.world.count("a") != 1 || f.world.count("b") != 1 {
		t.Errorf("with the gate open: %+v", result)
	}
}

func TestAPausedTaskStopsItsOperation(t *testing.T) {
	f := newFixture(t)
	f.world.set("a", tasks.Running)
	f.world.scripts["a"] = func(*call) (bool, error) {
		return false, &diag.Diagnostic{Severity: diag.Error, Summary: "workflow sf_1 is paused by shardform", Exit: diag.ExitStopped, Hint: "shardform resume operation.o"}
	}
	p := planOf(operationOf("o", 0, []string{"act:a"}), operationOf("free", 0, []string{"act:f"}))
	result := f.apply(p)
	op := result.Operations[0]
	if result.Exit != diag.ExitStopped || op.Outcome != OutcomeStopped || result.Operations[1].Outcome != OutcomeDone {
		t.Errorf("result %+v", result)
	}
	if list := diag.All(op.Err); len(list) != 1 || list[0].Hint != "shardform resume operation.o" || list[0].Address != "operation.o/c1/a" {
		t.Errorf("it says %+v", op.Err)
	}
	if recorded := f.operation("operation.o"); recorded.Error != "" {
		t.Errorf("a pause is recorded as the error %q", recorded.Error)
	}
	delete(f.world.scripts, "a")
	f.world.set("a", 0)
	if result := f.apply(p); result.Exit != diag.ExitOK {
		t.Errorf("later: %+v", result)
	}
}

// What somebody undid by hand is told from what was never done.
func TestAnObservationKnowsWhatWasRecordedAsDone(t *testing.T) {
	f := newFixture(t)
	op := operationOf("o", 0, []string{"act:a"}, []string{"act:b"})
	op.Kind = plan.KindReshard
	f.world.scripts["b"] = func(*call) (bool, error) { return false, errors.New("no") }
	f.apply(planOf(op))
	ended := f.tasks("operation.o")["c1/a"].Ended
	delete(f.world.scripts, "b")
	f.world.acts["a"] = 0 // somebody undid it
	op.Action = plan.Resume
	var records []tasks.Record
	f.world.looks["a"] = func(c *call) (bool, error) {
		records = append(records, c.record)
		return false, nil
	}
	f.apply(planOf(op))
	if len(records) == 0 || !records[0].Done || !records[0].Ended.Equal(ended) {
		t.Errorf("records %+v, want one that is done at %s", records, ended)
	}
}

func TestHoldsThatAnEditEndedAreReleasedWhateverElseIsToBeDone(t *testing.T) {
	for _, p := range []*plan.Plan{planOf(), planOf(operationOf("free", 0, []string{"act:f"}))} {
		f := newFixture(t)
		a := addr.Keyspace("customer").WithOperation("-:-80,80-")
		held := plan.Operation{Kind: plan.KindWayBack, Expansion: plan.Expansion{Back: &plan.Back{Held: "-80,80-"}}}
		record, err := held.Record()
		if err != nil {
			t.Fatal(err)
		}
		if err := f.store.Update(t.Context(), func(w state.Writer) error {
			_, err := w.CreateOperation(state.Operation{Address: a, Plan: record}, nil)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		p.Released = []addr.Address{a}
		result := f.apply(p)
		if got := string(f.operation(a.String()).Plan); strings.Contains(got, "held") || result.Exit != diag.ExitOK || len(result.Released) != 1 {
			t.Errorf("it is recorded as %s, %+v", got, result)
		}
		if entries := f.ledger(); entries[1] != "operation_released -:-80,80-" {
			t.Errorf("ledger %v", entries)
		}
	}
}

// There and back at one address: a way back takes the place of the open reshard, and a reshard that of the way back,
// wherever the process dies.
func TestAWayBackSupersedesAnOpenReshardAndIsSupersededAgain(t *testing.T) {
	forward := func(instance int) *plan.Plan {
		op := operationOf("o", 0, []string{"act:a"}, []string{"act:b"}, []string{"act:c"})
		op.Kind, op.Instance, op.Digest = plan.KindReshard, instance, "forward"
		return planOf(op)
	}
	back := func(instance int) *plan.Plan {
		op := operationOf("o", 0, []string{"act:x"}, []string{"act:y"})
		op.Containers[0].Address, op.Containers[1].Address = op.Address.WithContainer("delete"), op.Address.WithContainer("c2") // one of them is called alike
		op.Containers[0].Tasks[0].Address, op.Containers[1].Tasks[0].Address = op.Address.WithContainer("delete").WithTask("x"), op.Address.WithContainer("c2").WithTask("y")
		op.Kind, op.Instance, op.Digest = plan.KindWayBack, instance, "back"
		return planOf(op)
	}
	for k := 1; ; k++ {
		f := newFixture(t)
		f.world.scripts["b"] = func(*call) (bool, error) { return false, errors.New("no") }
		f.apply(forward(1))
		o := f.options()
		o.Store = mortal{f.store, f.world}
		hits := 0
		o.hit = func(string) {
			if hits++; hits == k {
				f.world.kill()
			}
		}
		_, _ = Run(t.Context(), back(2), o)
		survived := hits < k
		f.world.dead = false
		instance := f.operation("operation.o").Instance
		if !survived {
			if _, err := Run(t.Context(), back(2), f.options()); err != nil && !strings.Contains(err.Error(), "applied already") {
				t.Fatalf("killed at %d: %v", k, err)
			}
		}
		if op := f.operation("operation.o"); op.Instance != 2 || op.Digest != "back" || op.Ended.IsZero() || op.Error != "" {
			t.Errorf("killed at %d, instance %d then: the way back is recorded as %+v", k, instance, op)
		}
		if f.world.count("x") != 1 || f.world.count("y") != 1 {
			t.Errorf("killed at %d: done %d and %d times", k, f.world.count("x"), f.world.count("y"))
		}
		delete(f.world.scripts, "b")
		f.world.acts["a"] = 0
		if result := f.apply(forward(3)); result.Exit != diag.ExitOK || f.world.count("a") != 1 || f.world.count("c") != 1 {
			t.Errorf("killed at %d: forward again: %+v", k, result)
		}
		if survived || t.Failed() {
			if k < 8 {
				t.Errorf("only %d crash points", k)
			}
			return
		}
	}
}

// An open way back gives way to a reshard too: the layout was edited once more before it had ended.
func TestAnOpenWayBackGivesWayToAReshard(t *testing.T) {
	f := newFixture(t)
	back := operationOf("o", 0, []string{"act:x"}, []string{"act:y"})
	back.Kind, back.Digest = plan.KindWayBack, "back"
	f.world.scripts["y"] = func(*call) (bool, error) { return false, errors.New("no") }
	f.apply(planOf(back))
	forward := operationOf("o", 0, []string{"act:a"}, []string{"act:b"})
	forward.Kind, forward.Instance, forward.Digest = plan.KindReshard, 2, "forward"
	if result := f.apply(planOf(forward)); result.Exit != diag.ExitOK || f.world.count("b") != 1 {
		t.Errorf("result %+v", result)
	}
	if op := f.operation("operation.o"); op.Instance != 2 || op.Digest != "forward" || op.Ended.IsZero() {
		t.Errorf("recorded as %+v", op)
	}
}
