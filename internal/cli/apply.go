package cli

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shardform/internal/addr"
	"shardform/internal/apply"
	"shardform/internal/diag"
	"shardform/internal/event"
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
	adopt       []string
}

func (a *App) applyCommand() *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use:   "apply [PATH | SAVEDPLAN]",
		Short: "Make the clusters as the plan files say",
		Long: `Plan, ask, and run the plan step by step, writing a checkpoint before and after every step. Interrupted at any point,
the same command goes on where the cluster really is. With a SAVEDPLAN (plan --out) it runs exactly that plan or refuses,
and asks nothing. Without a terminal it never asks: give --auto-approve or a saved plan.

One SIGINT or SIGTERM stops after the current safe point (exit 5); a second also ends waiting and shell tasks. A change
that was sent to a cluster is never cut off.`,
		Args: atMostOnePath,
		RunE: func(cmd *cobra.Command, args []string) error { return a.apply(cmd.Context(), pathOf(args), o) },
	}
	o.addTo(cmd)
	cmd.Flags().BoolVar(&o.autoApprove, "auto-approve", false, "do not ask")
	cmd.Flags().BoolVar(&o.json, "json", false, "print a JSON stream, one object a line")
	cmd.Flags().StringVar(&o.until, "until", "", "ADDR: run up to and including this container")
	cmd.Flags().DurationVar(&o.maxDuration, "max-duration", 0, "stop after this long at a safe point (exit 5); 0: no limit")
	cmd.Flags().DurationVar(&o.lockTimeout, "lock-timeout", 0, "wait this long for a state lock")
	cmd.Flags().StringArrayVar(&o.adopt, "adopt", nil, "ADDR: take over a workflow for going back (not built yet)")
	return cmd
}

func (a *App) apply(ctx context.Context, path string, o applyOptions) error {
	if len(o.adopt) > 0 {
		return notBuiltError("apply --adopt", "going forward needs no adoption; going back is not built yet, plan shows its vtctldclient commands")
	}
	if o.maxDuration < 0 || o.lockTimeout < 0 {
		return &diag.Diagnostic{Severity: diag.Error, Summary: "--max-duration and --lock-timeout are not negative", Hint: "for example --max-duration 2h"}
	}
	if o.json {
		a.json()
	}
	a.signals.finishAtFirst()
	until, err := untilAddress(o.until)
	if err != nil {
		return err
	}
	run, err := a.openApply(path, o)
	if err != nil {
		return err
	}
	defer func() { _ = run.Close() }()
	run.until = until
	unlock, err := run.store.Lock(ctx, run.holder, o.lockTimeout)
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
	if err := a.approve(p, o, run.saved != nil); err != nil {
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

// approve asks a person, or says what would have been needed.
func (a *App) approve(p *plan.Plan, o applyOptions, saved bool) error {
	if p.Empty() || saved || o.autoApprove {
		return nil
	}
	if !a.input || !a.InTerminal || a.stream != nil {
		return &diag.Diagnostic{Severity: diag.Error, Summary: "apply needs an approval", Exit: diag.ExitRefused,
			Detail: "there is no terminal to ask on, or asking was switched off; nothing was changed",
			Hint:   "give --auto-approve, or save the plan with `plan --out FILE`, review it and run `apply FILE`"}
	}
	_, _ = fmt.Fprint(a.Out, "\n", a.outStyle().Bold("Do you want shardform to do this?"), "\n  Only 'yes' is taken as an approval.\n\n  Enter a value: ")
	answers := make(chan string, 1)
	go func() { // reading cannot be called off: a signal ends the process while it goes on
		answer, _ := bufio.NewReader(a.In).ReadString('\n')
		answers <- answer
	}()
	select {
	case <-a.signals.stop:
		_, _ = fmt.Fprintln(a.Out)
		return &diag.Diagnostic{Severity: diag.Error, Summary: "apply was stopped before its approval", Exit: diag.ExitStopped, Detail: "nothing was changed"}
	case answer := <-answers:
		if strings.TrimSpace(answer) == "yes" {
			return nil
		}
	}
	return &diag.Diagnostic{Severity: diag.Error, Summary: "apply was declined", Exit: diag.ExitRefused, Detail: "nothing was changed"}
}

// applyRun is one apply on its way: a session, and a saved plan if that is what is applied.
type applyRun struct {
	*session
	options applyOptions
	path    string
	saved   *plan.Saved
	holder  state.Holder
	until   addr.Address
}

func (a *App) openApply(path string, o applyOptions) (*applyRun, error) {
	run := &applyRun{options: o, path: path}
	var err error
	if isSavedPlan(path) {
		if len(o.targets)+len(o.replace) > 0 {
			return nil, &diag.Diagnostic{Severity: diag.Error, Summary: "a saved plan is applied as it is", Detail: "--target and --replace choose what to plan, and " + path + " is planned already",
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
func (r *applyRun) prepare(ctx context.Context) (*plan.Plan, error) {
	if r.saved == nil {
		return r.plan(ctx, r.options.selection)
	}
	return r.checkSaved(ctx)
}

// execute runs p, shows how it goes and what came of it.
func (r *applyRun) execute(ctx context.Context, p *plan.Plan) error {
	a := r.app
	sink, done := a.progress()
	result, err := apply.Run(ctx, p, apply.Options{
		Store: r.store, Registry: a.registry, Clusters: r.clusters.Cluster, Clock: a.clock, Sink: sink,
		Who: r.holder, Run: r.holder.Run, Until: r.until, MaxDuration: r.options.maxDuration, Stop: a.signals.stop, Dir: r.dir,
	})
	done()
	if result != nil && !p.Empty() {
		a.showResult(result, r.path)
	}
	if err != nil {
		return err
	}
	if result.Exit != diag.ExitOK {
		return exitCode(result.Exit)
	}
	return r.finish(ctx, p)
}

// showResult says what was done, what went wrong and how to go on.
func (a *App) showResult(result *apply.Result, path string) {
	if a.stream != nil {
		a.stream.Result(result)
		return
	}
	again := ""
	if a.hints() {
		again = "shardform apply " + path
	}
	ui.Result(a.Out, a.outStyle(), result, again)
	ui.Diagnostics(a.Err, a.errStyle(), ui.ResultErrors(result))
}

// finish shows where the rows are and records and shows the outputs.
func (r *applyRun) finish(ctx context.Context, p *plan.Plan) error {
	if r.app.stream == nil {
		if err := r.showRows(ctx, p); err != nil {
			r.app.warn(diag.List{{Severity: diag.Warning, Summary: "cannot show where the rows are", Detail: err.Error()}})
		}
	}
	return r.outputs(ctx)
}

// progress is where events go, and how to end showing them.
func (a *App) progress() (event.Sink, func()) {
	if a.stream != nil {
		return a.stream.Event, func() {}
	}
	p := ui.NewProgress(a.Err, a.errStyle(), a.ErrTerminal, a.Width, a.clock.Now)
	return p.Event, p.Close
}
