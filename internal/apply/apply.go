// Package apply is the engine: the one place that changes clusters. It runs operations container by container and
// writes a checkpoint to the state before and after every task, so that a run that was killed goes on where the
// cluster really is. Two doors lead to it: Run applies a plan, Scheduler is the operation queue of the Vitess automation
// package. It decides nothing about what is to be done (internal/plan does), prints nothing (events and the Result go
// to internal/ui) and takes no lock: whoever calls it holds the state's.
package apply

import (
	"cmp"
	"context"
	"time"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/event"
	"shardform/internal/failpoint"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// Options are what a run needs from outside.
type Options struct {
	Store    state.Store
	Registry *tasks.Registry
	// Clusters gives the cluster with that name; it is asked once per name, and again only after an error.
	Clusters func(ctx context.Context, name string) (vitess.Cluster, error)
	// Legacy reaches legacy servers as the cluster of that name asks for, in plain text if it is ""; nil: in plain text.
	Legacy func(cluster string) (vitess.Legacy, error)
	Clock  tasks.Clock  // nil: the machine's
	Sink   event.Sink   // nil: nobody watches
	Who    state.Holder // stands in the run's record
	Run    string       // the run's id; "" makes one from the time

	// Until ends the run, as a success, behind the container that it names or belongs to; zero: no end.
	Until addr.Address
	// MaxDuration stops the run like a signal after so long; 0: no limit.
	MaxDuration time.Duration
	// Stop asks, by being closed or by one value, to stop at the next safe point. Ending the context of Run is the
	// second, harder request: reads, waits and shell tasks are cut short too.
	Stop <-chan struct{}
	// Dir is the folder that relative paths of the plan file start at.
	Dir string
	// ConfigPath is the path of the configuration as the user gave it, for the commands that gates ask for; "" is the
	// current folder.
	ConfigPath string

	hit func(name string) // what happens at crash points; nil is failpoint.Hit
}

func (o *Options) setDefaults() {
	if o.Legacy == nil {
		o.Legacy = func(string) (vitess.Legacy, error) { return vitess.NewLegacy(vitess.LegacyConfig{}) }
	}
	if o.Clock == nil {
		o.Clock = tasks.SystemClock{}
	}
	if o.Sink == nil {
		o.Sink = func(event.Event) {}
	}
	if o.hit == nil {
		o.hit = failpoint.Hit
	}
	if o.Run == "" {
		o.Run = NewRunID(o.Clock.Now())
	}
}

// Run applies p. Each operation runs until it is done, fails, is stopped or is refused; that stops only itself and
// what depends on it. The Result says what came of each, and the exit code.
//
// The error is about the run as a whole: it was refused before anything ran (the Result then has no operations), or
// the state could not be written, which ends all of it at once (the Result then says how far it had come).
func Run(ctx context.Context, p *plan.Plan, o Options) (*Result, error) {
	o.setDefaults()
	r := newRun(p, o)
	result := &Result{Run: o.Run, Until: o.Until}
	if err := r.check(ctx); err != nil {
		result.Exit = diag.ExitOf(err)
		return result, err
	}
	if len(p.Operations) == 0 && len(p.Forgotten) == 0 && len(p.Released) == 0 {
		return result, nil
	}
	end := r.watch(ctx, o.Stop, o.MaxDuration)
	defer func() { _ = end() }()
	if err := r.begin(ctx, result); err != nil {
		result.Exit = diag.ExitOf(err)
		return result, err
	}
	err := cmp.Or(r.operations(ctx, result), end())
	result.StopReason = r.stop.why()
	if endErr := r.finish(ctx, result); err == nil {
		err = endErr
	}
	if err != nil {
		result.Exit = diag.Worst(result.Exit, diag.ExitOf(err))
	}
	return result, err
}
