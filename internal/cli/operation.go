package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"shardform/internal/apply"
	"shardform/internal/diag"
	"shardform/internal/diag/spell"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/serve"
	"shardform/internal/state"
	"shardform/internal/ui"
	"shardform/internal/vitess"
)

// serverOptions are the flags that say whom a command about operations asks.
type serverOptions struct {
	server string
	tls    vitess.TLS
	config *string
	json   bool
}

func (o *serverOptions) addTo(cmd *cobra.Command) {
	o.config = configFlag(cmd)
	cmd.Flags().StringVar(&o.server, "server", "", "HOST:PORT of a shardform serve; without it the local state is used")
	cmd.Flags().StringVar(&o.tls.CA, "tls-ca", "", "FILE: what the server's certificate has to be signed by (PEM); turns TLS on")
	cmd.Flags().StringVar(&o.tls.Cert, "tls-cert", "", "FILE: the client's certificate (PEM); turns TLS on")
	cmd.Flags().StringVar(&o.tls.Key, "tls-key", "", "FILE: its key (PEM)")
	cmd.Flags().StringVar(&o.tls.ServerName, "tls-server-name", "", "NAME in the server's certificate, if it is not the host of --server")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	cmd.MarkFlagsMutuallyExclusive("server", "config")
}

// flags are those that name the server, or the configuration, again: for commands that are shown.
func (o *serverOptions) flags() string {
	if o.server == "" {
		if *o.config == "" || *o.config == "." {
			return ""
		}
		return " --config " + spell.ShellWord(*o.config)
	}
	text := " --server " + spell.ShellWord(o.server)
	for _, flag := range []struct{ name, value string }{{"tls-ca", o.tls.CA}, {"tls-cert", o.tls.Cert}, {"tls-key", o.tls.Key}, {"tls-server-name", o.tls.ServerName}} {
		if flag.value != "" {
			text += " --" + flag.name + " " + spell.ShellWord(flag.value)
		}
	}
	return text
}

// dial connects to the server that was named.
func (o *serverOptions) dial() (*serve.Client, error) {
	if o.tls == (vitess.TLS{}) {
		return serve.Dial(o.server, nil)
	}
	return serve.Dial(o.server, &o.tls)
}

func (a *App) operationCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "operation",
		Short: "Enqueue, list and show operations",
		Long: `Enqueue, list and show operations: on a server (--server HOST:PORT), which runs them one after another, or on the local
state, where enqueue runs the operation in the foreground.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.operationEnqueueCommand(), a.operationListCommand(), a.operationShowCommand())
	return cmd
}

func (a *App) operationListCommand() *cobra.Command {
	var o serverOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List operations: id, name, state, error",
		Long: `List the operations in the order in which they came, one a line: id, name, state (NOT_STARTED, RUNNING, DONE) and error,
with tabs between. Those that an apply ran are in the list too; one of a keyspace has its address as name.`,
		Example: `  shardform operation list
  shardform operation list --server localhost:15400 | awk -F'\t' '$3 != "DONE"'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listOperations(cmd.Context(), o) },
	}
	o.addTo(cmd)
	return cmd
}

func (a *App) listOperations(ctx context.Context, o serverOptions) error {
	var list []*automationpb.ClusterOperationSummary
	if o.server != "" {
		client, err := o.dial()
		if err != nil {
			return err
		}
		defer func() { _ = client.Close() }()
		if list, err = client.List(ctx); err != nil {
			return err
		}
	} else if err := a.viewState(ctx, *o.config, func(r state.Reader) error {
		ops, err := r.Operations()
		for _, op := range ops {
			list = append(list, state.OperationSummary(op))
		}
		return err
	}); err != nil {
		return err
	}
	views := []ui.SummaryView{}
	for _, s := range list {
		views = append(views, ui.NewSummaryView(s))
	}
	if o.json {
		return ui.JSON(a.Out, views)
	}
	return ui.Summaries(a.Out, views)
}

func (a *App) operationShowCommand() *cobra.Command {
	var o serverOptions
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show an operation with its tasks",
		Example: `  shardform operation show 3
  shardform operation show 3 --json --server localhost:15400`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.showOperation(cmd.Context(), args[0], o) },
	}
	o.addTo(cmd)
	return cmd
}

func (a *App) showOperation(ctx context.Context, id string, o serverOptions) error {
	var op *automationpb.ClusterOperation
	var err error
	if o.server != "" {
		var client *serve.Client
		if client, err = o.dial(); err != nil {
			return err
		}
		defer func() { _ = client.Close() }()
		op, err = client.Details(ctx, id)
	} else {
		op, err = a.localDetails(ctx, id, *o.config)
	}
	if err != nil {
		return err
	}
	view := ui.NewDetailsView(op)
	if o.json {
		return ui.JSON(a.Out, view)
	}
	ui.Details(a.Out, a.outStyle(), view)
	return nil
}

// localDetails are an operation's as the state has them.
func (a *App) localDetails(ctx context.Context, id, path string) (*automationpb.ClusterOperation, error) {
	store, _, err := a.openState(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = store.Close() }()
	scheduler, err := apply.NewScheduler(apply.SchedulerOptions{Store: store, Registry: a.registry, Clock: a.clock})
	if err != nil {
		return nil, err
	}
	r, err := scheduler.GetClusterOperationDetails(ctx, &automationpb.GetClusterOperationDetailsRequest{Id: id})
	if err != nil {
		return nil, err
	}
	return r.ClusterOp, nil
}

// pollEvery is how often a client that waits for an operation asks how far it is.
const pollEvery = 500 * time.Millisecond

// await asks a server until the operation has ended.
func (a *App) await(ctx context.Context, client *serve.Client, id string, o serverOptions) (*automationpb.ClusterOperation, error) {
	for {
		s, err := client.State(ctx, id)
		switch {
		case diag.IsTemporary(err): // it may be starting again
		case err != nil:
			return nil, err
		case s == automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE:
			return client.Details(ctx, id)
		}
		if a.clock.Sleep(ctx, a.signals.stop, pollEvery) != nil {
			return nil, &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("stopped waiting for operation %s", id), Exit: diag.ExitStopped,
				Detail: "the server continues it", Hint: "look at it with: shardform operation show " + id + o.flags()}
		}
	}
}
