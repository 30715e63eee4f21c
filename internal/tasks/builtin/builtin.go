// Package builtin lists the tasks that shardform comes with: a new one is one file in a package of its kind and one
// line here. The command line hands the list to everything that needs it.
package builtin

import (
	"slices"

	"shardform/internal/tasks"
	"shardform/internal/tasks/automation"
	"shardform/internal/tasks/echo"
	"shardform/internal/tasks/legacyreshard"
	"shardform/internal/tasks/reshard"
	"shardform/internal/tasks/shell"
)

// Registry has every task.
func Registry() *tasks.Registry {
	return tasks.NewRegistry(slices.Concat(
		[]tasks.Definition{echo.Definition(), shell.Definition()},
		reshard.Definitions(),
		automation.Definitions(),
		legacyreshard.Definitions(),
	)...)
}
