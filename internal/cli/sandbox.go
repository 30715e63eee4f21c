package cli

import (
	"context"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/sandbox"
	"shardform/internal/sandbox/sandboxspec"
	"shardform/internal/ui"
)

func (a *App) sandboxCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Work with the embedded cluster",
		Long:  "Work with the embedded cluster that a `sandbox` block describes: SQLite files with real rows behind the vtctld gRPC service.",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.sandboxServeCommand(), a.sandboxRowsCommand(), a.sandboxResetCommand())
	return cmd
}

// sandboxOf reads the configuration at path and finds its sandbox; cluster chooses where there are several.
func (a *App) sandboxOf(path, cluster string) (sandboxspec.Sandbox, error) {
	cfg, err := a.load(path)
	if err != nil {
		return sandboxspec.Sandbox{}, err
	}
	var found []config.Cluster
	for _, c := range cfg.Clusters {
		if c.Sandbox != nil && (cluster == "" || c.Name == cluster) {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		return sandboxspec.Sandbox{}, &diag.Diagnostic{Severity: diag.Error, Summary: "no single sandbox to work with",
			Detail: fmt.Sprintf("%s has %d cluster blocks with a sandbox that fit, expected one", path, len(found)),
			Hint:   "name one with --cluster NAME, or give a PATH whose plan files declare a sandbox"}
	}
	return *found[0].Sandbox, nil
}

// openSandbox opens a sandbox, which this process serves if no other does.
func (a *App) openSandbox(ctx context.Context, spec sandboxspec.Sandbox) (*sandbox.Cluster, error) {
	return sandbox.Open(ctx, spec, sandbox.Options{Now: a.clock.Now, Logger: a.log})
}

func (a *App) sandboxServeCommand() *cobra.Command {
	var listen, cluster string
	cmd := &cobra.Command{
		Use:   "serve [PATH] --listen HOST:PORT",
		Short: "Serve the sandbox to vtctldclient and other Vitess clients",
		Long: `Serve the sandbox's vtctld gRPC service on a TCP address until interrupted, for vtctldclient and other Vitess clients.
Works beside a running apply. The service has no authentication: listen on loopback.`,
		Args: atMostOnePath,
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := a.sandboxOf(pathOf(args), cluster)
			if err != nil {
				return err
			}
			return a.serveSandbox(cmd.Context(), spec, listen)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:15999", "HOST:PORT to listen on; port 0 takes a free one")
	cmd.Flags().StringVar(&cluster, "cluster", "", "NAME of the cluster block, where there are several sandboxes")
	return cmd
}

func (a *App) serveSandbox(ctx context.Context, spec sandboxspec.Sandbox, listen string) error {
	box, err := a.openSandbox(ctx, spec)
	if err != nil {
		return err
	}
	defer func() { _ = box.Close() }()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return &diag.Diagnostic{Severity: diag.Error, Summary: "cannot listen on " + listen, Detail: err.Error(), Hint: "give another --listen HOST:PORT", Cause: err}
	}
	_, _ = fmt.Fprintf(a.Err, "the sandbox in %s answers on %s; try: vtctldclient --server %s GetKeyspaces\n", spec.Path, listener.Addr(), listener.Addr())
	if err := box.Serve(ctx, listener); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

func (a *App) sandboxRowsCommand() *cobra.Command {
	var asJSON bool
	var cluster string
	cmd := &cobra.Command{
		Use:   "rows [PATH]",
		Short: "Count the rows of every shard",
		Args:  atMostOnePath,
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := a.sandboxOf(pathOf(args), cluster)
			if err != nil {
				return err
			}
			box, err := a.openSandbox(cmd.Context(), spec)
			if err != nil {
				return err
			}
			defer func() { _ = box.Close() }()
			rows, err := box.Rows(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return ui.JSON(a.Out, rows)
			}
			tables := make([]ui.TableRows, len(rows))
			for i, r := range rows {
				tables[i] = ui.TableRows{Keyspace: r.Keyspace, Shard: r.Shard, Table: r.Table, Rows: r.Rows, Serving: r.Serving}
			}
			ui.Rows(a.Out, a.outStyle(), tables)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&cluster, "cluster", "", "NAME of the cluster block, where there are several sandboxes")
	return cmd
}

func (a *App) sandboxResetCommand() *cobra.Command {
	var cluster string
	cmd := &cobra.Command{
		Use:   "reset [PATH]",
		Short: "Delete the sandbox and seed it anew, without asking",
		Args:  atMostOnePath,
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := a.sandboxOf(pathOf(args), cluster)
			if err != nil {
				return err
			}
			if err := sandbox.Reset(cmd.Context(), spec); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.Err, "seeded %s anew\n", spec.Path)
			return err
		},
	}
	cmd.Flags().StringVar(&cluster, "cluster", "", "NAME of the cluster block, where there are several sandboxes")
	return cmd
}
