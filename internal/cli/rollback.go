package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/diag/spell"
)

func (a *App) rollbackCommand() *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use:   "rollback ADDR",
		Short: "Take an open reshard back, whatever layout the plan files want",
		Long: `Plan the way back of the open operation at ADDR, ask, and run it: reads are switched back first, then writes, then the
workflow is deleted with what it copied. Which of these are needed is decided by what the cluster shows; the plan says so
before anything is asked. An interrupted switch of writes is finished in its own direction first.

ADDR is the operation (keyspace.NAME/SOURCES:TARGETS), or its keyspace where only one operation is open. The plan files
stay as they are, and would begin the reshard again; so it is held: it begins again when its layout is edited, or when
somebody approves its step ` + "`hold`" + `, for which the next apply prints the command.

A reshard that has finished has no way back but a new one the other way. One that this state neither started nor adopted
is refused: --adopt ADDR says that it is yours to undo. Without a terminal, and without --auto-approve, the plan is printed
and the exit code is 6. A rollback that was interrupted goes on with the same command, or with apply.`,
		Example: `  shardform rollback keyspace.customer                          # the one reshard that is open there; asks
  shardform rollback keyspace.customer/-:-80,80- --auto-approve
  shardform rollback keyspace.customer --config plans/customer.hcl`,
		Args: exactlyOneAddress,
	}
	path := configFlag(cmd)
	o.addTo(cmd)
	o.addAdopt(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.rollback(cmd.Context(), args[0], *path, o)
	}
	return cmd
}

func (a *App) rollback(ctx context.Context, at, path string, o applyOptions) error {
	if err := a.prepareToRun(o); err != nil {
		return err
	}
	var err error
	if o.rollback, err = oneAddress(at); err != nil {
		return err
	}
	s, err := a.openSession(path)
	if err != nil {
		return err
	}
	run := &applyRun{session: s, options: o, again: "shardform rollback " + spell.ShellWord(at) + configArgument(path), holder: a.holder("rollback " + at)}
	return run.carryOut(ctx)
}

// configArgument is --config as it has to stand in a command for this path.
func configArgument(path string) string {
	if path == "." {
		return ""
	}
	return " --config " + spell.ShellWord(path)
}

// exactlyOneAddress is the argument check of commands that take ADDR.
func exactlyOneAddress(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("%s takes one address", cmd.CommandPath()),
			Detail: fmt.Sprintf("found %d arguments", len(args)), Hint: "see " + cmd.CommandPath() + " --help; `shardform status` and `shardform plan` show the addresses"}
	}
	return nil
}

// oneAddress parses the ADDR argument.
func oneAddress(text string) (addr.Address, error) {
	parsed, err := addresses("ADDR", []string{text})
	if err != nil {
		return addr.Address{}, err
	}
	return parsed[0], nil
}
