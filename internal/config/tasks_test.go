package config

import "shardform/internal/tasks"

// testTasks are a few tasks with every kind of parameter.
func testTasks() *tasks.Registry {
	return tasks.NewRegistry(
		tasks.Definition{Spec: &tasks.Spec{Name: "echo", Summary: "says a text", Parameters: []tasks.Parameter{
			{Name: "text", Kind: tasks.String, Required: true, Doc: "what to say"},
		}}},
		tasks.Definition{Spec: &tasks.Spec{Name: "shell", Summary: "runs a program", Parameters: []tasks.Parameter{
			{Name: "command", Kind: tasks.List, Required: true, Doc: "program and arguments"},
			{Name: "unless", Kind: tasks.List},
			{Name: "timeout", Kind: tasks.Duration},
			{Name: "env", Kind: tasks.Map},
			{Name: "retries", Kind: tasks.Int},
			{Name: "quiet", Kind: tasks.Bool},
			{Name: "on_interrupt", Kind: tasks.String, Allowed: []string{"rerun", "stop"}},
		}}},
		tasks.Definition{Spec: &tasks.Spec{Name: "CopySchemaShardTask", Summary: "copies a schema", Parameters: []tasks.Parameter{
			{Name: "source_keyspace_and_shard", Kind: tasks.String, Required: true},
			{Name: "dest_keyspace_and_shard", Kind: tasks.String, Required: true},
			{Name: "vtctld_endpoint", Kind: tasks.String, Required: true, Doc: "HOST:PORT of vtctld"},
			{Name: "tables", Kind: tasks.String},
		}}},
		tasks.Definition{Spec: &tasks.Spec{Name: "reshard_create", Summary: "creates a workflow", Internal: true}},
	)
}
