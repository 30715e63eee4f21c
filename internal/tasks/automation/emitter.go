package automation

import (
	"context"
	"strings"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// emitter describes a task that only emits containers.
type emitter struct {
	spec     *tasks.Spec
	expand   func(p parameters) ([]*automationpb.TaskContainer, error)
	describe func(p parameters) string
}

func (e *emitter) definition() tasks.Definition {
	return tasks.Definition{Spec: e.spec, New: func(*tasks.Env) tasks.Task { return &emitterTask{Spec: e.spec, emitter: e} }}
}

// emitterTask is one task of an emitter.
type emitterTask struct {
	*tasks.Spec
	emitter *emitter
}

// Check implements tasks.Checker.
func (t *emitterTask) Check(p map[string]string) error {
	_, err := t.Expand(p)
	return err
}

// Expand implements tasks.Expander.
func (t *emitterTask) Expand(given map[string]string) ([]*automationpb.TaskContainer, error) {
	p := parameters(given)
	err := p.check(t.Spec)
	if err != nil && p.filled(t.Spec) != nil {
		return nil, err
	}
	containers, expandErr := t.emitter.expand(p)
	if err := together(err, expandErr); err != nil {
		return nil, err
	}
	return containers, nil
}

// Run emits what Expand says.
func (t *emitterTask) Run(_ context.Context, p map[string]string) ([]*automationpb.TaskContainer, string, error) {
	containers, err := t.Expand(p)
	return containers, "", err
}

// Describe implements tasks.Describer.
func (t *emitterTask) Describe(p map[string]string) string { return t.emitter.describe(p) }

// container makes a container with a task for each of elements. They run one at a time, as in the original: a vtworker
// takes one command at a time, and copying schemas in parallel would only load the same source.
func container(task string, elements []string, of func(element string) map[string]string) *automationpb.TaskContainer {
	c := tasks.NewTaskContainer()
	for _, e := range elements {
		tasks.AddTask(c, task, of(e))
	}
	return c
}

// ServedTypes in the order in which they move: what loses least first.
var ServedTypes = []string{"rdonly", "replica", "master"}

// ServedType returns the tablet type that vtctl of a legacy cluster reads from a name, in either case.
func ServedType(name string) vitess.TabletType {
	if strings.EqualFold(name, "master") {
		return vitess.Primary
	}
	return vitess.TabletType(strings.ToUpper(name))
}

// filteredReplicationDelay is how far destination shards may be behind before they are compared, as in the original.
const filteredReplicationDelay = "30s"
