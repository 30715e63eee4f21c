package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/state"
)

// command is a run that is no apply: it changes one thing and needs no run lock, so that it works beside a run that holds
// it. It stands in the ledger as a run of its own.
type command struct {
	*engine
	record state.Run
}

func newCommand(o *Options, digest string) *command {
	o.setDefaults()
	return &command{
		engine: &engine{store: o.Store, clusters: newClusters(o.Clusters), clock: o.Clock, run: o.Run, config: o.ConfigPath, hit: o.hit},
		record: state.Run{ID: o.Run, Who: o.Who, PlanDigest: digest, Started: o.Clock.Now(), Exit: -1},
	}
}

// begin records that the command is about to do what it says about a.
func (c *command) begin(ctx context.Context, a addr.Address, what string) error {
	return c.checkpoint(ctx, "run_started", func(w state.Writer) error {
		return errors.Join(w.PutRun(c.record), w.Append(c.ledger(a, "run_started", what)))
	})
}

// end records what came of it. event is what happened to a, "" if nothing did.
func (c *command) end(ctx context.Context, a addr.Address, event, detail string, exit diag.Exit, more ...func(state.Writer) error) error {
	c.record.Ended, c.record.Exit = c.clock.Now(), int(exit)
	return c.checkpoint(ctx, "run_ended", func(w state.Writer) error {
		for _, write := range more {
			if err := write(w); err != nil {
				return err
			}
		}
		if event != "" {
			if err := w.Append(c.ledger(a, event, detail)); err != nil {
				return err
			}
		}
		return errors.Join(w.PutRun(c.record), w.Append(c.ledger(addr.Address{}, "run_ended", fmt.Sprintf("exit %d", exit))))
	})
}

// openOperation is the one open operation that at names, belongs to or contains, with its containers.
func openOperation(r state.Reader, at addr.Address) (state.Operation, []state.Container, error) {
	managed, err := state.Managed(r)
	if err != nil {
		return state.Operation{}, nil, err
	}
	var open []state.Operation
	for _, op := range managed {
		if isOpen(op) && at.Operation().Contains(op.Address) {
			open = append(open, op)
		}
	}
	switch len(open) {
	case 1:
		containers, err := r.Containers(open[0].ID)
		return open[0], containers, err
	case 0:
		return state.Operation{}, nil, &diag.Diagnostic{
			Severity: diag.Error, Summary: fmt.Sprintf("no operation is open at %s", at), Address: at.String(),
			Detail: "the state has no operation there that has begun and not ended", Hint: "`shardform status` shows what is open",
		}
	}
	names := make([]string, len(open))
	for i, op := range open {
		names[i] = op.Address.String()
	}
	return state.Operation{}, nil, &diag.Diagnostic{
		Severity: diag.Error, Summary: fmt.Sprintf("%d operations are open at %s", len(open), at), Address: at.String(), Hint: "name one of them: " + strings.Join(names, ", "),
	}
}
