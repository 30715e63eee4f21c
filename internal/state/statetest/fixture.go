package statetest

import (
	"fmt"
	"testing"
	"time"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
)

// at is a time of the fixtures, to the nanosecond and not in UTC.
func at(seconds int) time.Time {
	return time.Date(2026, 11, 23, 12, 0, seconds, 123456789, time.FixedZone("CET", 3600))
}

// nightly is the address of most fixtures.
var nightly = addr.Operation("nightly")

// container makes a container of an operation with tasks of these names.
func container(op addr.Address, name string, tasks ...string) state.Container {
	c := state.Container{Address: op.WithContainer(name)}
	for _, t := range tasks {
		c.Tasks = append(c.Tasks, state.Task{Address: c.Address.WithTask(t), Name: "echo", Parameters: map[string]string{"text": t}, State: automationpb.TaskState_NOT_STARTED})
	}
	return c
}

func update(t *testing.T, s state.Store, fn func(state.Writer) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatalf("update: %v", err)
	}
}

func view(t *testing.T, s state.Store, fn func(state.Reader) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatalf("view: %v", err)
	}
}

func create(t *testing.T, s state.Store, op state.Operation, containers ...state.Container) state.Operation {
	t.Helper()
	update(t, s, func(w state.Writer) (err error) {
		op, err = w.CreateOperation(op, containers)
		return err
	})
	return op
}

func content(t *testing.T, s state.Store) (c Content) {
	t.Helper()
	view(t, s, func(r state.Reader) (err error) {
		c, err = Read(r)
		return err
	})
	return c
}

// outline is an operation as "container[task=id task=id] …", its order being what is looked at.
func outline(containers []state.Container) string {
	text := ""
	for _, c := range containers {
		text += c.Address.Last() + "["
		for i, task := range c.Tasks {
			if i > 0 {
				text += " "
			}
			text += fmt.Sprintf("%s=%s", task.Address.Last(), task.ID)
		}
		text += "] "
	}
	return text
}

func same[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := difference(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
