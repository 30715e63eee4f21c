package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"shardform/internal/addr"
	"shardform/internal/apply"
	"shardform/internal/event"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/ui"
)

// statusOptions are the flags of status.
type statusOptions struct{ watch, json bool }

func (a *App) statusCommand() *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how far the recorded operations are",
		Long: `Show how far the recorded operations are: steps from the state; rows, rate, lag and ETA asked from the cluster, now.
Works at any moment, also while an apply is running elsewhere. What waits at a gate says what for, until when, and which
command opens it.`,
		Example: `  shardform status
  shardform status --watch --config plans/customer.hcl
  shardform status --watch --json | jq -c '.operations[] | {address, live}'`,
		Args: cobra.NoArgs,
	}
	path := configFlag(cmd)
	cmd.Flags().BoolVar(&o.watch, "watch", false, "repeat every two seconds until everything has ended or you interrupt")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON; with --watch one object a line")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context(), *path, o) }
	return cmd
}

const (
	watchEvery = 2 * time.Second
	// A copy that is seen for the first time is looked at once more and again, to tell its rate where that can be told so
	// soon.
	samples     = 2
	sampleEvery = 300 * time.Millisecond
)

func (a *App) status(ctx context.Context, path string, o statusOptions) error {
	store, cfg, err := a.openState(path)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	s := &session{app: a, cfg: cfg, store: store, clusters: a.openClusters(nil)}
	if cfg != nil {
		s.clusters = a.openClusters(cfg.Clusters)
	}
	defer func() { _ = s.clusters.Close() }()
	meters := map[addr.Address]*event.Meter{}
	for first := true; ; first = false {
		view, open, err := s.readStatus(ctx, meters)
		if err != nil {
			return err
		}
		view.Config = configArgument(path)
		if !o.json && !first {
			_, _ = fmt.Fprintf(a.Out, "\n%s\n", a.clock.Now().UTC().Format("2006-01-02 15:04:05 UTC"))
		}
		switch {
		case o.json && o.watch:
			err = ui.JSONLine(a.Out, view)
		case o.json:
			err = ui.JSON(a.Out, view)
		default:
			err = ui.Status(a.Out, a.outStyle(), view)
		}
		if err != nil || !o.watch || !open {
			return err
		}
		if err := a.clock.Sleep(ctx, a.signals.stop, watchEvery); err != nil {
			return nil // interrupted: that is how watching ends
		}
	}
}

// readStatus reads every managed operation; open says that one has not ended. meters have the readings of the clusters
// before this one, and get the new ones.
func (s *session) readStatus(ctx context.Context, meters map[addr.Address]*event.Meter) (view ui.StatusView, open bool, err error) {
	var ops []state.Operation
	containers, opened := map[state.OperationID][]state.Container{}, map[state.OperationID]string{}
	err = s.store.View(ctx, func(r state.Reader) error {
		if ops, err = state.Managed(r); err != nil {
			return err
		}
		for _, op := range ops {
			if containers[op.ID], err = r.Containers(op.ID); err != nil {
				return err
			}
			if opened[op.ID], err = apply.Opened(r, op, s.app.clock.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return view, false, err
	}
	view.Alerts, view.Operations = []string{}, []ui.OperationStatus{}
	if s.cfg != nil {
		alerts, err := plan.StoppedWrites(ctx, s.cfg, s.clusters.Reader)
		if err != nil {
			view.AlertError = err.Error()
		}
		view.Alerts = append(view.Alerts, alerts...)
	}
	for _, op := range ops {
		status := ui.NewOperationStatus(op, containers[op.ID])
		if status.Waiting != nil {
			status.Waiting.Open = opened[op.ID]
		}
		if op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE {
			open = true
			s.addLive(ctx, op, &status, meters)
		}
		view.Operations = append(view.Operations, status)
	}
	return view, open, nil
}

// addLive asks the cluster how far an open reshard is. A cluster that cannot be asked is said so, and no error: the
// steps are shown all the same.
func (s *session) addLive(ctx context.Context, op state.Operation, status *ui.OperationStatus, meters map[addr.Address]*event.Meter) {
	if op.Cluster == "" || s.cfg == nil {
		return
	}
	now, ok, err := s.observeLive(ctx, op)
	if err != nil {
		status.LiveError = err.Error()
		return
	}
	if !ok {
		return
	}
	meter, seen := meters[op.Address]
	if !seen {
		meter = &event.Meter{}
		meters[op.Address] = meter
	}
	measured := meter.Measure(now.At, now.RowsCopied, now.RowsTotal)
	for i := 0; i < samples && !seen && now.Copying() && s.app.clock.Sleep(ctx, s.app.signals.stop, sampleEvery) == nil; i++ {
		later, ok, err := s.observeLive(ctx, op)
		if err != nil || !ok {
			break
		}
		now, measured = later, meter.Measure(later.At, later.RowsCopied, later.RowsTotal)
	}
	status.Live = ui.NewLiveView(now, measured)
}

func (s *session) observeLive(ctx context.Context, op state.Operation) (plan.Live, bool, error) {
	reader, err := s.clusters.Reader(ctx, op.Cluster)
	if err != nil {
		return plan.Live{}, false, err
	}
	return plan.ObserveLive(ctx, reader, op.Address, op.Keyspace, s.app.clock.Now())
}
