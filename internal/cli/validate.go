package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"shardform/internal/ui"
)

func (a *App) validateCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "validate [PATH]",
		Short: "Check plan files, offline",
		Long: `Check plan files: syntax, blocks, types, layouts, tasks and their parameters, dependencies. Works offline and
reports everything at once. PATH is a folder or one file; default the current folder.`,
		Args: atMostOnePath,
		RunE: func(_ *cobra.Command, args []string) error { return a.validate(pathOf(args), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func (a *App) validate(path string, asJSON bool) error {
	options, err := a.configOptions()
	if err != nil {
		return err
	}
	_, complaints, err := a.read(path, options)
	if err != nil {
		return err
	}
	if asJSON {
		if err := ui.JSONLine(a.Out, ui.ValidateResult(complaints)); err != nil {
			return err
		}
		if complaints.HasErrors() {
			return exitCode(1)
		}
		return nil
	}
	if err := complaints.Err(); err != nil {
		return err
	}
	a.warn(complaints)
	_, err = fmt.Fprintln(a.Out, a.outStyle().Green("Success!")+" The configuration is valid.")
	return err
}
