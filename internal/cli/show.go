package cli

import (
	"context"

	"github.com/spf13/cobra"

	"shardform/internal/diag"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/ui"
)

// showOptions are the flags of show.
type showOptions struct{ json, commands bool }

func (a *App) showCommand() *cobra.Command {
	var o showOptions
	cmd := &cobra.Command{
		Use:   "show [SAVEDPLAN]",
		Short: "Show a saved plan, or the recorded state",
		Long: `Show a saved plan as plan printed it, with a warning if it is stale or used; without a SAVEDPLAN, the recorded state.
Showing needs no secrets, and no cluster: one that cannot be reached is said so.`,
		Args: cobra.MaximumNArgs(1),
	}
	path := configFlag(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	cmd.Flags().BoolVar(&o.commands, "commands", false, "print the vtctldclient command of every step of the saved plan instead")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return a.showState(cmd.Context(), *path, o)
		}
		return a.showSaved(cmd.Context(), args[0], o)
	}
	return cmd
}

func (a *App) showSaved(ctx context.Context, path string, o showOptions) error {
	saved, err := plan.Load(path)
	if err != nil {
		return err
	}
	if o.json {
		a.json()
	}
	a.showPlan(saved.Plan, o.commands)
	store := state.OpenBolt(saved.Meta.State, state.BoltOptions{})
	defer func() { _ = store.Close() }()
	clusters := a.openClusters(saved.Plan.Clusters)
	defer func() { _ = clusters.Close() }()
	if err := saved.Check(ctx, plan.Fresh{Clusters: clusters.Reader, Recorded: store}); err != nil {
		a.warn(asWarnings(err))
	}
	return nil
}

// asWarnings are the complaints of err as warnings: showing goes on where applying would not.
func asWarnings(err error) diag.List {
	var list diag.List
	for _, d := range diag.All(err) {
		w := *d
		w.Severity = diag.Warning
		list = append(list, &w)
	}
	return list
}

func (a *App) showState(ctx context.Context, path string, o showOptions) error {
	return a.viewState(ctx, path, func(r state.Reader) error {
		ops, err := state.Managed(r)
		if err != nil {
			return err
		}
		views := []ui.OperationView{}
		for _, op := range ops {
			containers, err := r.Containers(op.ID)
			if err != nil {
				return err
			}
			views = append(views, ui.NewOperationView(op, containers))
		}
		if o.json {
			return ui.JSON(a.Out, views)
		}
		ui.Recorded(a.Out, a.outStyle(), views)
		return nil
	})
}
