package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
)

// define makes a task that does nothing and refuses to try again 99 times.
func define(spec *tasks.Spec) tasks.Definition {
	return tasks.Definition{Spec: spec, New: func(*tasks.Env) tasks.Task { return idleTask{spec} }}
}

type idleTask struct{ *tasks.Spec }

func (idleTask) Run(context.Context, map[string]string) ([]*automationpb.TaskContainer, string, error) {
	return nil, "", nil
}

func (idleTask) Check(parameters map[string]string) error {
	if parameters["retries"] == "99" {
		return errors.New("99 retries are too many for " + parameters["command"])
	}
	return nil
}

// testTasks are a few tasks with every kind of parameter.
func testTasks() *tasks.Registry {
	return tasks.NewRegistry(
		define(&tasks.Spec{Name: "echo", Summary: "says a text", Parameters: []tasks.Parameter{
			{Name: "text", Kind: tasks.String, Required: true, Doc: "what to say"},
		}}),
		define(&tasks.Spec{Name: "shell", Summary: "runs a program", Parameters: []tasks.Parameter{
			{Name: "command", Kind: tasks.List, Required: true, Doc: "program and arguments"},
			{Name: "unless", Kind: tasks.List},
			{Name: "timeout", Kind: tasks.Duration},
			{Name: "env", Kind: tasks.Map},
			{Name: "retries", Kind: tasks.Int},
			{Name: "quiet", Kind: tasks.Bool},
			{Name: "on_interrupt", Kind: tasks.String, Allowed: []string{"rerun", "stop"}},
		}}),
		define(&tasks.Spec{Name: "CopySchemaShardTask", Summary: "copies a schema", Parameters: []tasks.Parameter{
			{Name: "source_keyspace_and_shard", Kind: tasks.String, Required: true},
			{Name: "dest_keyspace_and_shard", Kind: tasks.String, Required: true},
			{Name: "vtctld_endpoint", Kind: tasks.String, Required: true, Doc: "HOST:PORT of vtctld"},
			{Name: "tables", Kind: tasks.String},
		}}),
		define(&tasks.Spec{Name: "SplitCloneTask", Summary: "copies rows", Modern: "declare the layout", Parameters: []tasks.Parameter{
			{Name: "source_shard", Kind: tasks.String, Required: true},
			{Name: "vtworker_endpoint", Kind: tasks.String, Required: true, Doc: "HOST:PORT of vtworker"},
			{Name: "retries", Kind: tasks.Int},
			{Name: "command", Kind: tasks.String},
			{Name: "min_healthy_rdonly_tablets", Kind: tasks.Int},
			{Name: "max_tps", Kind: tasks.Int},
			{Name: "exclude_tables", Kind: tasks.String},
		}}),
		define(&tasks.Spec{Name: "reshard_create", Summary: "creates a workflow", Internal: true}),
	)
}

func TestATaskJudgesItsParametersTogether(t *testing.T) {
	for name, want := range map[string]string{"[\"true\"]": "99 retries are too many", "[var.secret]": "what is wrong is not shown"} {
		file := filepath.Join(t.TempDir(), "plan.hcl")
		plan := "variable \"secret\" {\n  sensitive = true\n  default   = \"hunter2\"\n}\noperation \"a\" {\n  task \"shell\" \"x\" {\n    command = " + name + "\n    retries = 99\n  }\n}\n"
		if err := os.WriteFile(file, []byte(plan), 0o600); err != nil {
			t.Fatal(err)
		}
		_, complaints := Load(file, Options{Tasks: testTasks()})
		if len(complaints) != 1 || complaints[0].Place.Line != 6 || !strings.Contains(complaints[0].Detail, want) || strings.Contains(complaints.Error(), "hunter2") {
			t.Errorf("%s: %v", name, complaints)
		}
	}
}
