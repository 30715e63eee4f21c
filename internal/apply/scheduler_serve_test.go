package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/event"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/redact"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

// recordRunning puts an enqueued operation of one task into the state as a killed process leaves it.
func (f *fixture) recordRunning(s *Scheduler, name, key string) {
	f.Helper()
	instance := NewClusterOperationInstance("", tasks.NewTaskContainerWithSingleTask(name, map[string]string{"key": key}), &tasks.IDGenerator{})
	instance.State = automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING
	instance.SerialTasks[0].ParallelTasks[0].State = automationpb.TaskState_RUNNING
	header, containers, err := s.records(instance, addr.Operation(name))
	if err == nil {
		err = f.store.Update(f.Context(), func(w state.Writer) error {
			_, err := w.CreateOperation(header, containers)
			return err
		})
	}
	if err != nil {
		f.Fatal(err)
	}
}

func TestATaskThatCannotBeObservedIsNotRunAgainAfterAKill(t *testing.T) {
	f := newFixture(t)
	s := f.scheduler()
	f.recordRunning(s, "mute", "a")
	f.recordRunning(s, "act", "b")
	f.run(s)
	s.ShutdownAndWait()
	op := f.details(s, "1")
	const want = "mute was started by an earlier run and it is not known how it ended"
	if task := op.SerialTasks[0].ParallelTasks[0]; !strings.HasPrefix(op.Error, want) || task.Error != op.Error || task.State != automationpb.TaskState_DONE || f.world.count("a") != 0 {
		t.Errorf("operation %v, run %d times", op, f.world.count("a"))
	}
	if op := f.details(s, "2"); op.Error != "" || op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE || f.world.count("b") != 1 {
		t.Errorf("the one that can be observed: %v, run %d times", op, f.world.count("b"))
	}
}

func TestAnOperationWaitsForTheRunLock(t *testing.T) {
	f := newFixture(t)
	unlock, err := f.store.Lock(t.Context(), state.Holder{User: "ops", Operation: "apply"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan string, 8)
	s := f.scheduler(func(o *SchedulerOptions) { o.Sink = f.tell(waits, "waiting for the run lock") })
	f.run(s)
	id := f.enqueue(s, "act", map[string]string{"key": "a"})
	if message := <-waits; !strings.Contains(message, "apply") {
		t.Errorf("it does not say whom it waits for: %s", message)
	}
	if op := f.details(s, id); op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_NOT_STARTED || f.world.count("a") != 0 {
		t.Errorf("while somebody else has the lock: %v", op)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	s.ShutdownAndWait()
	if op := f.details(s, id); op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE || f.world.count("a") != 1 {
		t.Errorf("with the lock: %v", op)
	}
	if unlock, err = f.store.Lock(t.Context(), state.Holder{}, 0); err != nil {
		t.Errorf("the lock was kept: %v", err)
	} else if err := unlock(); err != nil {
		t.Error(err)
	}
}

func TestAStopEndsTheWaitForTheRunLock(t *testing.T) {
	f := newFixture(t)
	unlock, err := f.store.Lock(t.Context(), state.Holder{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unlock() }()
	waits, stop := make(chan string, 8), make(chan struct{})
	s := f.scheduler(func(o *SchedulerOptions) { o.Sink, o.Stop = f.tell(waits, "waiting for the run lock"), stop })
	f.run(s)
	id := f.enqueue(s, "act", map[string]string{"key": "a"})
	<-waits
	close(stop)
	<-s.Done()
	if op := f.details(s, id); s.Err() != nil || op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_NOT_STARTED {
		t.Errorf("error %v, operation %v", s.Err(), op)
	}
	if n, err := s.Unfinished(t.Context()); n != 1 || err != nil {
		t.Errorf("%d unfinished, %v", n, err)
	}
}

func TestSchedulersOnOneStateRunEachOperationOnce(t *testing.T) {
	f := newFixture(t)
	first, second := f.scheduler(), f.scheduler(func(o *SchedulerOptions) { o.Store = f.open() })
	f.run(first)
	f.run(second)
	var wg sync.WaitGroup
	for i := range 20 {
		for n, s := range []*Scheduler{first, second} {
			wg.Go(func() { f.enqueue(s, "act", map[string]string{"key": fmt.Sprintf("%d.%d", n, i)}) })
		}
	}
	wg.Wait()
	first.ShutdownAndWait()
	second.ShutdownAndWait()
	for i := range 20 {
		for n := range 2 {
			if key := fmt.Sprintf("%d.%d", n, i); f.world.count(key) != 1 {
				t.Errorf("%s was done %d times", key, f.world.count(key))
			}
		}
	}
}

func TestRequestsOfOneMomentShareCheckpoints(t *testing.T) {
	f := newFixture(t)
	s := f.scheduler()
	f.run(s)
	const n = 500
	ids := make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { ids[i] = f.enqueue(s, "act", map[string]string{"key": fmt.Sprint(i)}) })
	}
	wg.Wait()
	s.ShutdownAndWait()
	seen := map[string]bool{}
	for i, id := range ids {
		op := f.details(s, id)
		if key := op.SerialTasks[0].ParallelTasks[0].Parameters["key"]; key != fmt.Sprint(i) || seen[id] || f.world.count(key) != 1 || op.Error != "" {
			t.Errorf("request %d has id %s: %v", i, id, op)
		}
		seen[id] = true
	}
	var serial uint64
	f.view(func(r state.Reader) error { serial = r.Meta().Serial; return nil })
	if most := uint64(2*n + n/2); serial > most { // two for each that is run
		t.Errorf("%d transactions, want at most %d", serial, most)
	}
}

func TestOneRequestThatCannotBeWrittenSpoilsNoOther(t *testing.T) {
	f := newFixture(t)
	s := f.scheduler()
	good := func() *enqueued {
		e, err := s.request(&automationpb.EnqueueClusterOperationRequest{Name: "act", Parameters: map[string]string{"key": "a"}})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	bad := good()
	bad.header.Address = bad.containers[0].Address
	batch := []*enqueued{good(), bad, good()}
	s.pending = batch
	s.writePending(t.Context())
	if batch[0].err != nil || batch[2].err != nil || bad.err == nil || batch[0].id != "1" || batch[2].id != "2" {
		t.Errorf("%v %v %v", batch[0], bad, batch[2])
	}
}

func TestARequestThatIsGivenUpLeavesNothing(t *testing.T) {
	f := newFixture(t)
	s := f.scheduler()
	f.run(s)
	s.committing <- struct{}{} // somebody else writes
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.EnqueueClusterOperation(ctx, &automationpb.EnqueueClusterOperationRequest{Name: "act", Parameters: map[string]string{"key": "gone"}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	<-s.committing
	if id := f.enqueue(s, "act", map[string]string{"key": "a"}); id != "1" {
		t.Errorf("the next one has id %s", id)
	}
	s.ShutdownAndWait()
	if f.world.count("gone") != 0 || f.world.count("a") != 1 {
		t.Errorf("done: %v", f.world.acts)
	}
}

func TestDetailsFromMemoryAreThoseOfTheState(t *testing.T) {
	f := newFixture(t)
	s := f.scheduler()
	compared := 0
	compare := func(*call) (bool, error) {
		got := f.details(s, "1")
		var want *automationpb.ClusterOperation
		f.view(func(r state.Reader) error {
			op, _, err := r.Operation("1")
			if err != nil {
				return err
			}
			containers, err := r.Containers("1")
			want = state.ClusterOperation(op, containers)
			return err
		})
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("(-state +memory):\n%s", diff)
		}
		compared++
		return true, nil
	}
	for _, key := range []string{"e", "a", "i", "b", "c", "z"} {
		f.world.scripts[key] = compare
	}
	f.world.scripts["z"] = func(c *call) (bool, error) {
		_, _ = compare(c)
		return false, errors.New("no luck \xff")
	}
	f.run(s)
	inner := emission([]string{"act:b"}, []string{"mute:c"})
	containers := []*automationpb.TaskContainer{tasks.NewTaskContainer(), tasks.NewTaskContainerWithSingleTask("act", map[string]string{"key": "z"})}
	containers[0].Concurrency = 1
	tasks.AddTask(containers[0], "emit", map[string]string{"key": "i", "emit": inner})
	tasks.AddTask(containers[0], "act", map[string]string{"key": "a"})
	f.enqueue(s, "emit", map[string]string{"key": "e", "emit": emittedText(containers)})
	s.ShutdownAndWait()
	_, _ = compare(nil)
	if compared != 7 {
		t.Errorf("compared %d times", compared)
	}
	fresh := f.scheduler()
	if diff := cmp.Diff(f.details(fresh, "1"), f.details(s, "1"), protocmp.Transform()); diff != "" {
		t.Errorf("kept after the end (-read anew +kept):\n%s", diff)
	}
}

func TestOperationBlocksAreRunByTheirLabels(t *testing.T) {
	f := newFixture(t)
	nightly := operationOf("nightly", 2, []string{"act:a", "act:b"}, []string{"act:c"})
	hidden := operationOf("hidden", 0, []string{"act:h"})
	hidden.Containers[0].Tasks[0].Sensitive, hidden.Containers[0].Tasks[0].Secrets = []string{"secret"}, map[string]string{"secret": "hunter22"}
	late := operationOf("late", 0, []string{"act:l"})
	late.DependsOn = []addr.Address{nightly.Address}
	blocks := func(o *SchedulerOptions) {
		o.Blocks, o.Hide = []plan.Operation{nightly, hidden, late}, redact.Of("hunter22")
	}
	first := f.scheduler(blocks)
	f.run(first)
	early := f.enqueue(first, "late", nil)
	first.ShutdownAndWait()
	s := f.scheduler(blocks)
	f.run(s)
	id := f.enqueue(s, "nightly", nil)
	f.enqueue(s, "hidden", nil)
	again := f.enqueue(s, "late", nil)
	_, err := s.EnqueueClusterOperation(t.Context(), &automationpb.EnqueueClusterOperationRequest{Name: "nightly", Parameters: map[string]string{"a": "b"}})
	if errorText(err) != "parameter a is not allowed. Allowed required parameters: [] optional parameters: []" {
		t.Errorf("a parameter of a block: %v", err)
	}
	s.ShutdownAndWait()
	if op := f.details(s, early); op.Error != "operation.late depends on operation.nightly, which was never run: run it first" {
		t.Errorf("before what it depends on: %v", op)
	}
	if op := f.details(s, again); op.Error != "" || f.world.count("l") != 1 {
		t.Errorf("after it: %v", op)
	}
	if op := f.details(s, id); op.Error != "" || len(op.SerialTasks) != 2 || op.SerialTasks[0].Concurrency != 2 {
		t.Errorf("the block: %v", op)
	}
	hiddenTask := f.tasks("operation.hidden")["c1/h"]
	if hiddenTask.Output != "output of h(sensitive)" || hiddenTask.Sensitive["secret"] == "" {
		t.Errorf("recorded with its secret: %+v", hiddenTask)
	}
	if _, err := NewScheduler(SchedulerOptions{Registry: f.world.registry(), Blocks: []plan.Operation{operationOf("VerticalSplitTask", 0)}}); err == nil {
		t.Error("a block took the name of a task")
	}
}

func TestAnOperationThatAnApplyLeftOpenIsNotBegunAnew(t *testing.T) {
	f := newFixture(t)
	nightly := operationOf("nightly", 0, []string{"act:a"})
	f.world.scripts["a"] = func(*call) (bool, error) { return false, errors.New("no luck") }
	f.apply(planOf(nightly))
	s := f.scheduler(func(o *SchedulerOptions) { o.Blocks = []plan.Operation{nightly} })
	f.run(s)
	_, err := s.EnqueueClusterOperation(t.Context(), &automationpb.EnqueueClusterOperationRequest{Name: "nightly"})
	var refused *RequestError
	if !errors.As(err, &refused) || refused.Reason != Unfit || !strings.Contains(err.Error(), "finish it first with shardform apply") {
		t.Errorf("error %v", err)
	}
}

func TestRunOneRunsWhatCameBeforeAndNothingBehind(t *testing.T) {
	f := newFixture(t)
	stopped := make(chan struct{})
	close(stopped)
	before := f.scheduler(func(o *SchedulerOptions) { o.Stop = stopped })
	f.recordRunning(before, "act", "before")
	s := f.scheduler()
	f.world.scripts["mine"] = func(*call) (bool, error) { // somebody enqueues another one meanwhile
		f.recordRunning(before, "act", "behind")
		return true, nil
	}
	id, err := s.RunOne(t.Context(), &automationpb.EnqueueClusterOperationRequest{Name: "act", Parameters: map[string]string{"key": "mine"}})
	if id != "2" || err != nil {
		t.Fatalf("id %s, %v", id, err)
	}
	if f.world.count("before") != 1 || f.world.count("mine") != 1 || f.world.count("behind") != 0 {
		t.Errorf("done: %v", f.world.acts)
	}
	if id, err := f.scheduler().RunOne(t.Context(), &automationpb.EnqueueClusterOperationRequest{Name: "nope"}); err == nil || id != "" {
		t.Errorf("an unknown name: id %q, %v", id, err)
	}
	if f.world.count("behind") != 0 {
		t.Error("a refused request ran what is in the state")
	}
}

// Whoever enqueues beside a server may die before the operation is run: nobody will ask the server about it.
func TestAnIdleSchedulerFindsWhatOthersPutIntoTheState(t *testing.T) {
	f := newFixture(t)
	s := f.scheduler()
	s.lookEvery = time.Millisecond
	f.run(s)
	f.recordRunning(f.scheduler(), "act", "left")
	for f.world.count("left") == 0 {
		select {
		case <-t.Context().Done():
			t.Fatal("it was not found")
		case <-time.After(time.Millisecond):
		}
	}
}

func TestTheRunsExitIsThatOfItsCommand(t *testing.T) {
	f := newFixture(t)
	f.world.scripts["bad"] = func(*call) (bool, error) { return false, errors.New("no luck") }
	stop := make(chan struct{})
	f.world.scripts["slow"] = func(c *call) (bool, error) {
		close(stop)
		<-c.env.Stop
		return false, tasks.ErrStopped
	}
	one := func(s *Scheduler, key string) error {
		_, err := s.RunOne(t.Context(), &automationpb.EnqueueClusterOperationRequest{Name: "act", Parameters: map[string]string{"key": key}})
		return err
	}
	served := func(s *Scheduler, key string) error {
		if err := s.Run(t.Context()); err != nil {
			return err
		}
		f.enqueue(s, "act", map[string]string{"key": key})
		s.ShutdownAndWait()
		return s.Err()
	}
	want := map[string]int{}
	for _, tc := range []struct {
		id, key string
		run     func(s *Scheduler, key string) error
		exit    diag.Exit
	}{
		{"one good", "good", one, diag.ExitOK},
		{"one bad", "bad", one, diag.ExitFailed},
		{"served bad", "bad", served, diag.ExitOK}, // a server ends as its queue does, whatever came of the operations
		{"stopped", "slow", served, diag.ExitStopped},
	} {
		want[tc.id] = int(tc.exit)
		s := f.scheduler(func(o *SchedulerOptions) { o.Run, o.Stop = tc.id, stop })
		if err := tc.run(s, tc.key); err != nil {
			t.Errorf("%s: %v", tc.id, err)
		}
	}
	got := map[string]int{}
	err := f.store.View(t.Context(), func(r state.Reader) error {
		runs, err := r.Runs()
		for _, run := range runs {
			got[run.ID] = run.Exit
		}
		return err
	})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("exits of the runs, %v (-want +got):\n%s", err, diff)
	}
}

func TestTheListHasEveryOperationInPages(t *testing.T) {
	f := newFixture(t)
	f.apply(planOf(operationOf("applied", 0, []string{"act:a"})))
	s := f.scheduler()
	f.run(s)
	f.enqueue(s, "act", map[string]string{"key": "b"})
	s.ShutdownAndWait()
	page, err := s.ListClusterOperations(t.Context(), &automationpb.ListClusterOperationsRequest{})
	if err != nil || len(page.Operations) != 2 || page.Operations[0].Name != "applied" || page.Operations[1].Name != "act" {
		t.Fatalf("%v, %v", page, err)
	}
	page, err = s.ListClusterOperations(t.Context(), &automationpb.ListClusterOperationsRequest{After: "1"})
	if err != nil || len(page.Operations) != 1 || page.Operations[0].Id != "2" {
		t.Errorf("behind the first: %v, %v", page, err)
	}
}

// tell passes on the messages that begin with a text.
func (f *fixture) tell(to chan<- string, text string) func(event.Event) {
	return func(e event.Event) {
		f.sink(e)
		if strings.HasPrefix(e.Message, text) {
			to <- e.Message
		}
	}
}

func TestUnreadableValuesAreRefused(t *testing.T) {
	f := newFixture(t)
	s := f.scheduler()
	f.run(s)
	for value, want := range map[string]string{
		"a\nb": "parameter key has a line break; expected one line", "a\x00b": "parameter key has a NUL byte", "a\xffb": "parameter key is not valid UTF-8",
	} {
		_, err := s.EnqueueClusterOperation(t.Context(), &automationpb.EnqueueClusterOperationRequest{Name: "act", Parameters: map[string]string{"key": value}})
		if errorText(err) != want {
			t.Errorf("%q: error %v, want %s", value, err, want)
		}
	}
}

func TestAKeptAnswerGivesWayToOthers(t *testing.T) {
	var a answers
	ended := automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE
	header := func(id string) state.Operation {
		return state.Operation{ID: state.OperationID(id), State: ended, Ended: time.Unix(1, 0)}
	}
	for i := range 5 {
		a.put(header(fmt.Sprint(i)), make([]byte, answersSize/4))
	}
	if _, ok := a.find(header("0")); ok || a.size > answersSize || len(a.kept) != 4 {
		t.Errorf("%d answers of %d bytes", len(a.kept), a.size)
	}
	if _, ok := a.find(header("4")); !ok {
		t.Error("the last one is not there")
	}
	taken := header("4")
	taken.State = automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING
	if _, ok := a.find(taken); ok {
		t.Error("an operation that somebody took up again is answered for as it was")
	}
}
