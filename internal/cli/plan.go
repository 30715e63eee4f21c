package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"shardform/internal/diag"
	"shardform/internal/diag/spell"
	"shardform/internal/plan"
	"shardform/internal/ui"
)

// planOptions are the flags of plan.
type planOptions struct {
	selection
	out              string
	json             bool
	markdown         bool
	commands         bool
	detailedExitCode bool
}

func (a *App) planCommand() *cobra.Command {
	var o planOptions
	cmd := &cobra.Command{
		Use:   "plan [PATH]",
		Short: "Show what apply would do",
		Long: `Read plan files, cluster and state and show what apply would do. Changes nothing and creates no state file.
PATH is a folder or one file; default the current folder.`,
		Args: atMostOnePath,
		RunE: func(cmd *cobra.Command, args []string) error { return a.plan(cmd.Context(), pathOf(args), o) },
	}
	o.addTo(cmd)
	cmd.Flags().StringVar(&o.out, "out", "", "FILE: save the plan, for apply FILE; only a saved plan is replaced")
	cmd.Flags().BoolVar(&o.json, "json", false, "print a JSON stream, one object a line")
	cmd.Flags().BoolVar(&o.commands, "commands", false, "print the vtctldclient command of every step instead")
	cmd.Flags().BoolVar(&o.markdown, "markdown", false, "print Markdown (not built yet)")
	cmd.Flags().BoolVar(&o.detailedExitCode, "detailed-exitcode", false, "exit 2 if there are changes")
	return cmd
}

func (a *App) plan(ctx context.Context, path string, o planOptions) error {
	if o.markdown {
		return notBuiltError("plan --markdown", "plan --json has everything that is planned")
	}
	if o.json {
		a.json()
	}
	if o.out != "" {
		if err := plan.CheckFile(o.out); err != nil {
			return err
		}
	}
	s, err := a.openSession(path)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	p, err := s.plan(ctx, o.selection)
	if err != nil {
		return err
	}
	a.showPlan(p, o.commands)
	if exit := p.BlockedExit(); exit != diag.ExitOK {
		return exitCode(exit)
	}
	if o.out != "" {
		if a.results.failure() != nil {
			return exitCode(diag.ExitFailed) // nobody has seen what would be saved; main tells why
		}
		if err := a.savePlan(s, p, path, o.out); err != nil {
			return err
		}
	}
	if o.detailedExitCode && !p.Empty() {
		return exitCode(diag.ExitChanges)
	}
	return nil
}

// showPlan renders a plan in the form that was asked for.
func (a *App) showPlan(p *plan.Plan, commands bool) {
	switch {
	case a.stream != nil:
		a.stream.Plan(p)
	case commands:
		a.warn(p.Warnings)
		ui.PlanCommands(a.Out, p)
	default:
		a.warn(p.Warnings)
		ui.Plan(a.Out, a.outStyle(), p)
	}
	if a.stream == nil && !(a.OutTerminal && a.ErrTerminal) {
		a.warn(p.BlockedErrors()) // whoever keeps only standard error is to know as well why nothing is done
	}
}

func (a *App) savePlan(s *session, p *plan.Plan, path, out string) error {
	meta := plan.SavedMeta{Config: path, State: s.cfg.State.Path, Dir: s.cfg.Dir, Vars: a.vars, VarFiles: a.varFiles, Sensitive: s.cfg.SensitiveVariables}
	if err := plan.Save(out, p, meta); err != nil {
		return err
	}
	if a.stream == nil && a.hints() {
		_, _ = fmt.Fprintf(a.Err, "\nSaved the plan to %s. To run exactly this: shardform apply %s\n", out, spell.ShellWord(out))
	}
	return nil
}
