package apply

import (
	"strings"
	"testing"

	"shardform/internal/diag"
	"shardform/internal/event"
)

// TestAPanicEndsOneOperation checks that a panic, wherever a run calls what it does not own, fails its operation with exit
// code 1, that the stack is shown, and that whatever else runs is done and recorded.
func TestAPanicEndsOneOperation(t *testing.T) {
	bug := func(*call) (bool, error) { panic("a bug") }
	for _, tc := range []struct {
		name string
		put  func(f *fixture, o *Options)
		at   string // the task that meets it
		task string // as it is recorded
	}{
		{"a task acts", func(f *fixture, _ *Options) { f.world.scripts["a"] = bug }, "c1/a", "DONE!"},
		{"a task is observed before it acts", func(f *fixture, _ *Options) { f.world.looks["c"] = bug }, "c2/c", "DONE!"},
		{"a task is observed after it acted", func(f *fixture, _ *Options) {
			f.world.looks["a"] = func(c *call) (bool, error) {
				if c.n > 1 {
					panic("a bug")
				}
				return true, nil
			}
		}, "c1/a", "DONE!"},
		{"the end of a task is shown", func(f *fixture, o *Options) {
			o.Sink = func(e event.Event) {
				if e.Kind == event.TaskDone && strings.HasSuffix(e.Address.String(), "/a") {
					panic("a bug")
				}
			}
		}, "c1/a", "DONE"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			result := f.apply(planOf(operationOf("o", 2, []string{"act:a", "act:b"}, []string{"act:c"}), operationOf("p", 0, []string{"act:d"})),
				func(o *Options) { tc.put(f, o) })
			op := result.Operations[0]
			if op.Outcome != OutcomeFailed || result.Exit != diag.ExitFailed {
				t.Fatalf("%s, exit %d: %v", op.Outcome, result.Exit, op.Err)
			}
			list := diag.All(op.Err)
			if len(list) != 1 || !strings.Contains(list[0].Summary+list[0].Detail, "a bug") || !strings.Contains(list[0].Detail, "panic_test.go") {
				t.Errorf("%v", op.Err)
			}
			states := f.states("operation.o")
			if states[tc.at] != tc.task || states["c1/b"] != "DONE" || states["c2/c"] == "DONE" {
				t.Errorf("recorded: %v", states)
			}
			if f.world.count("d") != 1 {
				t.Error("the other operation did not run")
			}
		})
	}
}
