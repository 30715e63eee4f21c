package apply

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

const operationDone = automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE

// recordByHand records an instance of one task as an enqueue does, on a Scheduler that does not run.
func (f *fixture) recordByHand(s *Scheduler) ClusterOperationInstance {
	f.Helper()
	instance := NewClusterOperationInstance("", tasks.NewTaskContainerWithSingleTask("act", map[string]string{"key": "a"}), &tasks.IDGenerator{})
	header, containers, err := s.records(instance, addr.Operation("act"))
	if err == nil {
		err = f.store.Update(f.Context(), func(w state.Writer) error {
			_, err := w.CreateOperation(header, containers)
			return err
		})
	}
	if err != nil {
		f.Fatal(err)
	}
	instance.Id = "1"
	return instance
}

// checkpoints wants a checkpoint to be written, and the details to be what it said.
func (f *fixture) checkpoints(s *Scheduler, c ClusterOperationInstance) {
	f.Helper()
	if err := s.Checkpoint(f.Context(), c); err != nil {
		f.Fatal(err)
	}
	if diff := cmp.Diff(c.ClusterOperation, f.details(s, c.Id), protocmp.Transform()); diff != "" {
		f.Errorf("recorded (-want +got):\n%s", diff)
	}
}

func single(key string) []*automationpb.TaskContainer {
	return []*automationpb.TaskContainer{tasks.NewTaskContainerWithSingleTask("act", map[string]string{"key": key})}
}

func TestCheckpointTakesWhatInsertTaskContainersPutIn(t *testing.T) {
	f := newFixture(t)
	s := f.scheduler()
	c := f.recordByHand(s)
	c.InsertTaskContainers(single("c"), 1)
	f.checkpoints(s, c)
	c.InsertTaskContainers(append(single("b"), tasks.NewTaskContainer()), 1)
	c.InsertTaskContainers(single("d"), 4)
	tasks.MarkTaskSucceeded(c.SerialTasks[1].ParallelTasks[0], "by hand")
	f.checkpoints(s, c)
	f.checkpoints(s, c) // nothing differs
	restarted := f.scheduler()
	f.run(restarted)
	restarted.ShutdownAndWait()
	op := f.details(restarted, "1")
	if op.State != operationDone || op.Error != "" || f.world.count("a") != 1 || f.world.count("b") != 0 || f.world.count("c") != 1 || f.world.count("d") != 1 {
		t.Errorf("resumed: %v", op)
	}
}

func TestCheckpointTakesAnOperationThatIsNotRecorded(t *testing.T) {
	f := newFixture(t)
	s := f.scheduler()
	f.run(s)
	c := NewClusterOperationInstance("", single("a")[0], &tasks.IDGenerator{})
	f.checkpoints(s, c)
	if c.Id != "1" {
		t.Errorf("its id is %q", c.Id)
	}
	unknown := NewClusterOperationInstance("77", single("b")[0], &tasks.IDGenerator{})
	unknown.State = operationDone
	f.checkpoints(s, unknown)
	if f.enqueue(s, "act", map[string]string{"key": "c"}) != "3" {
		t.Error("ids have holes")
	}
	s.ShutdownAndWait()
	if f.world.count("a") > 0 || f.world.count("c") != 1 {
		t.Error("what is run by hand was run by the Scheduler too")
	}
	restarted := f.scheduler()
	f.run(restarted)
	restarted.ShutdownAndWait()
	if f.world.count("a") != 1 {
		t.Error("what was left unfinished was not resumed")
	}
}

func TestCheckpointRefusesWhatItCannotTellApart(t *testing.T) {
	for name, c := range map[string]struct {
		change func(c *ClusterOperationInstance)
		want   string
	}{
		"an id that a recorded task has": {func(c *ClusterOperationInstance) {
			c.SerialTasks = append(c.SerialTasks, &automationpb.TaskContainer{ParallelTasks: []*automationpb.Task{{Name: "act", Id: "1"}}})
		}, "has that id"},
		"one id twice": {func(c *ClusterOperationInstance) {
			c.SerialTasks = append(c.SerialTasks, &automationpb.TaskContainer{ParallelTasks: []*automationpb.Task{{Name: "act", Id: "8"}, {Name: "act", Id: "8"}}})
		}, "two tasks have the id: 8"},
		"another name under a recorded id": {func(c *ClusterOperationInstance) { c.SerialTasks[0].ParallelTasks[0].Name = "mute" }, "recorded container run"},
		"a container taken away":           {func(c *ClusterOperationInstance) { c.SerialTasks = nil }, "recorded container run"},
		"a container before the first":     {func(c *ClusterOperationInstance) { c.InsertTaskContainers(single("z"), 0) }, "before its first one"},
		"a nil container":                  {func(c *ClusterOperationInstance) { c.SerialTasks = append(c.SerialTasks, nil) }, "container 2 of 2 is nil"},
		"nothing":                          {func(c *ClusterOperationInstance) { *c = ClusterOperationInstance{} }, "is nil"},
		"an unknown one without tasks":     {func(c *ClusterOperationInstance) { c.Id, c.SerialTasks = "9", nil }, "no task that it can be called after"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			s := f.scheduler()
			instance := f.recordByHand(s)
			before := f.details(s, "1")
			c.change(&instance)
			if instance.ClusterOperation != nil {
				instance.Error = "changed"
			}
			if err := s.Checkpoint(t.Context(), instance); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if diff := cmp.Diff(before, f.details(s, "1"), protocmp.Transform()); diff != "" {
				t.Errorf("it was written all the same:\n%s", diff)
			}
		})
	}
}

func TestTheZeroClusterOperationInstanceWorks(t *testing.T) {
	var c ClusterOperationInstance
	if clone := c.Clone(); clone.ClusterOperation != nil {
		t.Errorf("its clone is %v", clone)
	}
	value := c
	value.InsertTaskContainers(single("a"), 0)
	value.InsertTaskContainers([]*automationpb.TaskContainer{{ParallelTasks: []*automationpb.Task{{Name: "act", Id: "2"}, {Name: "act"}}}}, 1)
	var ids []string
	for _, container := range value.SerialTasks {
		for _, task := range container.ParallelTasks {
			ids = append(ids, task.Id)
		}
	}
	if strings.Join(ids, " ") != "1 2 3" || value.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_NOT_STARTED {
		t.Errorf("ids %v in %v", ids, value)
	}
	f := newFixture(t)
	f.checkpoints(f.scheduler(), value)
	made := NewClusterOperationInstance("", single("a")[0], nil)
	if made.SerialTasks[0].ParallelTasks[0].Id != "1" {
		t.Errorf("without a generator: %v", made)
	}
}

// done is an emitted task that has ended before it was emitted.
func done(key, output string, err error) *automationpb.Task {
	task := tasks.NewTask("act", map[string]string{"key": key})
	tasks.MarkTaskSucceeded(task, output)
	if err != nil {
		tasks.MarkTaskFailed(task, output, err)
	}
	return task
}

func TestAnEmittedTaskThatIsDoneIsSkipped(t *testing.T) {
	f := newFixture(t)
	s := f.scheduler()
	f.run(s)
	id := f.enqueue(s, "emit", map[string]string{"key": "e", "emit": emittedText([]*automationpb.TaskContainer{
		{ParallelTasks: []*automationpb.Task{done("a", "as it was", nil)}}, {}, single("b")[0], {ParallelTasks: []*automationpb.Task{done("c", "", nil)}},
	})})
	s.ShutdownAndWait()
	op := f.details(s, id)
	if op.State != operationDone || op.Error != "" || f.world.count("a")+f.world.count("c") > 0 || f.world.count("b") != 1 {
		t.Errorf("operation %v", op)
	}
	if len(op.SerialTasks) != 5 || op.SerialTasks[1].ParallelTasks[0].Output != "as it was" || len(op.SerialTasks[2].ParallelTasks) > 0 {
		t.Errorf("containers %v", op.SerialTasks)
	}
}

func TestAnEmittedTaskThatFailedEndsTheOperationAtItsTurn(t *testing.T) {
	emitted := emittedText([]*automationpb.TaskContainer{single("a")[0], {ParallelTasks: []*automationpb.Task{done("b", "half", errors.New("no such shard"))}}, single("c")[0]})
	check := func(f *fixture, s *Scheduler) {
		f.Helper()
		op := f.details(s, "1")
		if op.State != operationDone || op.Error != "no such shard" || f.world.count("a") != 1 || f.world.count("b")+f.world.count("c") > 0 {
			f.Errorf("operation %v", op)
		}
		if b := op.SerialTasks[2].ParallelTasks[0]; b.Output != "half" || b.Error != "no such shard" || op.SerialTasks[3].ParallelTasks[0].State != automationpb.TaskState_NOT_STARTED {
			f.Errorf("tasks %v", op.SerialTasks)
		}
	}
	t.Run("at once", func(t *testing.T) {
		f := newFixture(t)
		s := f.scheduler()
		f.run(s)
		f.enqueue(s, "emit", map[string]string{"key": "e", "emit": emitted})
		s.ShutdownAndWait()
		check(f, s)
	})
	t.Run("after a restart", func(t *testing.T) {
		f := newFixture(t)
		stop := make(chan struct{})
		f.world.scripts["a"] = func(c *call) (bool, error) {
			close(stop)
			<-c.env.Stop
			return false, tasks.ErrStopped
		}
		s := f.scheduler(func(o *SchedulerOptions) { o.Stop = stop })
		f.run(s)
		f.enqueue(s, "emit", map[string]string{"key": "e", "emit": emitted})
		s.ShutdownAndWait()
		delete(f.world.scripts, "a")
		s = f.scheduler()
		f.run(s)
		s.ShutdownAndWait()
		check(f, s)
	})
}

func TestEmittedIDsAreUnique(t *testing.T) {
	f := newFixture(t)
	s := f.scheduler()
	f.run(s)
	with := func(id, key string) *automationpb.Task {
		return &automationpb.Task{Name: "act", Id: id, Parameters: map[string]string{"key": key}}
	}
	id := f.enqueue(s, "emit", map[string]string{"key": "e", "emit": emittedText([]*automationpb.TaskContainer{
		{ParallelTasks: []*automationpb.Task{with("1", "a"), with("3", "b"), with("", "c"), with("3", "d"), with("mine", "e2")}},
	})})
	s.ShutdownAndWait()
	seen := map[string]bool{}
	for _, c := range f.details(s, id).SerialTasks {
		for _, task := range c.ParallelTasks {
			if seen[task.Id] {
				t.Errorf("two tasks have the id %s", task.Id)
			}
			seen[task.Id] = true
		}
	}
	if len(seen) != 6 || !seen["3"] || !seen["mine"] {
		t.Errorf("ids %v", seen)
	}
}

func TestNilIsAnErrorAndNoShutdownWaitsForIt(t *testing.T) {
	for _, emitted := range []string{`[null]`, `[{"parallel_tasks":[null]}]`} {
		f := newFixture(t)
		s := f.scheduler()
		f.run(s)
		id := f.enqueue(s, "emit", map[string]string{"key": "e", "emit": emitted})
		if _, err := s.EnqueueClusterOperation(t.Context(), nil); err == nil {
			t.Error("a nil request was taken")
		}
		if _, err := s.GetClusterOperationDetails(t.Context(), nil); err == nil {
			t.Error("nil has details")
		}
		if _, err := s.GetClusterOperationState(t.Context(), nil); err == nil {
			t.Error("nil has a state")
		}
		if page, err := s.ListClusterOperations(t.Context(), nil); err != nil || len(page.Operations) != 1 {
			t.Errorf("the list from its beginning: %v, %v", page, err)
		}
		if _, err := f.scheduler().RunOne(t.Context(), nil); err == nil {
			t.Error("a nil request was run")
		}
		s.ShutdownAndWait()
		if op := f.details(s, id); op.State != operationDone || !strings.Contains(op.Error, "is nil") {
			t.Errorf("%s: operation %v", emitted, op)
		}
	}
}

// A plan has what an Expander emits too, under the same addresses.
func TestAnEmptyContainerOfAnExpanderIsPlanned(t *testing.T) {
	f := newFixture(t)
	op := operationOf("o", 0, []string{"expand:e"})
	containers := []*automationpb.TaskContainer{{}, single("a")[0]}
	op.Containers[0].Tasks[0].Parameters["emit"] = emittedText(containers)
	op.Containers = append(op.Containers, plan.Emitted(op.Containers[0].Tasks[0].Address, containers)...)
	if result := f.apply(planOf(op)); result.Exit != 0 || f.world.count("a") != 1 {
		t.Errorf("result %+v", result.Operations[0].Err)
	}
}
