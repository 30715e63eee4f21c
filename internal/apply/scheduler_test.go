package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
	"shardform/internal/tasks"
	"shardform/internal/tasks/taskstest"
)

// scheduler makes one on the fixture's store, with the names of the tests registered.
func (f *fixture) scheduler(edit ...func(*SchedulerOptions)) *Scheduler {
	f.Helper()
	o := SchedulerOptions{
		Store: f.store, Registry: f.world.registry(), Clock: taskstest.NewClock(), Sink: f.sink,
		Operations: []string{"act", "mute", "emit", "Unimplemented"},
	}
	for _, e := range edit {
		e(&o)
	}
	s, err := NewScheduler(o)
	if err != nil {
		f.Fatal(err)
	}
	return s
}

func (f *fixture) run(s *Scheduler) {
	f.Helper()
	if err := s.Run(context.Background()); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.ShutdownAndWait)
}

func (f *fixture) enqueue(s *Scheduler, name string, parameters map[string]string) string {
	f.Helper()
	response, err := s.EnqueueClusterOperation(f.Context(), &automationpb.EnqueueClusterOperationRequest{Name: name, Parameters: parameters})
	if err != nil {
		f.Fatal(err)
	}
	return response.Id
}

func (f *fixture) details(s *Scheduler, id string) *automationpb.ClusterOperation {
	f.Helper()
	response, err := s.GetClusterOperationDetails(f.Context(), &automationpb.GetClusterOperationDetailsRequest{Id: id})
	if err != nil {
		f.Fatal(err)
	}
	return response.ClusterOp
}

func TestEnqueueChecksWhatComesIn(t *testing.T) {
	f := newFixture(t)
	idle, s := f.scheduler(), f.scheduler()
	f.run(s)
	tests := []struct {
		name       string
		scheduler  *Scheduler
		operation  string
		parameters map[string]string
		want       string
	}{
		{"before Run", idle, "act", map[string]string{"key": "a"}, "scheduler is not running. State: NOT_RUNNING"},
		{"unknown name", s, "echo", nil, "no ClusterOperation with name: echo is registered"},
		{"name without a task", s, "Unimplemented", nil, "no implementation found for: Unimplemented"},
		{"from the start, without a task here", s, "VerticalSplitTask", nil, "no implementation found for: VerticalSplitTask"},
		{"missing parameters", s, "emit", map[string]string{}, "required parameters are missing: [key emit]"},
		{"unknown parameter", s, "act", map[string]string{"key": "a", "kez": "b"}, "parameter kez is not allowed. Allowed required parameters: [key] optional parameters: [secret]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.scheduler.EnqueueClusterOperation(t.Context(), &automationpb.EnqueueClusterOperationRequest{Name: tt.operation, Parameters: tt.parameters})
			if errorText(err) != tt.want {
				t.Errorf("error  %q\nwanted %q", errorText(err), tt.want)
			}
		})
	}
	if _, err := s.GetClusterOperationDetails(t.Context(), &automationpb.GetClusterOperationDetailsRequest{Id: "77"}); errorText(err) != "ClusterOperation with id: 77 not found" {
		t.Errorf("unknown id: %v", err)
	}
	if _, err := s.GetClusterOperationState(t.Context(), &automationpb.GetClusterOperationStateRequest{Id: "77"}); errorText(err) != "ClusterOperation with id: 77 not found" {
		t.Errorf("unknown id: %v", err)
	}
	s.ShutdownAndWait()
	_, err := s.EnqueueClusterOperation(t.Context(), &automationpb.EnqueueClusterOperationRequest{Name: "act", Parameters: map[string]string{"key": "a"}})
	if errorText(err) != "scheduler is not running. State: SHUTDOWN" {
		t.Errorf("after shutdown: %v", err)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("a scheduler that was shut down runs again")
	}
	if _, err := NewScheduler(SchedulerOptions{Operations: []string{"a/b"}}); err == nil {
		t.Error("a name with a slash was registered")
	}
}

func TestOperationsRunOneAfterAnotherAndEmittedContainersBehindTheirEmitter(t *testing.T) {
	f := newFixture(t)
	s := f.scheduler()
	f.run(s)
	first := f.enqueue(s, "HorizontalReshardingTask", map[string]string{"key": "h", "emit": emission([]string{"act:a", "mute:b"}, []string{"act:c"})})
	second := f.enqueue(s, "act", map[string]string{"key": "d"})
	if first != "1" || second != "2" {
		t.Errorf("ids %q and %q", first, second)
	}
	s.ShutdownAndWait()
	want := &automationpb.ClusterOperation{
		Id: "1", State: automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE,
		SerialTasks: []*automationpb.TaskContainer{
			{ParallelTasks: []*automationpb.Task{{
				Name: "HorizontalReshardingTask", Id: "1", State: automationpb.TaskState_DONE, Output: "emitted",
				Parameters: map[string]string{"key": "h", "emit": emission([]string{"act:a", "mute:b"}, []string{"act:c"})},
			}}},
			{ParallelTasks: []*automationpb.Task{
				{Name: "act", Id: "2", State: automationpb.TaskState_DONE, Output: "output of a", Parameters: map[string]string{"key": "a"}},
				{Name: "mute", Id: "3", State: automationpb.TaskState_DONE, Output: "output of b", Parameters: map[string]string{"key": "b"}},
			}},
			{ParallelTasks: []*automationpb.Task{
				{Name: "act", Id: "4", State: automationpb.TaskState_DONE, Output: "output of c", Parameters: map[string]string{"key": "c"}},
			}},
		},
	}
	got := f.details(s, first)
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
	got.SerialTasks[0].ParallelTasks[0].Parameters["key"] = "changed"
	got.State = automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING
	if diff := cmp.Diff(want, f.details(s, first), protocmp.Transform()); diff != "" {
		t.Errorf("changing what was given out changed the operation (-want +got):\n%s", diff)
	}
	if op := f.details(s, second); op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE || op.SerialTasks[0].ParallelTasks[0].State != automationpb.TaskState_DONE {
		t.Errorf("second operation %v", op)
	}
}

func TestAnInvalidEmissionEndsTheOperation(t *testing.T) {
	f := newFixture(t)
	s := f.scheduler()
	f.run(s)
	id := f.enqueue(s, "emit", map[string]string{"key": "e", "emit": emission([]string{"act:a"}, []string{"nosuch:b"})})
	s.ShutdownAndWait()
	op := f.details(s, id)
	const want = "task: emit (1/1) emitted a new task which is not valid. Error: no implementation found for: nosuch"
	if op.Error != want || op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE || len(op.SerialTasks) != 1 || op.SerialTasks[0].ParallelTasks[0].Error != want {
		t.Errorf("operation %v", op)
	}
}

func TestAFailedTaskEndsTheOperationForGood(t *testing.T) {
	f := newFixture(t)
	f.world.scripts["a"] = func(*call) (bool, error) { return false, errors.New("no such shard") }
	s := f.scheduler()
	f.run(s)
	id := f.enqueue(s, "emit", map[string]string{"key": "e", "emit": emission([]string{"act:a", "act:b"}, []string{"act:c"})})
	next := f.enqueue(s, "act", map[string]string{"key": "d"})
	s.ShutdownAndWait()
	op := f.details(s, id)
	if op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE || op.Error != "no such shard" {
		t.Errorf("operation %v", op)
	}
	for _, task := range []*automationpb.Task{op.SerialTasks[1].ParallelTasks[1], op.SerialTasks[2].ParallelTasks[0]} {
		if task.State != automationpb.TaskState_NOT_STARTED {
			t.Errorf("a later task is %v", task)
		}
	}
	if op := f.details(s, next); op.Error != "" || f.world.count("d") != 1 {
		t.Errorf("the operation behind it: %v", op)
	}
	again := f.scheduler()
	f.run(again)
	again.ShutdownAndWait()
	if got := f.operation("operation.emit"); got.Ended.IsZero() || f.world.count("a") != 0 {
		t.Errorf("a later scheduler took it up again: %+v", got)
	}
}

func TestARestartedSchedulerGoesOnWhereTheOneBeforeEnded(t *testing.T) {
	f := newFixture(t)
	stop := make(chan struct{})
	f.world.scripts["a"] = func(c *call) (bool, error) {
		close(stop)
		<-c.env.Stop
		return false, tasks.ErrStopped
	}
	s := f.scheduler(func(o *SchedulerOptions) { o.Stop = stop })
	f.run(s)
	first := f.enqueue(s, "emit", map[string]string{"key": "e", "emit": emission([]string{"mute:z", "act:a", "act:b"})})
	var second string
	if response, err := s.EnqueueClusterOperation(t.Context(), &automationpb.EnqueueClusterOperationRequest{Name: "act", Parameters: map[string]string{"key": "c"}}); err == nil {
		second = response.Id
	}
	s.ShutdownAndWait()
	if op := f.details(s, first); op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING || op.Error != "" {
		t.Errorf("stopped operation %v", op)
	}
	delete(f.world.scripts, "a")
	s = f.scheduler()
	f.run(s)
	s.ShutdownAndWait()
	op := f.details(s, first)
	if op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE || op.Error != "" || f.world.count("z") != 1 || f.world.count("a") != 1 || f.world.count("e") != 1 {
		t.Errorf("after the restart: %v", op)
	}
	if second != "" && f.world.count("c") != 1 {
		t.Errorf("an operation that was enqueued behind it was done %d times", f.world.count("c"))
	}
}

func TestATaskThatEndedWithAnErrorEndsTheOperationAgain(t *testing.T) {
	f := newFixture(t)
	s := f.scheduler()
	instance := NewClusterOperationInstance("", tasks.NewTaskContainerWithSingleTask("act", map[string]string{"key": "a"}), &tasks.IDGenerator{})
	tasks.MarkTaskFailed(instance.SerialTasks[0].ParallelTasks[0], "half an output", errors.New("no such shard"))
	instance.State = automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING
	header, containers, err := s.records(instance, addr.Operation("act"))
	if err == nil {
		err = f.store.Update(t.Context(), func(w state.Writer) error {
			_, err := w.CreateOperation(header, containers)
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	f.run(s)
	s.ShutdownAndWait()
	op := f.details(s, "1")
	if op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE || op.Error != "no such shard" || f.world.count("a") != 0 || op.SerialTasks[0].ParallelTasks[0].Output != "half an output" {
		t.Errorf("operation %v", op)
	}
}

func TestShutdownOfASchedulerThatNeverRan(t *testing.T) {
	f := newFixture(t)
	s := f.scheduler()
	s.ShutdownAndWait()
	s.ShutdownAndWait()
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "State: SHUTDOWN") {
		t.Errorf("running it afterwards: %v", err)
	}
}

func TestASchedulerWhoseStateFailsStopsAndSaysSo(t *testing.T) {
	f := newFixture(t)
	s := f.scheduler(func(o *SchedulerOptions) { o.Store = &faulty{Store: f.store, at: 3, forever: true} })
	f.run(s)
	f.enqueue(s, "act", map[string]string{"key": "a"})
	s.ShutdownAndWait()
	if !errors.Is(s.Err(), errDisk) || f.world.count("a") != 0 {
		t.Errorf("error %v, done %d times", s.Err(), f.world.count("a"))
	}
	again := f.scheduler()
	f.run(again)
	again.ShutdownAndWait()
	if again.Err() != nil || f.world.count("a") != 1 {
		t.Errorf("on a whole store: %v, done %d times", again.Err(), f.world.count("a"))
	}
}

func TestCheckpointWritesWhatDiffers(t *testing.T) {
	f := newFixture(t)
	s := f.scheduler()
	instance := NewClusterOperationInstance("", tasks.NewTaskContainerWithSingleTask("act", map[string]string{"key": "a"}), &tasks.IDGenerator{})
	header, containers, err := s.records(instance, addr.Operation("act"))
	if err == nil {
		err = f.store.Update(t.Context(), func(w state.Writer) error {
			_, err := w.CreateOperation(header, containers)
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	instance.Id = "1"
	instance.State = automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE
	tasks.MarkTaskSucceeded(instance.SerialTasks[0].ParallelTasks[0], "by hand")
	if err := s.Checkpoint(t.Context(), instance); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(instance.ClusterOperation, f.details(s, "1"), protocmp.Transform()); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	strange := instance.Clone()
	strange.SerialTasks[0].ParallelTasks[0].Id = "7"
	if err := s.Checkpoint(t.Context(), strange); err == nil {
		t.Error("a task that is not the operation's was written")
	}
}

func TestClusterOperationInstance(t *testing.T) {
	ids := &tasks.IDGenerator{}
	container := func(names ...string) *automationpb.TaskContainer {
		c := tasks.NewTaskContainer()
		for _, name := range names {
			tasks.AddTask(c, name, map[string]string{"key": name})
		}
		return c
	}
	c := NewClusterOperationInstance("5", container("a"), ids)
	c.InsertTaskContainers([]*automationpb.TaskContainer{container("c", "d"), container("e")}, 1)
	clone := c.Clone()
	c.InsertTaskContainers([]*automationpb.TaskContainer{container("b")}, 1)
	list := func(c ClusterOperationInstance) (all []string) {
		for _, container := range c.SerialTasks {
			for _, task := range container.ParallelTasks {
				all = append(all, fmt.Sprintf("%s=%s", task.Name, task.Id))
			}
		}
		return all
	}
	if diff := cmp.Diff([]string{"a=1", "b=5", "c=2", "d=3", "e=4"}, list(c)); diff != "" {
		t.Errorf("after inserting (-want +got):\n%s", diff)
	}
	clone.SerialTasks[0].ParallelTasks[0].Parameters["key"] = "changed"
	if diff := cmp.Diff([]string{"a=1", "c=2", "d=3", "e=4"}, list(clone)); diff != "" || c.SerialTasks[0].ParallelTasks[0].Parameters["key"] != "a" {
		t.Errorf("the clone is no copy (-want +got):\n%s", diff)
	}
	if c.Id != "5" || c.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_NOT_STARTED {
		t.Errorf("made as %v", c.ClusterOperation)
	}
}
