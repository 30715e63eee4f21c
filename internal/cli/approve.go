package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"shardform/internal/apply"
	"shardform/internal/diag"
	"shardform/internal/ui"
)

// approveOptions are the flags of approve.
type approveOptions struct{ digest, by, config string }

func (a *App) approveCommand() *cobra.Command {
	var o approveOptions
	cmd := &cobra.Command{
		Use:   "approve ADDR --plan DIGEST",
		Short: "Open an approval gate",
		Long: `Approve one step of exactly one operation. ADDR is the step as plan shows it (keyspace.NAME/SOURCES:TARGETS/STEP) or the
` + "`approve`" + ` task in it; DIGEST is the operation's digest, which plan shows above its steps. apply prints the whole command
when it gets to the gate, and exits 4; after the approval the same apply goes on.

An approval counts for that digest alone: once the plan files ask for something else of the operation, it opens nothing. It
counts once: the same reshard, begun anew after it was finished or rolled back, asks again.
Works at any moment, also while an apply is running, and needs neither a lock nor a cluster. Where another digest is open at
ADDR nothing is approved (exit 6).

` + "`switch_rdonly`" + ` may be approved once more after somebody has switched traffic back by hand: it is then switched again. The
step ` + "`hold`" + ` of a reshard that was rolled back lets it begin again.`,
		Example: `  shardform approve keyspace.customer/-:-80,80-/switch_primary --plan 0f4a…64 digits…
  shardform approve keyspace.customer/-:-80,80-/create --plan 0f4a… --by "change 4711" --config plans/customer.hcl`,
		Args: exactlyOneAddress,
		RunE: func(cmd *cobra.Command, args []string) error { return a.approve(cmd.Context(), args[0], o) },
	}
	cmd.Flags().StringVar(&o.digest, "plan", "", "DIGEST of the operation, 64 hexadecimal digits (required)")
	cmd.Flags().StringVar(&o.by, "by", "", "NAME that stands with the approval: a label, not a login; default: you")
	cmd.Flags().StringVar(&o.config, "config", ".", "PATH: the plan file or folder whose state to use")
	return cmd
}

func (a *App) approve(ctx context.Context, at string, o approveOptions) error {
	step, err := oneAddress(at)
	if err != nil {
		return err
	}
	if o.digest == "" {
		return &diag.Diagnostic{Severity: diag.Error, Summary: "approve needs --plan DIGEST", Hint: "plan shows the operation's digest above its steps; apply prints the whole command when it waits"}
	}
	store, _, err := a.openState(o.config)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	holder := a.holder("approve " + step.String())
	by := o.by
	if by == "" {
		by = holder.User
	}
	result, err := apply.Approve(ctx, step, strings.ToLower(o.digest), by, apply.Options{Store: store, Clock: a.clock, Who: holder, Run: holder.Run, ConfigPath: o.config})
	if err != nil {
		return err
	}
	return ui.Lines(a.Out, []string{ui.Approved(result)})
}
