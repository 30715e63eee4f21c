package cli

import (
	"context"

	"github.com/spf13/cobra"

	"shardform/internal/addr"
	"shardform/internal/apply"
	"shardform/internal/ui"
)

func (a *App) pauseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pause ADDR",
		Short: "Stop the copying workflow of an open operation",
		Long: `Stop the copying workflow of the open reshard at ADDR, without losing what is copied, until ` + "`shardform resume ADDR`" + `.
Works beside a running apply, which then stops by itself (exit 5). Later applies leave the workflow paused. Pausing what is
paused does nothing.

ADDR is the operation (keyspace.NAME/SOURCES:TARGETS), or its keyspace where only one operation is open. Refused with
exit 6: a workflow whose reads or writes are switched or being switched, one that this state did not begin, and one that
somebody else has stopped.`,
		Example: `  shardform pause keyspace.customer
  shardform pause keyspace.customer/-:-80,80- --config plans/customer.hcl`,
		Args: exactlyOneAddress,
	}
	return a.workflowCommand(cmd, apply.Pause, ui.Paused)
}

func (a *App) resumeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resume ADDR",
		Short: "Restart the copying workflow of an open operation",
		Long: `Start the workflow that ` + "`shardform pause ADDR`" + ` has stopped; copying goes on where it was. To go on with the rest of the
operation, apply again. Resuming what runs does nothing. A workflow that somebody else has stopped is refused (exit 6), with
what was found and the command that starts it.`,
		Example: `  shardform resume keyspace.customer && shardform apply
  shardform resume keyspace.customer/-:-80,80- --config plans/customer.hcl`,
		Args: exactlyOneAddress,
	}
	return a.workflowCommand(cmd, apply.Resume, ui.Resumed)
}

// workflowCommand is a command that stops or starts a workflow.
func (a *App) workflowCommand(cmd *cobra.Command, do func(context.Context, addr.Address, apply.Options) (*apply.PauseResult, error), say func(*apply.PauseResult, string) string) *cobra.Command {
	path := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		at, err := oneAddress(args[0])
		if err != nil {
			return err
		}
		s, err := a.openSession(*path)
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		holder := a.holder(cmd.Name() + " " + at.String())
		result, err := do(cmd.Context(), at, apply.Options{Store: s.store, Clusters: s.clusters.Cluster, Clock: a.clock, Who: holder, Run: holder.Run, ConfigPath: *path})
		if err != nil {
			return err
		}
		return ui.Lines(a.Out, []string{say(result, configArgument(*path))})
	}
	return cmd
}
