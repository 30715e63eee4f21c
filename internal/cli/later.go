package cli

import (
	"github.com/spf13/cobra"

	"shardform/internal/diag"
)

// laterCommands are the commands that this release names but does not have: each says so, with what to do instead.
func (a *App) laterCommands() []*cobra.Command {
	commands := []struct{ use, short, instead string }{
		{"init [--server A | --sandbox] [PATH]", "Write plan files from a live cluster", "write the plan file by hand: docs/plan-files.md and examples/ show how"},
		{"force-unlock ID", "Break a state lock", "the lock goes with its process: end the process that the lock error names"},
	}
	made := make([]*cobra.Command, len(commands))
	for i, c := range commands {
		made[i] = notBuilt(c.use, c.short, c.instead)
	}
	return made
}

// notBuilt is a command that answers with an error whatever it is given.
func notBuilt(use, short, instead string) *cobra.Command {
	return &cobra.Command{
		Use:                use,
		Short:              short + " (not built yet)",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, arg := range args {
				if arg == "--help" || arg == "-h" {
					return cmd.Help()
				}
			}
			return notBuiltError(cmd.CommandPath(), instead)
		},
	}
}

// notBuiltError is the answer of what this release names and does not have.
func notBuiltError(what, instead string) error {
	return &diag.Diagnostic{Severity: diag.Error, Summary: what + " is not built yet", Hint: instead}
}
