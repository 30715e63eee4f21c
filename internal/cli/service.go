package cli

import (
	"context"
	"github.com/spf13/cobra"

	"shardform/internal/apply"
	"shardform/internal/config"
	"shardform/internal/event"
	"shardform/internal/plan"
	"shardform/internal/state"
)

// service is a Scheduler on the state of a configuration, with what its tasks need.
type service struct {
	*apply.Scheduler
	app      *App
	store    state.Store
	clusters *clusters
}

// openService makes a Scheduler that does not run. Without plan files in the current folder it has ./shardform.db, and no
// operation blocks.
func (a *App) openService(ctx context.Context, path, command string, sink event.Sink) (*service, error) {
	cfg, err := a.loadIfAny(path)
	if err != nil {
		return nil, err
	}
	holder := a.holder(command)
	o := apply.SchedulerOptions{Registry: a.registry, Clock: a.clock, Sink: sink, Run: holder.Run, Who: holder, Stop: a.signals.stop, Retry: config.DefaultRetry()}
	file := defaultState
	s := &service{app: a, clusters: a.openClusters(nil)}
	if cfg != nil {
		if o.Blocks, err = plan.Blocks(ctx, plan.Inputs{Config: cfg, Registry: a.registry, Clock: a.clock, Dir: cfg.Dir}); err != nil {
			return nil, err
		}
		s.clusters = a.openClusters(cfg.Clusters)
		if len(cfg.Clusters) == 1 {
			o.Cluster = cfg.Clusters[0].Name
		}
		o.Dir, o.Hide, file = cfg.Dir, cfg.Secrets, cfg.State.Path
	}
	o.Clusters, o.Legacy = s.clusters.Cluster, s.clusters.Legacy
	s.store = state.OpenBolt(file, state.BoltOptions{})
	o.Store = s.store
	s.Scheduler, err = apply.NewScheduler(o)
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// Close lets go of clusters and state.
func (s *service) Close() error {
	return (&session{store: s.store, clusters: s.clusters}).Close()
}

// completeOperations offers the operations that may be enqueued, and then the parameters of the task.
func (a *App) completeOperations(path *string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 0 {
			s, err := a.openService(cmd.Context(), *path, "completion", nil)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			defer func() { _ = s.Close() }()
			return s.Names(), cobra.ShellCompDirectiveNoFileComp
		}
		var names []cobra.Completion
		if spec, ok := a.registry.Spec(args[0]); ok {
			for _, p := range spec.Parameters {
				names = append(names, p.Name+"=")
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}
