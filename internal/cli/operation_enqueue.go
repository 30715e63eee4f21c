package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"shardform/internal/apply"
	"shardform/internal/diag"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/ui"
)

// enqueueOptions are the flags of operation enqueue.
type enqueueOptions struct {
	serverOptions
	wait bool
}

func (a *App) operationEnqueueCommand() *cobra.Command {
	var o enqueueOptions
	cmd := &cobra.Command{
		Use:   "enqueue NAME [PARAMETER=VALUE...]",
		Short: "Enqueue an operation on a server, or run it here",
		Long: `Enqueue an operation and print its id. NAME is HorizontalReshardingTask, VerticalSplitTask, or the label of an operation
block of the plan files, which takes no parameters.

With --server the server runs it, behind those that came before; --wait waits for its end (exit 1 if it failed). Without
a server it is put into the local state and run in the foreground, after the unfinished ones that came before it. What is
interrupted stays in the state: the next enqueue, or serve, goes on with it.`,
		Example: `  shardform operation enqueue nightly
  shardform operation enqueue nightly --server localhost:15400 --wait
  shardform operation enqueue HorizontalReshardingTask keyspace=customer source_shard_list=- dest_shard_list=-80,80- \
    vtctld_endpoint=vtctld:15999 vtworker_endpoint=vtworker:15033 --server localhost:15400`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			parameters, err := parameters(args[1:])
			if err != nil {
				return err
			}
			if o.server != "" {
				return a.enqueueAt(cmd.Context(), args[0], parameters, o)
			}
			return a.enqueueHere(cmd.Context(), args[0], parameters, o)
		},
	}
	o.addTo(cmd)
	cmd.Flags().BoolVar(&o.wait, "wait", false, "wait until the server has done it")
	cmd.ValidArgsFunction = a.completeOperations(o.config)
	return cmd
}

// parameters reads arguments of the form NAME=VALUE.
func parameters(args []string) (map[string]string, error) {
	read := map[string]string{}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if _, twice := read[name]; !ok || name == "" || twice {
			return nil, &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("%q is no parameter", arg), Detail: "expected NAME=VALUE, each name once", Hint: "`shardform tasks NAME` documents the parameters of a task"}
		}
		read[name] = value
	}
	return read, nil
}

func (a *App) enqueueAt(ctx context.Context, name string, parameters map[string]string, o enqueueOptions) error {
	client, err := o.dial()
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	id, err := client.Enqueue(ctx, name, parameters)
	if err != nil {
		return err
	}
	if !o.wait {
		return a.enqueued(&automationpb.ClusterOperationSummary{Id: id, Name: name, State: automationpb.ClusterOperationState_CLUSTER_OPERATION_NOT_STARTED}, o.json)
	}
	op, err := a.await(ctx, client, id, o.serverOptions)
	if err != nil {
		return err
	}
	return a.ended(name, op, o.serverOptions)
}

func (a *App) enqueueHere(ctx context.Context, name string, parameters map[string]string, o enqueueOptions) error {
	a.signals.finishAtFirst()
	sink, done := a.progress()
	s, err := a.openService(ctx, *o.config, "operation enqueue "+name, sink)
	if err != nil {
		return errors.Join(err, done())
	}
	defer func() { _ = s.Close() }()
	a.signals.changing()
	id, err := s.RunOne(ctx, &automationpb.EnqueueClusterOperationRequest{Name: name, Parameters: parameters})
	err = errors.Join(err, done())
	var refused *apply.RequestError
	if errors.As(err, &refused) && refused.Reason == apply.UnknownOperation {
		return &diag.Diagnostic{Severity: diag.Error, Summary: err.Error(), Hint: "those that may be enqueued: " + strings.Join(s.Names(), ", "), Cause: err}
	}
	if err != nil {
		return err
	}
	r, err := s.GetClusterOperationDetails(context.WithoutCancel(ctx), &automationpb.GetClusterOperationDetailsRequest{Id: id})
	if err != nil {
		return err
	}
	return a.ended(name, r.ClusterOp, o.serverOptions)
}

// enqueued prints an operation's id, or all of it.
func (a *App) enqueued(s *automationpb.ClusterOperationSummary, asJSON bool) error {
	if asJSON {
		return ui.JSON(a.Out, ui.NewSummaryView(s))
	}
	return ui.Lines(a.Out, []string{s.Id})
}

// ended prints an operation that was waited for, and fails where it did.
func (a *App) ended(name string, op *automationpb.ClusterOperation, o serverOptions) error {
	if err := a.enqueued(&automationpb.ClusterOperationSummary{Id: op.Id, Name: name, State: op.State, Error: op.Error}, o.json); err != nil {
		return err
	}
	switch {
	case op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE:
		return &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("operation %s (%s) is not done", op.Id, name), Exit: diag.ExitStopped,
			Detail: "it was stopped on request, and stays in the state", Hint: "shardform serve, or the next operation enqueue, goes on with it"}
	case op.Error != "":
		return &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("operation %s (%s) failed", op.Id, name), Detail: op.Error,
			Hint: "see shardform operation show " + op.Id + o.flags()}
	}
	return nil
}
