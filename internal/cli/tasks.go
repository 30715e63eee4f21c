package cli

import (
	"github.com/spf13/cobra"

	"shardform/internal/diag"
	"shardform/internal/ui"
)

func (a *App) tasksCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "tasks [NAME]",
		Short: "List the tasks, or document one",
		Long:  "List the tasks that plan files may name and those that keyspace blocks expand into; with NAME, document one with its parameters.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				if asJSON {
					return ui.JSON(a.Out, ui.TaskDocs(a.registry.Specs()))
				}
				ui.TaskList(a.Out, a.outStyle(), a.registry.Specs())
				return nil
			}
			spec, ok := a.registry.Spec(args[0])
			if !ok {
				return &diag.Diagnostic{Severity: diag.Error, Summary: "there is no task " + args[0], Hint: "`shardform tasks` lists them"}
			}
			if asJSON {
				return ui.JSON(a.Out, ui.NewTaskDoc(spec))
			}
			ui.TaskDocumentation(a.Out, a.outStyle(), spec)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
