package apply

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/diag"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

// emission is the parameter of an emitter: containers of "name:key".
func emission(containers ...[]string) string {
	var all []*automationpb.TaskContainer
	for _, list := range containers {
		c := tasks.NewTaskContainer()
		for _, item := range list {
			name, key := cut(item)
			tasks.AddTask(c, name, map[string]string{"key": key})
		}
		all = append(all, c)
	}
	return emittedText(all)
}

func emittedText(all []*automationpb.TaskContainer) string {
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestEmittedContainersGoRightBehindTheirEmitterWithIDsOfTheOperation(t *testing.T) {
	f := newFixture(t)
	op := operationOf("o", 0, []string{"emit:e"}, []string{"act:z"})
	op.Containers[0].Tasks[0].Parameters["emit"] = emission([]string{"act:a", "act:b"}, []string{"mute:c"})
	result := f.apply(planOf(op))
	if result.Exit != diag.ExitOK || result.Operations[0].TasksDone != 5 || result.Operations[0].Remaining != 0 {
		t.Errorf("result %+v", result)
	}
	var got []string
	f.view(func(r state.Reader) error {
		containers, err := r.Containers(f.operation("operation.o").ID)
		for _, c := range containers {
			for _, task := range c.Tasks {
				got = append(got, c.Address.Last()+"/"+task.Address.Last()+" "+task.ID+" "+task.State.String())
			}
		}
		return err
	})
	want := []string{"c1/e 1 DONE", "c1.e.1/act.1 3 DONE", "c1.e.1/act.2 4 DONE", "c1.e.2/mute 5 DONE", "c2/z 2 DONE"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("containers (-want +got):\n%s", diff)
	}
}

func TestAnInvalidEmissionFailsTheTaskAndInsertsNothing(t *testing.T) {
	tests := []struct{ name, emit, want string }{
		{"unknown name", emission([]string{"act:a"}, []string{"nosuch:b"}), "task: emit (1/1) emitted a new task which is not valid. Error: no implementation found for: nosuch"},
		{"parameters", `[{"parallel_tasks":[{"name":"act","parameters":{"kee":"x"}}]}]`, "task: emit (1/1) emitted a new task which is not valid. Error: required parameters are missing: [key]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			op := operationOf("o", 0, []string{"emit:e"}, []string{"act:z"})
			op.Containers[0].Tasks[0].Parameters["emit"] = tt.emit
			result := f.apply(planOf(op))
			if result.Exit != diag.ExitFailed || result.Operations[0].Outcome != OutcomeFailed {
				t.Errorf("result %+v", result)
			}
			if diff := cmp.Diff(map[string]string{"c1/e": "DONE!", "c2/z": "NOT_STARTED"}, f.states("operation.o")); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
			if got := f.tasks("operation.o")["c1/e"].Error; got != tt.want {
				t.Errorf("error %q\nexpected %q", got, tt.want)
			}
			if got := f.operation("operation.o").Error; got != tt.want {
				t.Errorf("operation's error %q\nexpected %q", got, tt.want)
			}
		})
	}
}

func TestWhatThePlanExpandedIsNotInsertedAgain(t *testing.T) {
	f := newFixture(t)
	emitted := emission([]string{"act:a"})
	op := operationOf("o", 0, []string{"expand:e"}, []string{"act:z"})
	op.Containers[0].Tasks[0].Parameters["emit"] = emitted
	var containers []*automationpb.TaskContainer
	if err := json.Unmarshal([]byte(emitted), &containers); err != nil {
		t.Fatal(err)
	}
	expanded := plan.Emitted(op.Containers[0].Tasks[0].Address, containers)
	emittedTwice := plan.Emitted(op.Containers[0].Tasks[0].Address, slices.Repeat(containers, 2))
	op.Containers = []plan.Container{op.Containers[0], expanded[0], op.Containers[1]}
	if result := f.apply(planOf(op)); result.Exit != diag.ExitOK || f.world.count("a") != 1 || result.Operations[0].TasksDone != 3 {
		t.Errorf("result %+v, a was done %d times", result, f.world.count("a"))
	}

	for name, edit := range map[string]func(op *plan.Operation){
		"another parameter": func(op *plan.Operation) { op.Containers[1].Tasks[0].Parameters = map[string]string{"key": "other"} },
		"a container less":  func(op *plan.Operation) { op.Containers = slices.Delete(op.Containers, 1, 2) },
		"a container more":  func(op *plan.Operation) { op.Containers = slices.Insert(op.Containers, 2, emittedTwice[1]) },
		"a task more": func(op *plan.Operation) {
			op.Containers[1].Tasks = append(op.Containers[1].Tasks, plan.Task{Address: op.Containers[1].Address.WithTask("more"), Name: "act", Parameters: map[string]string{"key": "b"}})
		},
		"the label of a task": func(op *plan.Operation) {
			op.Containers[1].Tasks[0].Address = op.Containers[1].Address.WithTask("other")
		},
		"a sensitive name": func(op *plan.Operation) { hide(&op.Containers[1].Tasks[0], "secret") },
	} {
		f = newFixture(t)
		edited := op
		edited.Containers = slices.Clone(op.Containers)
		edited.Containers[1].Tasks = slices.Clone(op.Containers[1].Tasks)
		edit(&edited)
		result := f.apply(planOf(edited))
		if result.Exit != diag.ExitFailed || !strings.Contains(errorText(result.Operations[0].Err), "otherwise than planned") {
			t.Errorf("%s: an emission that is not the planned one: %+v", name, result)
		}
	}
}
