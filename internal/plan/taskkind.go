package plan

import (
	"context"

	"shardform/internal/addr"
	"shardform/internal/event"
	"shardform/internal/state"
	"shardform/internal/tasks"
	"shardform/internal/tasks/reshard"
	"shardform/internal/vitess"
)

// taskKind is what a registered task can do, found out once a name: a plan may have a hundred thousand of them.
type taskKind struct {
	task      tasks.Task
	expander  tasks.Expander   // nil if it emits nothing
	commander tasks.Commander  // nil if it has no command line
	describer tasks.Describer  // nil if it does not describe itself
	gate      tasks.Gatekeeper // nil if it is no gate
	err       error            // it is not registered
}

func (m *maker) kind(name string) *taskKind {
	if k, ok := m.known[name]; ok {
		return k
	}
	k := &taskKind{}
	m.known[name] = k
	if k.task, k.err = m.in.Registry.NewTask(name, m.env()); k.err != nil {
		return k
	}
	k.expander, _ = k.task.(tasks.Expander)
	k.commander, _ = k.task.(tasks.Commander)
	k.describer, _ = k.task.(tasks.Describer)
	k.gate, _ = k.task.(tasks.Gatekeeper)
	return k
}

// env lets tasks look and change nothing: their clusters refuse every write. They cannot wait either.
func (m *maker) env() *tasks.Env {
	return &tasks.Env{
		Cluster: func(name string) (vitess.Cluster, error) {
			r, err := m.clusters.get(m.ctx, name)
			if err != nil {
				return nil, err
			}
			return readOnly{r}, nil
		},
		Clock:    impatient{m.in.Clock},
		Progress: func(string, *event.Progress) {},
		Output:   func(string) {},
		Stop:     make(chan struct{}),
		Dir:      m.in.Dir,
	}
}

// envOf is env for one task: gates look for what opens them.
func (m *maker) envOf(op *Operation, t *Task) *tasks.Env {
	env := m.env()
	env.Address, env.Digest = t.Address, op.Digest
	env.Approval = func(_ context.Context, step addr.Address) (tasks.Approval, bool, error) {
		a, ok := state.Approved(m.recorded.approvals, step, op.Instance, op.Digest)
		return tasks.Approval{By: a.By, At: a.At}, ok, nil
	}
	env.ApproveCommand = func(step addr.Address) string { return tasks.ApproveCommand(step, op.Digest, m.in.ConfigPath) }
	return env
}

// describe fills in what tasks say of themselves. Where a parameter is sensitive they are not asked: what they say is
// shown, and they would say it of the value.
func (m *maker) describe(ctx context.Context) error {
	for _, d := range m.drafts {
		for i := range d.Containers {
			c := &d.Containers[i]
			for j := range c.Tasks {
				t := &c.Tasks[j]
				kind := m.kind(t.Name)
				if kind.err != nil {
					return kind.err
				}
				if len(t.Sensitive) > 0 {
					continue
				}
				if kind.describer != nil && t.Summary == "" {
					t.Summary = kind.describer.Describe(t.Parameters)
				}
				if kind.commander != nil {
					t.Commands = kind.commander.Commands(ctx, t.Parameters)
				}
				if d.midFlight() && t.Address.Container().Last() == partSwitchPrimary {
					t.Commands = reshard.FinishCommands(d.view.SegmentView) // half way there is one way only: finish it
				}
			}
		}
	}
	return nil
}
