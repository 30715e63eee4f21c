package plan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

// annotate observes the tasks of keyspace operations and says what is to be done with each: what the cluster shows
// decides, the record only tells whose it is.
func (m *maker) annotate(ctx context.Context) error {
	for _, d := range m.drafts {
		if d.keyspace == nil || d.Action == Blocked {
			continue
		}
		if d.behind {
			m.annotateBehind(d)
			continue
		}
		known := map[addr.Address]*state.Task{}
		last := m.recorded.latest[d.Address]
		open := last.open() && last.Kind == d.Kind // a way back and the reshard that it undoes have one address
		if open {
			for i := range last.containers {
				for j := range last.containers[i].Tasks {
					t := &last.containers[i].Tasks[j]
					known[t.Address] = t
				}
			}
		}
		if err := m.annotateDraft(ctx, d, known, open); err != nil {
			return err
		}
		if d.resumed && d.undone(known) {
			d.Reason = "cluster changed outside shardform: what was done is not there any more"
			// What is done again is checked again.
			maps.DeleteFunc(known, func(a addr.Address, _ *state.Task) bool { return onlyLooks(a) })
			d.Diagnostics = nil
			if err := m.annotateDraft(ctx, d, known, open); err != nil {
				return err
			}
		}
		d.Action = actionOfContainers(d.Containers, open)
	}
	return nil
}

// annotateBehind plans all of an operation that runs when another one has made room for it: until then nothing of it can
// be seen, and its tasks look for themselves.
func (m *maker) annotateBehind(d *draft) {
	for i := range d.Containers {
		c := &d.Containers[i]
		for j := range c.Tasks {
			t := &c.Tasks[j]
			switch {
			case m.kind(t.Name).gate != nil:
				t.Action = Gate
			case t.Diffs != nil:
				t.Action = Change
			default:
				t.Action = Add
			}
		}
		c.Action = actionOfTasks(c.Tasks)
	}
	d.Action = actionOfContainers(d.Containers, d.resumed) // of one that is resumed everything is done again
}

func (m *maker) annotateDraft(ctx context.Context, d *draft, known map[addr.Address]*state.Task, open bool) error {
	for i := range d.Containers {
		c := &d.Containers[i]
		for j := range c.Tasks {
			if err := m.annotateTask(ctx, d, &c.Tasks[j], known[c.Tasks[j].Address], open); err != nil {
				return err
			}
		}
		if err := m.preflight(ctx, d, c); err != nil {
			return err
		}
		m.gates(c)
		c.Action = actionOfTasks(c.Tasks)
	}
	return nil
}

// gates keeps open gates in front of what is still to be done as gates: a window that is open now may be closed then.
func (m *maker) gates(c *Container) {
	isGate := func(t Task) bool { return m.kind(t.Name).gate != nil }
	if !slices.ContainsFunc(c.Tasks, func(t Task) bool { return !isGate(t) && t.Action != Adopt && t.Action != Completed }) {
		return
	}
	for i := range c.Tasks {
		if t := &c.Tasks[i]; isGate(*t) && t.Action == Adopt {
			t.Action = Gate
		}
	}
}

func (m *maker) annotateTask(ctx context.Context, d *draft, t *Task, known *state.Task, open bool) error {
	t.Note = ""
	if known != nil && actionOfRecord(known) == Completed && onlyLooks(t.Address) {
		t.Action = Completed
		return nil
	}
	observation, err := m.observeTask(ctx, d, t, known)
	if err != nil {
		return about(t.Address, "it cannot be seen whether this is done", err)
	}
	for _, w := range observation.Warnings {
		d.Diagnostics = append(d.Diagnostics, &diag.Diagnostic{Severity: diag.Warning, Summary: w, Address: t.Address.String()})
	}
	switch observation.State {
	case tasks.Done:
		t.Action, t.Note = Adopt, observation.Detail
		if open {
			t.Action = Completed
		}
	case tasks.Running:
		t.Action, t.Note = Adopt, observation.Detail
		if open {
			t.Action = Resume
		}
	case tasks.Conflict:
		t.Action, t.Note = Blocked, observation.Detail
		d.block(t, observation)
	default:
		t.Action = Add
		if m.kind(t.Name).gate != nil {
			t.Action, t.Note = Gate, observation.Detail
			return nil
		}
		if t.Diffs != nil {
			t.Action = Change
		}
		if known != nil && actionOfRecord(known) == Resume {
			t.Action, t.Note = Resume, known.Error
		}
	}
	return nil
}

func (m *maker) observeTask(ctx context.Context, d *draft, t *Task, known *state.Task) (tasks.Observation, error) {
	task, err := m.in.Registry.NewTask(t.Name, m.envOf(&d.Operation, t)) // one of its own: tasks remember what they saw
	if err != nil {
		return tasks.Observation{}, err
	}
	observer, ok := task.(tasks.Observer)
	if !ok {
		return tasks.Observation{State: tasks.Absent}, nil
	}
	record := tasks.Record{}
	if known != nil {
		record.Announced, record.Attempts, record.StartedAt = !known.Started.IsZero(), known.Attempts, known.Started
		record.Done, record.Ended = actionOfRecord(known) == Completed, known.Ended
	}
	return observer.Observe(ctx, t.AllParameters(), record)
}

// block adds the complaint about what stands in a task's way. What stands in the way of one usually stands in the way of
// all that follow: it is said once.
func (d *draft) block(t *Task, o tasks.Observation) {
	complaint := &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("%s is blocked by what the cluster shows", t.Address.Container().Last()), Address: t.Address.String(),
		Place: placed(d.keyspace.ShardsAt), Detail: o.Detail, Hint: strings.Join(o.Cure, "\n"), Exit: diag.ExitRefused}
	if o.Expected != "" {
		complaint.Detail = fmt.Sprintf("expected %s\nfound %s", o.Expected, o.Detail)
	}
	if t.Diffs != nil && d.keyspace.VSchema != "" {
		complaint.Place = placed(d.keyspace.VSchemaAt)
	}
	if slices.ContainsFunc(d.Diagnostics, func(e *diag.Diagnostic) bool { return e.Detail == complaint.Detail }) {
		t.Note = ""
		return
	}
	d.Diagnostics = append(d.Diagnostics, complaint)
}

// onlyLooks reports whether a step changes nothing and waits for nothing, so that having been done once is enough
// however the cluster looks by now.
func onlyLooks(task addr.Address) bool {
	return slices.Contains([]string{"preflight", "verify", "wait", "diff"}, task.Container().Last()) || task.Last() == "ready"
}

// undone reports whether something that was recorded as done is not on the cluster any more.
func (d *draft) undone(known map[addr.Address]*state.Task) bool {
	for _, c := range d.Containers {
		for _, t := range c.Tasks {
			if r := known[t.Address]; r != nil && actionOfRecord(r) == Completed && (t.Action == Add || t.Action == Change) {
				return true
			}
		}
	}
	return false
}
