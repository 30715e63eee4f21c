package cli

import (
	"context"

	"github.com/spf13/cobra"

	"shardform/internal/diag"
	"shardform/internal/event"
	"shardform/internal/serve"
	"shardform/internal/ui"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	listen              string
	cert, key, clientCA string
	insecure, json      bool
}

func (a *App) serveCommand() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve [PATH] --listen HOST:PORT",
		Short: "Serve the Automation gRPC service",
		Long: `Serve automationservice.Automation, the service of the Vitess automation package: its clients work unchanged. Operations
that may be enqueued are HorizontalReshardingTask, VerticalSplitTask and each operation block of the plan files, under its
label. They run one after another, in the order in which they came, from the state that apply uses: a server that was
killed goes on by itself when it is started again, and lists what was done before. What it cannot know to be safe to run
again, such as a shell task that was in flight, ends its operation with an error that says so.

It holds the run lock while an operation runs; between operations, and beside it, the other commands work. Reflection
(grpcurl) and the standard health service are there.

It listens on loopback. Any other address needs TLS and certificates of the clients, or --insecure: whoever reaches the
service can run operations.

One SIGINT, SIGTERM or SIGHUP stops after the current safe point (exit 5 if operations are left, else 0); a second also ends
waiting and shell tasks.`,
		Example: `  shardform serve
  shardform serve plans --listen 127.0.0.1:15400
  shardform serve --listen :15400 --tls-cert server.pem --tls-key server.key --tls-client-ca ca.pem
  automation_client --server localhost:15400 --task HorizontalReshardingTask --param keyspace=customer …`,
		Args: atMostOnePath,
		RunE: func(cmd *cobra.Command, args []string) error { return a.serve(cmd.Context(), pathOf(args), o) },
	}
	cmd.Flags().StringVar(&o.listen, "listen", "127.0.0.1:15400", "HOST:PORT to listen on; port 0 takes a free one")
	cmd.Flags().StringVar(&o.cert, "tls-cert", "", "FILE: the server's certificate (PEM)")
	cmd.Flags().StringVar(&o.key, "tls-key", "", "FILE: its key (PEM)")
	cmd.Flags().StringVar(&o.clientCA, "tls-client-ca", "", "FILE: let in clients with a certificate of this authority only (PEM)")
	cmd.Flags().BoolVar(&o.insecure, "insecure", false, "listen on any address without TLS or certificates of clients")
	cmd.Flags().BoolVar(&o.json, "json", false, "print a JSON stream, one object a line, instead of the log")
	return cmd
}

func (a *App) serve(ctx context.Context, path string, o serveOptions) error {
	log := ui.NewServiceLog(a.Err, a.clock.Now)
	sink, say := event.Sink(log.Event), log.Line
	if o.json {
		stream := a.json()
		sink, say = stream.Event, stream.Log
	}
	tls, err := serve.NewTLS(o.cert, o.key, o.clientCA)
	if err != nil {
		return err
	}
	a.signals.finishAtFirst()
	s, err := a.openService(ctx, path, "serve "+path, sink)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	listener, err := serve.Listen(ctx, o.listen, tls, o.insecure)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	server, err := serve.New(s.Scheduler, tls)
	if err != nil {
		return err
	}
	before, err := s.Unfinished(ctx)
	if err != nil {
		return err
	}
	a.signals.changing()
	if err := s.Run(ctx); err != nil {
		return err
	}
	if before > 0 {
		say("going on with " + ui.Plural(before, "unfinished operation"))
	}
	say("serving automationservice.Automation on " + listener.Addr().String())
	if err := server.Serve(listener, a.signals.stop); err != nil {
		return err
	}
	left, err := s.Unfinished(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	if left > 0 {
		say("stopped with " + ui.Plural(left, "operation") + " left; the next start goes on there")
		return exitCode(diag.ExitStopped)
	}
	say("stopped; no operation is left")
	return nil
}
