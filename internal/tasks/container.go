package tasks

import (
	"fmt"
	"strconv"
	"sync/atomic"

	automationpb "shardform/internal/pb/automationpb"
)

// NewTask makes a NOT_STARTED task without an id.
func NewTask(taskName string, parameters map[string]string) *automationpb.Task {
	return &automationpb.Task{Name: taskName, Parameters: parameters, State: automationpb.TaskState_NOT_STARTED}
}

// NewTaskContainer makes an empty container that runs its tasks one at a time until its concurrency is set.
func NewTaskContainer() *automationpb.TaskContainer { return &automationpb.TaskContainer{} }

// NewTaskContainerWithSingleTask makes a container of one NOT_STARTED task.
func NewTaskContainerWithSingleTask(taskName string, parameters map[string]string) *automationpb.TaskContainer {
	c := NewTaskContainer()
	AddTask(c, taskName, parameters)
	return c
}

// AddTask appends a NOT_STARTED task without an id.
func AddTask(t *automationpb.TaskContainer, taskName string, parameters map[string]string) {
	t.ParallelTasks = append(t.ParallelTasks, NewTask(taskName, parameters))
}

// AddMissingTaskID gives every task of tc that has no id the generator's next one.
func AddMissingTaskID(tc []*automationpb.TaskContainer, taskIDGenerator *IDGenerator) {
	for _, container := range tc {
		for _, task := range container.GetParallelTasks() {
			if task != nil && task.Id == "" {
				task.Id = taskIDGenerator.GetNextID()
			}
		}
	}
}

// CheckComplete returns an error if a container, or a task in one, is nil.
func CheckComplete(containers []*automationpb.TaskContainer) error {
	for i, c := range containers {
		if c == nil {
			return fmt.Errorf("container %d of %d is nil", i+1, len(containers))
		}
		for j, t := range c.ParallelTasks {
			if t == nil {
				return fmt.Errorf("task %d of container %d is nil", j+1, i+1)
			}
		}
	}
	return nil
}

// MarkTaskSucceeded sets a task DONE with its output.
func MarkTaskSucceeded(t *automationpb.Task, output string) {
	t.State = automationpb.TaskState_DONE
	t.Output = output
}

// MarkTaskFailed sets a task DONE with its output and error.
func MarkTaskFailed(t *automationpb.Task, output string, err error) {
	t.State = automationpb.TaskState_DONE
	t.Output = output
	t.Error = err.Error()
}

// IDGenerator counts ids from "1". The zero value is ready to use, also from several goroutines.
type IDGenerator struct{ last atomic.Int64 }

// GetNextID is the next id as decimal text.
func (g *IDGenerator) GetNextID() string { return strconv.FormatInt(g.last.Add(1), 10) }

// Advance makes the next id larger than last: for a generator that goes on where a recorded operation stopped.
func (g *IDGenerator) Advance(last int64) {
	for {
		cur := g.last.Load()
		if cur >= last || g.last.CompareAndSwap(cur, last) {
			return
		}
	}
}
