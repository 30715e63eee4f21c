package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"shardform/internal/addr"
	"shardform/internal/apply"
	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/keyrange"
	"shardform/internal/state"
	"shardform/internal/ui"
)

// approveOptions are the flags of approve.
type approveOptions struct {
	digest, by, config string
	ahead              bool
}

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
ADDR nothing is approved (exit 6), and neither is, without --ahead, a step at which no apply has come to wait.

` + "`switch_rdonly`" + ` may be approved once more after somebody has switched traffic back by hand: it is then switched again. The
step ` + "`hold`" + ` of a reshard that was rolled back lets it begin again.`,
		Example: `  shardform approve keyspace.customer/-:-80,80-/switch_primary --plan 0f4a…64 digits…
  shardform approve keyspace.customer/-:-80,80-/finish --plan 0f4a… --ahead
  shardform approve keyspace.customer/-:-80,80-/create --plan 0f4a… --by "change 4711" --config plans/customer.hcl`,
		Args: exactlyOneAddress,
		RunE: func(cmd *cobra.Command, args []string) error { return a.approve(cmd.Context(), args[0], o) },
	}
	cmd.Flags().StringVar(&o.digest, "plan", "", "DIGEST of the operation, 64 hexadecimal digits (required)")
	cmd.Flags().StringVar(&o.by, "by", "", "NAME that stands with the approval: a label, not a login; default: you")
	cmd.Flags().BoolVar(&o.ahead, "ahead", false, "approve a step whose gate does not wait yet")
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
	store, cfg, err := a.openState(o.config)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	if err := approvable(ctx, step, o.config, cfg, store); err != nil {
		return err
	}
	holder := a.holder("approve " + step.String())
	by := o.by
	if by == "" {
		by = holder.User
	}
	result, err := apply.Approve(ctx, step, strings.ToLower(o.digest), by, o.ahead, apply.Options{Store: store, Clock: a.clock, Who: holder, Run: holder.Run, ConfigPath: o.config})
	if err != nil {
		return err
	}
	lines := []string{ui.Approved(result)}
	if at, ok := store.(interface{ Path() string }); ok {
		lines = append(lines, "written to the state "+at.Path())
	}
	return ui.Lines(a.Out, lines)
}

// approvable returns an error if nothing would ever read an approval of step: nothing at its address is recorded, and the
// configuration at path does not have it.
func approvable(ctx context.Context, step addr.Address, path string, cfg *config.Config, store state.Store) error {
	recorded := false
	err := store.View(ctx, func(r state.Reader) (err error) {
		_, recorded, err = r.Latest(step.Operation())
		return err
	})
	if err != nil || recorded {
		return err
	}
	d := &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("nothing would read an approval of %s", step), Address: step.String(),
		Hint: "name the step as plan shows it, and the plan file or directory with --config PATH"}
	if cfg == nil {
		d.Detail = fmt.Sprintf("%s has no plan files that can be read, and no state with such an operation; nothing was written", path)
		return d
	}
	i := slices.IndexFunc(cfg.Keyspaces, func(k config.Keyspace) bool { return k.Address.Contains(step) })
	if i < 0 {
		d.Detail = fmt.Sprintf("the plan files of %s have no such keyspace block, and its state has no such operation; nothing was written", path)
		return d
	}
	if step.Operation() == step.Block() {
		return nil // that it is not a step is said with how one looks
	}
	layout := cfg.Keyspaces[i].Shards
	segment, err := keyrange.ParseSegment(step.Operation().Last())
	if err == nil && !slices.ContainsFunc(segment.Targets, func(s keyrange.Shard) bool { return !layout.Has(s.Range) }) {
		return nil
	}
	d.Detail = fmt.Sprintf("no reshard to the layout of the plan files of %s, %s, is called %s, and the state has none; nothing was written", path, layout, step.Operation().Last())
	return d
}
