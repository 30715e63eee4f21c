package plan

import (
	"context"
	"fmt"
	"slices"

	"shardform/internal/addr"
	"shardform/internal/diag"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
)

// match compares each draft with its newest recorded instance: an open one with the same list is taken up again, one
// that ended with the same list leaves nothing to do for an operation block, and everything else is a new instance.
func (m *maker) match(context.Context) error {
	kept := m.drafts[:0]
	for _, d := range m.drafts {
		last := m.recorded.latest[d.Address]
		keep := true
		if d.keyspace == nil {
			keep = d.matchOperation(last, slices.Contains(m.in.Replace, d.Address))
		} else {
			m.matchKeyspace(d, last)
		}
		if keep {
			kept = append(kept, d)
		}
	}
	m.drafts = kept
	return nil
}

// matchOperation reports whether there is something to do or to say.
func (d *draft) matchOperation(last *instance, replace bool) bool {
	d.Instance = last.next()
	switch {
	case last == nil || last.Forgotten:
		d.mark(nil, nil)
		d.Reason = "configuration changed: it is not recorded"
		d.Diagnostics = append(d.Diagnostics, &diag.Diagnostic{Severity: diag.Warning, Summary: fmt.Sprintf("%s may have run before", d.Address), Address: d.Address.String(),
			Detail: "the state has no record of it, and whether its tasks were run cannot be seen: all of them are run", Hint: "if its record was lost, bring back the state file first"})
	case replace:
		d.mark(nil, nil)
		d.Reason = "it is run again: --replace"
	default:
		return d.compare(last)
	}
	d.Action = actionOfContainers(d.Containers, false)
	return true
}

// compare plans an operation block from the first difference to its record.
func (d *draft) compare(last *instance) bool {
	difference := d.DifferenceTo(last.Operation, last.containers)
	d.mark(last.containers, difference)
	switch {
	case difference == nil && !last.open():
		return false
	case difference == nil:
		d.Instance, d.resumed = last.Operation.Instance, true
		d.Reason = "its last run has not ended"
		if last.Error != "" {
			d.Reason = "its last run failed: " + last.Error
		}
	default:
		d.Reason = fmt.Sprintf("configuration changed: it differs from %s on", difference.At)
		if !last.open() && !d.hasWork() {
			return false // only its last tasks were taken away
		}
	}
	d.Action = actionOfContainers(d.Containers, last.open())
	return true
}

func (d *draft) hasWork() bool {
	return slices.ContainsFunc(d.Containers, func(c Container) bool { return c.Action != Completed })
}

// mark gives the tasks before the difference the actions that follow from their records, and all others Add.
func (d *draft) mark(recorded []state.Container, until *Difference) {
	records := map[addr.Address]*state.Task{}
	for i := range recorded {
		for j := range recorded[i].Tasks {
			records[recorded[i].Tasks[j].Address] = &recorded[i].Tasks[j]
		}
	}
	for i := range d.Containers {
		c := &d.Containers[i]
		for j := range c.Tasks {
			c.Tasks[j].Action = Add
			if record := records[c.Tasks[j].Address]; record != nil && until.after(i, j) {
				c.Tasks[j].Action = actionOfRecord(record)
			}
		}
		c.Action = actionOfTasks(c.Tasks)
	}
}

// actionOfRecord is what is to be done with a task of which nothing but its record is known.
func actionOfRecord(t *state.Task) Action {
	switch {
	case t.State == automationpb.TaskState_DONE && t.Error == "":
		return Completed
	case t.State == automationpb.TaskState_RUNNING, t.Error != "":
		return Resume
	}
	return Add
}
