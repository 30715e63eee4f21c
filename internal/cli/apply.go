package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shardform/internal/addr"
	"shardform/internal/apply"
	"shardform/internal/diag"
	"shardform/internal/diag/spell"
	"shardform/internal/event"
	"shardform/internal/parallel"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/ui"
)

// applyOptions are the flags of apply.
type applyOptions struct {
	selection
	autoApprove bool
	json        bool
	until       string
	maxDuration time.Duration
	lockTimeout time.Duration
}

// addTo adds the flags of everything that runs a plan.
func (o *applyOptions) addTo(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.autoApprove, "auto-approve", false, "do not ask")
	cmd.Flags().BoolVar(&o.json, "json", false, "print a JSON stream, one object a line")
	cmd.Flags().DurationVar(&o.maxDuration, "max-duration", 0, "stop after this long at a safe point (exit 5); 0: no limit")
	cmd.Flags().DurationVar(&o.lockTimeout, "lock-timeout", 0, "wait this long for a state lock")
}

func (a *App) applyCommand() *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use:   "apply [PATH | SAVEDPLAN]",
		Short: "Make the clusters as the plan files say",
		Long: `Plan, ask, and run the plan step by step, writing a checkpoint before and after every step. Interrupted at any point,
the same command goes on where the cluster really is. With a SAVEDPLAN (plan --out) it runs exactly that plan or refuses,
and asks nothing. Without a terminal it never asks: give --auto-approve or a saved plan.

A closed gate ends the run without an error: exit 4 at an approval or a window, with the command or the time that opens
it, and exit 0 in a soak. Nothing is held meanwhile; the same command goes on behind the gate when it is open.

One SIGINT, SIGTERM or SIGHUP stops after the current safe point (exit 5); a second also ends waiting and shell tasks. A closed
pipe ends nothing: the run continues, and exits 1 as its result could not be written. A change
that was sent to a cluster is never cut off.

Going back (an edit of the layout that undoes an open reshard) is refused where this state neither started nor adopted the
workflow: --adopt ADDR says that it is yours to undo.`,
		Example: `  shardform apply                                  # the current folder; asks
  shardform apply --auto-approve plans/customer.hcl
  shardform plan --out plan.out && shardform apply plan.out
  shardform apply --until keyspace.customer/-:-80,80-/verify
  shardform apply --adopt keyspace.customer/-:-80,80-`,
		Args: atMostOnePath,
		RunE: func(cmd *cobra.Command, args []string) error { return a.apply(cmd.Context(), pathOf(args), o) },
	}
	o.selection.addTo(cmd)
	o.addTo(cmd)
	cmd.Flags().StringVar(&o.until, "until", "", "ADDR: run up to and including this container")
	return cmd
}

func (a *App) apply(ctx context.Context, path string, o applyOptions) error {
	if err := a.prepareToRun(o); err != nil {
		return err
	}
	until, err := untilAddress(o.until)
	if err != nil {
		return err
	}
	run, err := a.openApply(path, o)
	if err != nil {
		return err
	}
	run.until = until
	return run.carryOut(ctx)
}

// prepareToRun checks and takes over the flags of what runs a plan.
func (a *App) prepareToRun(o applyOptions) error {
	if o.maxDuration < 0 || o.lockTimeout < 0 {
		return &diag.Diagnostic{Severity: diag.Error, Summary: "--max-duration and --lock-timeout are not negative", Hint: "for example --max-duration 2h"}
	}
	if o.json {
		a.json()
	}
	a.signals.finishAtFirst()
	return nil
}

// carryOut plans under the state's lock, shows the plan, asks, and runs it. The session is closed.
func (run *applyRun) carryOut(ctx context.Context) error {
	a := run.app
	defer func() { _ = run.Close() }()
	unlock, err := run.store.Lock(ctx, run.holder, run.options.lockTimeout)
	if err != nil {
		return err
	}
	defer func() { _ = unlock() }()

	p, err := run.prepare(ctx)
	if err != nil {
		return err
	}
	a.showPlan(p, false)
	if exit := p.BlockedExit(); exit != diag.ExitOK {
		return exitCode(exit)
	}
	if p.Empty() {
		run.until = addr.Address{} // whatever it names is behind us
	}
	if err := a.ask(p, run); err != nil {
		return err
	}
	return run.execute(ctx, p)
}

func untilAddress(text string) (addr.Address, error) {
	if text == "" {
		return addr.Address{}, nil
	}
	list, err := addresses("--until", []string{text})
	if err != nil {
		return addr.Address{}, err
	}
	return list[0], nil
}

// ask asks a person, or says what would have been needed.
func (a *App) ask(p *plan.Plan, run *applyRun) error {
	if p.Empty() || run.saved != nil || run.options.autoApprove {
		return nil
	}
	if a.results.failure() != nil {
		return exitCode(diag.ExitFailed) // nobody has seen what there is to approve; main tells why
	}
	if !a.input || !a.InTerminal || a.stream != nil {
		hint := "give --auto-approve"
		if run.options.rollback.IsZero() {
			hint += ", or save the plan with `plan --out FILE`, review it and run `apply FILE`"
		}
		return &diag.Diagnostic{Severity: diag.Error, Summary: run.name() + " needs an approval", Exit: diag.ExitRefused,
			Detail: "there is no terminal to ask on, or asking was switched off; nothing was changed", Hint: hint}
	}
	_, _ = fmt.Fprint(a.Out, "\n", a.outStyle().Bold("Do you want shardform to do this?"), "\n  Only 'yes' is taken as an approval.\n\n  Enter a value: ")
	var answer string
	asking := parallel.Start(func() error { // reading cannot be called off: a signal ends the process meanwhile
		answer, _ = bufio.NewReader(a.In).ReadString('\n')
		return nil
	})
	select {
	case <-a.signals.stop:
		_, _ = fmt.Fprintln(a.Out)
		return &diag.Diagnostic{Severity: diag.Error, Summary: run.name() + " was stopped before its approval", Exit: diag.ExitStopped, Detail: "nothing was changed"}
	case <-asking.Done():
		if err := asking.Wait(); err != nil {
			return err
		}
		if strings.TrimSpace(answer) == "yes" {
			return nil
		}
	}
	return &diag.Diagnostic{Severity: diag.Error, Summary: run.name() + " was declined", Exit: diag.ExitRefused, Detail: "nothing was changed"}
}

// applyRun is one apply on its way: a session, and a saved plan if that is what is applied.
type applyRun struct {
	*session
	options applyOptions
	again   string // the command that goes on
	saved   *plan.Saved
	holder  state.Holder
	until   addr.Address
}

// name is the command's.
func (run *applyRun) name() string {
	if run.options.rollback.IsZero() {
		return "apply"
	}
	return "rollback"
}

func (a *App) openApply(path string, o applyOptions) (*applyRun, error) {
	run := &applyRun{options: o, again: "shardform apply " + spell.ShellWord(path)}
	var err error
	if isSavedPlan(path) {
		if len(o.targets)+len(o.replace)+len(o.adopt) > 0 {
			return nil, &diag.Diagnostic{Severity: diag.Error, Summary: "a saved plan is applied as it is", Detail: "--target, --replace and --adopt choose what to plan, and " + path + " is planned already",
				Hint: "give them to plan --out, or apply the plan files"}
		}
		run.saved, run.session, err = a.openSaved(path)
	} else {
		run.session, err = a.openSession(path)
	}
	if err != nil {
		return nil, err
	}
	run.holder = a.holder("apply " + path)
	return run, nil
}

// holder says who this process is, for the lock and the ledger.
func (a *App) holder(operation string) state.Holder {
	h := state.Holder{PID: os.Getpid(), Since: a.clock.Now(), Operation: operation}
	h.Host, _ = os.Hostname()
	h.User = fmt.Sprint(os.Getuid())
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	h.Run = apply.NewRunID(h.Since)
	return h
}

// prepare makes the plan to run: a fresh one, or the saved one if it still holds.
func (run *applyRun) prepare(ctx context.Context) (*plan.Plan, error) {
	if run.saved == nil {
		return run.plan(ctx, run.options.selection)
	}
	return run.checkSaved(ctx)
}

// execute runs p, shows how it goes and what came of it.
func (run *applyRun) execute(ctx context.Context, p *plan.Plan) error {
	a := run.app
	a.signals.changing()
	sink, done := a.progress()
	result, err := apply.Run(ctx, p, apply.Options{
		Store: run.store, Registry: a.registry, Clusters: run.clusters.Cluster, Legacy: run.clusters.Legacy, Clock: a.clock, Sink: sink,
		Who: run.holder, Run: run.holder.Run, Until: run.until, MaxDuration: run.options.maxDuration, Stop: a.signals.stop, Dir: run.dir, ConfigPath: run.path,
	})
	err = errors.Join(err, done())
	if result != nil && !p.Empty() {
		a.showResult(result, run.again)
	}
	if err != nil {
		return err
	}
	if result.Exit != diag.ExitOK {
		return exitCode(result.Exit)
	}
	return run.finish(ctx, p)
}

// showResult says what was done, what went wrong and how to go on.
func (a *App) showResult(result *apply.Result, again string) {
	if a.stream != nil {
		a.stream.Result(result)
		return
	}
	if !a.hints() {
		again = ""
	}
	ui.Result(a.Out, a.outStyle(), result, again)
	ui.Diagnostics(a.Err, a.errStyle(), ui.ResultErrors(result))
}

// finish shows where the rows are and records and shows the outputs.
func (run *applyRun) finish(ctx context.Context, p *plan.Plan) error {
	if run.app.stream == nil {
		if err := run.showRows(ctx, p); err != nil {
			run.app.warn(diag.List{{Severity: diag.Warning, Summary: "cannot show where the rows are", Detail: err.Error()}})
		}
	}
	return run.outputs(ctx)
}

// progress is where events go, and how to end showing them.
func (a *App) progress() (event.Sink, func() error) {
	if a.stream != nil {
		return a.stream.Event, func() error { return nil }
	}
	p := ui.NewProgress(a.Err, a.errStyle(), a.ErrTerminal, a.Width, a.clock.Now)
	return p.Event, p.Close
}
