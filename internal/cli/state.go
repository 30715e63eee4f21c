package cli

import (
	"context"

	"github.com/spf13/cobra"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/state"
	"shardform/internal/ui"
)

func (a *App) stateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "Inspect the recorded state",
		Long:  "Inspect the recorded state. Works at any moment, also while an apply is running.",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.stateListCommand(), a.stateShowCommand(), a.statePullCommand(),
		notBuilt("push", "Replace the state", "copy the state file while nothing runs"),
		notBuilt("mv ADDR ADDR", "Rename an address in the state", "nothing of a keyspace is lost with the old address: it is observed again"),
		notBuilt("rm ADDR", "Forget an address", "take its block out of the plan files and apply: it is forgotten then"))
	return cmd
}

// stateView is a command that reads the state.
func (a *App) stateView(cmd *cobra.Command, run func(r state.Reader, args []string, asJSON bool) error) *cobra.Command {
	path := configFlag(cmd)
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.viewState(cmd.Context(), *path, func(r state.Reader) error { return run(r, args, *asJSON) })
	}
	return cmd
}

func (a *App) viewState(ctx context.Context, path string, run func(r state.Reader) error) error {
	store, _, err := a.openState(path)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	return store.View(ctx, run)
}

func (a *App) stateListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list [ADDR...]",
		Short: "List the recorded tasks, one address a line",
		Long:  "List the addresses of the recorded tasks of every operation's newest instance, one a line. ADDR narrows the list down.",
	}
	return a.stateView(cmd, func(r state.Reader, args []string, asJSON bool) error {
		within, err := addresses("ADDR", args)
		if err != nil {
			return err
		}
		ops, err := state.Managed(r)
		if err != nil {
			return err
		}
		var tasks []state.Task
		for _, op := range ops {
			containers, err := r.Containers(op.ID)
			if err != nil {
				return err
			}
			for _, c := range containers {
				tasks = append(tasks, keep(c.Tasks, within)...)
			}
		}
		if asJSON {
			return ui.JSON(a.Out, ui.TaskAddresses(tasks))
		}
		return ui.Lines(a.Out, ui.TaskAddresses(tasks))
	})
}

// keep are the tasks that lie within one of the addresses; all of them if there are none.
func keep(tasks []state.Task, within []addr.Address) []state.Task {
	if len(within) == 0 {
		return tasks
	}
	var kept []state.Task
	for _, t := range tasks {
		for _, w := range within {
			if w.Contains(t.Address) {
				kept = append(kept, t)
				break
			}
		}
	}
	return kept
}

func (a *App) stateShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show ADDR",
		Short: "Show a recorded operation, container or task",
		Args:  cobra.ExactArgs(1),
	}
	return a.stateView(cmd, func(r state.Reader, args []string, asJSON bool) error {
		parsed, err := addresses("ADDR", args)
		if err != nil {
			return err
		}
		found, err := lookupState(r, parsed[0])
		if err != nil {
			return err
		}
		if asJSON {
			return ui.JSON(a.Out, found)
		}
		ui.Recorded(a.Out, a.outStyle(), found)
		return nil
	})
}

// lookupState finds what is recorded at an address, in the newest instance of its operation.
func lookupState(r state.Reader, at addr.Address) (any, error) {
	missing := &diag.Diagnostic{Severity: diag.Error, Summary: "nothing is recorded at " + at.String(), Hint: "`shardform state list` shows what is"}
	if at.Level() == addr.LevelTask {
		task, ok, err := r.Task(at)
		if err == nil && !ok {
			err = missing
		}
		return ui.NewTaskView(task), err
	}
	ops, err := state.Managed(r)
	if err != nil {
		return nil, err
	}
	var found []ui.OperationView
	for _, op := range ops {
		if op.Address != at && !at.Contains(op.Address) && op.Address != at.Operation() {
			continue
		}
		containers, err := r.Containers(op.ID)
		if err != nil {
			return nil, err
		}
		if at.Level() == addr.LevelContainer {
			for _, c := range containers {
				if c.Address == at {
					return ui.NewContainerView(c), nil
				}
			}
			continue
		}
		found = append(found, ui.NewOperationView(op, containers))
	}
	switch len(found) {
	case 0:
		return nil, missing
	case 1:
		return found[0], nil
	}
	return found, nil
}

func (a *App) statePullCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pull",
		Short: "Print the whole state as JSON",
		Args:  cobra.NoArgs,
	}
	return a.stateView(cmd, func(r state.Reader, _ []string, _ bool) error {
		view, err := ui.NewStateView(r)
		if err != nil {
			return err
		}
		return ui.JSON(a.Out, view)
	})
}
