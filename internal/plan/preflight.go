package plan

import (
	"context"
	"errors"
	"strings"
	"time"

	"shardform/internal/diag"
	"shardform/internal/tasks"
)

// impatient is a clock that does not wait: whoever would is told that the run was stopped.
type impatient struct{ tasks.Clock }

func (impatient) Sleep(context.Context, <-chan struct{}, time.Duration) error {
	return tasks.ErrStopped
}

// stepPreflight is the name of the container whose tasks only check.
const stepPreflight = "preflight"

// preflight runs the checks of a preflight container that are still to be done: they only read, and what they refuse
// belongs into the plan. While another reshard of the keyspace is open they are left to apply, which runs them when
// that one has ended. Where only waiting is missing it is left to apply too.
func (m *maker) preflight(ctx context.Context, d *draft, c *Container) error {
	if c.Address.Last() != stepPreflight || d.Kind != KindReshard || len(d.keyspace.snapshot.OpenSegments()) > 0 {
		return nil
	}
	for i := range c.Tasks {
		t := &c.Tasks[i]
		if t.Action != Add && t.Action != Resume {
			continue
		}
		task, err := m.in.Registry.NewTask(t.Name, m.envOf(&d.Operation, t))
		if err != nil {
			return err
		}
		_, _, err = task.Run(ctx, t.AllParameters())
		var refusals diag.List
		var unread *diag.Diagnostic
		switch {
		case err == nil:
			m.warnings(ctx, d, t, task)
		case errors.Is(err, tasks.ErrStopped) && errors.As(err, &unread):
			return about(t.Address, "the checks could not be made", unread)
		case errors.Is(err, tasks.ErrStopped):
			t.Note = "target shards or tablets are missing: apply waits for them"
		case errors.As(err, &refusals):
			t.Action, t.Note = Blocked, "the checks refuse it"
			for _, r := range refusals {
				d.Diagnostics = append(d.Diagnostics, d.refusal(t, r))
			}
		default:
			return about(t.Address, "the checks could not be made", err)
		}
	}
	return nil
}

// warnings takes over what the checks found and let pass.
func (m *maker) warnings(ctx context.Context, d *draft, t *Task, task tasks.Task) {
	observer, ok := task.(tasks.Observer)
	if !ok {
		return
	}
	observation, err := observer.Observe(ctx, t.AllParameters(), tasks.Record{})
	if err != nil {
		return // it was observed a moment ago; its end is all that is asked for
	}
	for _, w := range observation.Warnings {
		d.Diagnostics = append(d.Diagnostics, &diag.Diagnostic{Severity: diag.Warning, Summary: w, Address: t.Address.String()})
	}
}

// refusal is a refusal of the checks with the place to mend it: the vschema attribute for those that speak of the
// vschema, as far as the block has one, the layout for all others.
func (d *draft) refusal(t *Task, r *diag.Diagnostic) *diag.Diagnostic {
	complaint := *r
	complaint.Address = t.Address.String()
	if complaint.Place == nil {
		complaint.Place = placed(d.keyspace.ShardsAt)
		if d.keyspace.VSchema != "" && (strings.Contains(r.Summary, "vschema") || strings.Contains(r.Summary, "vindex")) {
			complaint.Place = placed(d.keyspace.VSchemaAt)
		}
	}
	return &complaint
}
