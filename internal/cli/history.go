package cli

import (
	"github.com/spf13/cobra"

	"shardform/internal/diag"
	"shardform/internal/state"
	"shardform/internal/ui"
)

func (a *App) historyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history [RUN]",
		Short: "List the runs, or everything that happened in one",
		Long:  "List the runs recorded in the ledger: who ran which plan when and how it ended. With RUN: every transition of that run.",
		Args:  cobra.MaximumNArgs(1),
	}
	return a.stateView(cmd, func(r state.Reader, args []string, asJSON bool) error {
		runs, err := r.Runs()
		if err != nil {
			return err
		}
		if len(args) == 0 {
			if asJSON {
				return ui.JSON(a.Out, ui.List(runs))
			}
			ui.Runs(a.Out, runs)
			return nil
		}
		entries, err := r.Ledger(args[0])
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return &diag.Diagnostic{Severity: diag.Error, Summary: "no run " + args[0] + " is recorded", Hint: "`shardform history` lists the runs"}
		}
		if asJSON {
			return ui.JSON(a.Out, entries)
		}
		ui.Ledger(a.Out, entries)
		return nil
	})
}
