package automation_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"shardform/internal/event"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/tasks/automation"
	"shardform/internal/vitess"
)

// fakeLegacy answers commands by answer and notes them as "vtctl@SERVER ARGS".
type fakeLegacy struct {
	answer func(ctx context.Context, command vitess.LegacyCommand) (string, error)

	mu   sync.Mutex
	sent []string
}

func (f *fakeLegacy) ExecuteVtctl(ctx context.Context, c vitess.LegacyCommand) (string, error) {
	return f.execute(ctx, "vtctl", c)
}

func (f *fakeLegacy) ExecuteVtworker(ctx context.Context, c vitess.LegacyCommand) (string, error) {
	return f.execute(ctx, "vtworker", c)
}

func (f *fakeLegacy) ReadVtctl(ctx context.Context, c vitess.LegacyCommand) (string, error) {
	return f.execute(ctx, "vtctl", c)
}

func (f *fakeLegacy) execute(ctx context.Context, program string, c vitess.LegacyCommand) (string, error) {
	f.mu.Lock()
	f.sent = append(f.sent, program+"@"+c.Server+" "+strings.Join(c.Args, " "))
	f.mu.Unlock()
	if f.answer == nil {
		return "output of " + c.Args[0], nil
	}
	return f.answer(ctx, c)
}

var registry = tasks.NewRegistry(automation.Definitions()...)

// rig runs tasks with an environment of its own.
type rig struct {
	legacy vitess.Legacy
	stop   chan struct{}

	mu    sync.Mutex
	lines []string
}

func newRig(legacy vitess.Legacy) *rig { return &rig{legacy: legacy, stop: make(chan struct{})} }

func (r *rig) task(t *testing.T, name string) tasks.Task {
	t.Helper()
	task, err := registry.NewTask(name, &tasks.Env{
		Legacy: func() (vitess.Legacy, error) { return r.legacy, nil },
		Clock:  impatient{}, Stop: r.stop,
		Progress: func(string, *event.Progress) {},
		Output: func(line string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.lines = append(r.lines, line)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func (r *rig) run(t *testing.T, ctx context.Context, name string, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	t.Helper()
	task := r.task(t, name)
	if err := tasks.CheckParameters(task, parameters); err != nil {
		t.Fatal(err)
	}
	return task.Run(ctx, parameters)
}

// impatient is a clock that does not wait, but ends waiting as a clock does.
type impatient struct{ tasks.SystemClock }

func (impatient) Sleep(ctx context.Context, stop <-chan struct{}, _ time.Duration) error {
	return tasks.SystemClock{}.Sleep(ctx, stop, time.Millisecond)
}

// parametersOf reads "name=value …"; a value may be empty.
func parametersOf(text string) map[string]string {
	p := map[string]string{}
	for _, pair := range strings.Fields(text) {
		name, value, _ := strings.Cut(pair, "=")
		p[name] = value
	}
	return p
}

// shape is containers as text: a line a container, its tasks with sorted parameters.
func shape(containers []*automationpb.TaskContainer) string {
	var b strings.Builder
	for _, c := range containers {
		for i, t := range c.ParallelTasks {
			if i > 0 {
				b.WriteString(" | ")
			}
			pairs := make([]string, 0, len(t.Parameters))
			for name, value := range t.Parameters {
				pairs = append(pairs, name+"="+value)
			}
			slices.Sort(pairs)
			b.WriteString(t.Name + " " + strings.Join(pairs, " "))
		}
		b.WriteString("\n")
	}
	return b.String()
}
