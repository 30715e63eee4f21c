package plan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/diag"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/redact"
	"shardform/internal/tasks"
)

// draftOperations lays out the containers of the selected operation blocks, emitted ones right behind the container
// whose task emits them.
func (m *maker) draftOperations(context.Context) error {
	for _, b := range m.blocks {
		if b.operation == nil {
			continue
		}
		o := b.operation
		d := &draft{Operation: Operation{Address: o.Address, Kind: KindTasks, Cluster: o.Cluster, Retry: config.DefaultRetry(), Containers: make([]Container, 0, len(o.Containers))}}
		for i := range o.Containers {
			m.appendContainer(d, configured(&o.Containers[i]), o.Containers[i].Place, 0)
		}
		m.checkNames(d, o)
		m.drafts = append(m.drafts, d)
	}
	return nil
}

// configured is a container block as it is planned.
func configured(c *config.Container) Container {
	planned := Container{Address: c.Address, Concurrency: c.Concurrency, Tasks: make([]Task, len(c.Tasks))}
	for i := range c.Tasks {
		t := &c.Tasks[i]
		planned.Tasks[i] = Task{Address: t.Address, Name: t.Name, Parameters: t.Parameters}
		if len(t.Sensitive) > 0 {
			planned.Tasks[i].hide(t.Sensitive)
		}
	}
	return planned
}

// hide moves the values of the named parameters to Secrets. The map of the configuration is not touched.
func (t *Task) hide(names []string) {
	open := make(map[string]string, len(t.Parameters))
	t.Secrets = make(map[string]string, len(names))
	for name, value := range t.Parameters {
		if slices.Contains(names, name) {
			t.Secrets[name] = value
		} else {
			open[name] = value
		}
	}
	t.Parameters = open
	t.Sensitive = slices.Sorted(slices.Values(names))
}

// AllParameters are the parameters with the values of the sensitive ones: what the task is run with.
func (t *Task) AllParameters() map[string]string {
	if len(t.Secrets) == 0 {
		return t.Parameters
	}
	all := make(map[string]string, len(t.Parameters)+len(t.Secrets))
	maps.Copy(all, t.Parameters)
	maps.Copy(all, t.Secrets)
	return all
}

// maxEmitDepth bounds how often emitted tasks may emit again: a task that emits itself would never end.
const maxEmitDepth = 8

// appendContainer adds c and, right behind it, what its tasks emit.
func (m *maker) appendContainer(d *draft, c Container, at diag.Place, depth int) {
	d.Containers = append(d.Containers, c)
	for i := range c.Tasks {
		t := &c.Tasks[i]
		kind := m.kind(t.Name)
		if kind.expander == nil {
			continue
		}
		if depth == maxEmitDepth {
			m.complain(&diag.Diagnostic{Summary: fmt.Sprintf("task %s emits tasks that emit tasks without end", t.Name), Address: t.Address.String(), Place: placed(at)})
			return
		}
		emitted, err := kind.expander.Expand(t.AllParameters())
		if err == nil {
			err = m.checkEmitted(emitted)
		}
		if err != nil {
			m.complain(&diag.Diagnostic{Summary: fmt.Sprintf("task %s cannot be laid out", t.Name), Address: t.Address.String(), Place: placed(at),
				Detail: err.Error(), Hint: "see `shardform tasks " + t.Name + "` for its parameters", Cause: err})
			continue
		}
		for _, e := range Emitted(t.Address, emitted) {
			for j := range e.Tasks {
				if names := HoldingSecrets(e.Tasks[j].Parameters, t.Secrets, m.plan.Hide); len(names) > 0 {
					e.Tasks[j].hide(names)
				}
			}
			m.appendContainer(d, e, at, depth+1)
		}
	}
}

// HoldingSecrets are the names of the parameters of an emitted task that are sensitive, sorted: those with a secret of
// the emitter in them, or anything else that hide hides.
func HoldingSecrets(parameters, emitter map[string]string, hide *redact.Redactor) []string {
	var names []string
	for name, value := range parameters {
		holds := hide.Holds(value)
		for _, secret := range emitter {
			holds = holds || secret != "" && strings.Contains(value, secret)
		}
		if holds {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// checkEmitted checks the parameters of emitted tasks as those of an operation that comes in are.
func (m *maker) checkEmitted(containers []*automationpb.TaskContainer) error {
	if err := tasks.CheckComplete(containers); err != nil {
		return err
	}
	for _, c := range containers {
		for _, t := range c.GetParallelTasks() {
			kind := m.kind(t.GetName())
			if kind.err != nil {
				return kind.err
			}
			if err := tasks.CheckParameters(kind.task, t.GetParameters()); err != nil {
				return fmt.Errorf("emitted task %s: %w", t.GetName(), err)
			}
		}
	}
	return nil
}

// Emitted gives the containers that a task emits their addresses: "CONTAINER.TASK.N" beside the emitter's container, N
// counting from 1, or "CONTAINER.N" where the emitter is named like its container (a bare task). Their tasks are named
// like what they do, with a number where that is not unique. The engine uses the same addresses for what Run emits.
func Emitted(emitter addr.Address, containers []*automationpb.TaskContainer) []Container {
	prefix := emittedPrefix(emitter)
	planned := make([]Container, len(containers))
	for i, c := range containers {
		a := emitter.Operation().WithContainer(fmt.Sprintf("%s%d", prefix, i+1))
		counts := map[string]int{}
		for _, t := range c.GetParallelTasks() {
			counts[t.GetName()]++
		}
		numbers := map[string]int{}
		planned[i] = Container{Address: a, Concurrency: int(c.GetConcurrency()), Tasks: make([]Task, len(c.GetParallelTasks()))}
		for j, t := range c.GetParallelTasks() {
			label := t.GetName()
			if counts[label] > 1 {
				numbers[label]++
				label = fmt.Sprintf("%s.%d", label, numbers[label])
			}
			planned[i].Tasks[j] = Task{Address: a.WithTask(label), Name: t.GetName(), Parameters: t.GetParameters()}
		}
	}
	return planned
}

func emittedPrefix(emitter addr.Address) string {
	prefix := emitter.Container().Last()
	if emitter.Last() != prefix {
		prefix += "." + emitter.Last()
	}
	return prefix + "."
}

// EmittedBy reports whether container has an address that Emitted gives to a container of emitter.
func EmittedBy(emitter, container addr.Address) bool {
	number, ok := strings.CutPrefix(container.Last(), emittedPrefix(emitter))
	return ok && number != "" && strings.Trim(number, "0123456789") == "" && container == emitter.Operation().WithContainer(container.Last())
}

// checkNames complains where an emitted container has the name of another.
func (m *maker) checkNames(d *draft, o *config.Operation) {
	seen := make(map[addr.Address]bool, len(d.Containers))
	for i := range d.Containers {
		a := d.Containers[i].Address
		if seen[a] {
			m.complain(&diag.Diagnostic{Summary: fmt.Sprintf("two containers of %s are called %s", o.Address, a.Last()), Address: a.String(), Place: placed(o.Place),
				Detail: "containers that a task emits are called CONTAINER.TASK.1, CONTAINER.TASK.2 and so on", Hint: "give the container another name"})
		}
		seen[a] = true
	}
}

// placed is p as diagnostics have it; nil where nothing is known.
func placed(p diag.Place) *diag.Place {
	if p == (diag.Place{}) {
		return nil
	}
	return &p
}
