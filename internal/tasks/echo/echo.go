// Package echo has the task echo, which does nothing but say something: for trying out plan files and the engine. It
// touches no cluster and no machine.
package echo

import (
	"context"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
)

var spec = &tasks.Spec{
	Name:    "echo",
	Summary: "outputs a text",
	Doc: "Its output is the text, as given. It changes nothing, so running it again is harmless: an echo that a dead\n" +
		"process left running is run again.",
	Parameters: []tasks.Parameter{
		{Name: "text", Kind: tasks.String, Required: true, Multiline: true, Doc: "what to output"},
	},
}

type task struct{ *tasks.Spec }

// Definition registers the task.
func Definition() tasks.Definition {
	return tasks.Definition{Spec: spec, New: func(*tasks.Env) tasks.Task { return &task{spec} }}
}

// Run outputs the text.
func (t *task) Run(_ context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	values, err := t.Read(parameters)
	if err != nil {
		return nil, "", err
	}
	return nil, values.String("text"), nil
}

// Repeatable says that running it again does no harm, although nothing shows whether it ran.
func (t *task) Repeatable() bool { return true }

// Describe implements tasks.Describer.
func (t *task) Describe(map[string]string) string { return "output a text" }
