package plan

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/config"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
)

// emitter is a task that emits what expand gives for its parameters.
type emitter struct {
	*tasks.Spec
	expand func(map[string]string) ([]*automationpb.TaskContainer, error)
}

func (e *emitter) Run(_ context.Context, p map[string]string) ([]*automationpb.TaskContainer, string, error) {
	containers, err := e.expand(p)
	return containers, "", err
}

func (e *emitter) Expand(p map[string]string) ([]*automationpb.TaskContainer, error) {
	return e.expand(p)
}

func emitting(name string, expand func(map[string]string) ([]*automationpb.TaskContainer, error)) tasks.Definition {
	spec := &tasks.Spec{Name: name, Parameters: []tasks.Parameter{{Name: "text", Kind: tasks.String}}}
	return tasks.Definition{Spec: spec, New: func(*tasks.Env) tasks.Task { return &emitter{spec, expand} }}
}

// bare is an operation of one bare task and a container behind it.
func bare(task string, sensitive ...string) config.Operation {
	o := echoOperation("o", []string{"first"}, []string{"last"})
	run := &o.Containers[0]
	run.Address = o.Address.WithContainer("run")
	run.Tasks[0] = config.Task{Address: run.Address.WithTask("run"), Name: task, Parameters: map[string]string{"text": "hunter2"}, Sensitive: sensitive}
	return o
}

func TestEmittedContainersAreRightBehindTheirEmitter(t *testing.T) {
	registry := testRegistry(
		emitting("outer", func(p map[string]string) ([]*automationpb.TaskContainer, error) {
			c := tasks.NewTaskContainerWithSingleTask("inner", nil)
			c.Concurrency = 2
			tasks.AddTask(c, "echo", map[string]string{"text": "a"})
			tasks.AddTask(c, "echo", map[string]string{"text": "b"})
			return []*automationpb.TaskContainer{c, tasks.NewTaskContainerWithSingleTask("echo", map[string]string{"text": "c"})}, nil
		}),
		emitting("inner", func(map[string]string) ([]*automationpb.TaskContainer, error) {
			return []*automationpb.TaskContainer{tasks.NewTaskContainerWithSingleTask("echo", map[string]string{"text": "d"})}, nil
		}),
	)
	p := mustMake(t, Inputs{Config: configuration(bare("outer")), Registry: registry})
	want := []string{
		"operation.o/run/run add",
		"operation.o/run.1/inner add", "operation.o/run.1/echo.1 add", "operation.o/run.1/echo.2 add",
		"operation.o/run.1.inner.1/echo add",
		"operation.o/run.2/echo add",
		"operation.o/c2/t1 add",
	}
	if diff := cmp.Diff(want, actions(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := p.Operations[0].Containers[1].Concurrency; got != 2 {
		t.Errorf("concurrency %d, want 2", got)
	}
}

func TestEmittedCopiesOfSecretsAreSecret(t *testing.T) {
	registry := testRegistry(emitting("outer", func(p map[string]string) ([]*automationpb.TaskContainer, error) {
		return []*automationpb.TaskContainer{tasks.NewTaskContainerWithSingleTask("echo", map[string]string{"text": "say " + p["text"]})}, nil
	}))
	p := mustMake(t, Inputs{Config: configuration(bare("outer", "text")), Registry: registry})
	task := p.Operations[0].Containers[1].Tasks[0]
	if task.Parameters["text"] != "" || task.Secrets["text"] != "say hunter2" || len(task.Sensitive) != 1 {
		t.Errorf("got %+v", task)
	}
}

func TestWhatCannotBeLaidOutIsAnError(t *testing.T) {
	tests := map[string]struct {
		expand func(map[string]string) ([]*automationpb.TaskContainer, error)
		change func(*config.Operation)
		want   string
	}{
		"the task refuses its parameters": {expand: func(map[string]string) ([]*automationpb.TaskContainer, error) {
			return nil, errors.New("no such shard")
		}, want: "no such shard"},
		"an emitted task is not known": {expand: func(map[string]string) ([]*automationpb.TaskContainer, error) {
			return []*automationpb.TaskContainer{tasks.NewTaskContainerWithSingleTask("nonesuch", nil)}, nil
		}, want: "no implementation found for: nonesuch"},
		"an emitted task lacks a parameter": {expand: func(map[string]string) ([]*automationpb.TaskContainer, error) {
			return []*automationpb.TaskContainer{tasks.NewTaskContainerWithSingleTask("echo", nil)}, nil
		}, want: "required parameters are missing: [text]"},
		"it emits itself": {expand: func(map[string]string) ([]*automationpb.TaskContainer, error) {
			return []*automationpb.TaskContainer{tasks.NewTaskContainerWithSingleTask("outer", nil)}, nil
		}, want: "without end"},
		"an emitted container has a name that is taken": {expand: func(map[string]string) ([]*automationpb.TaskContainer, error) {
			return []*automationpb.TaskContainer{tasks.NewTaskContainerWithSingleTask("echo", map[string]string{"text": "x"})}, nil
		}, change: func(o *config.Operation) { o.Containers[1].Address = o.Address.WithContainer("run.1") }, want: "two containers of operation.o are called run.1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := bare("outer")
			if test.change != nil {
				test.change(&o)
			}
			list := complaints(t, Inputs{Config: configuration(o), Registry: testRegistry(emitting("outer", test.expand))})
			if len(list) != 1 || !strings.Contains(list.Error(), test.want) {
				t.Errorf("got %v, want %q", list, test.want)
			}
		})
	}
}
