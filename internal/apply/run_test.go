package apply

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/diag"
	"shardform/internal/event"
	"shardform/internal/plan"
	"shardform/internal/state"
)

func TestRunTakesEveryTaskToDoneInOrder(t *testing.T) {
	f := newFixture(t)
	result := f.apply(planOf(operationOf("o", 0, []string{"act:a", "mute:b"}, []string{"echo:c"})))

	if result.Exit != diag.ExitOK || result.Operations[0].Outcome != OutcomeDone || result.Operations[0].TasksDone != 3 {
		t.Errorf("result %+v", result)
	}
	if diff := cmp.Diff(map[string]string{"c1/a": "DONE", "c1/b": "DONE", "c2/c": "DONE"}, f.states("operation.o")); diff != "" {
		t.Errorf("recorded states (-want +got):\n%s", diff)
	}
	want := []string{
		"run_started", "operation_created o", "task_running a", "task_done a", "task_running b", "task_done b",
		"task_running c", "task_done c", "operation_done o", "run_ended",
	}
	if diff := cmp.Diff(want, f.ledger()); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]event.Kind{event.TaskStart, event.TaskDone}, f.kinds("operation.o/c1/a")); diff != "" {
		t.Errorf("events of a task (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]event.Kind{event.OperationStart, event.OperationDone}, f.kinds("operation.o")); diff != "" {
		t.Errorf("events of the operation (-want +got):\n%s", diff)
	}
	f.view(func(r state.Reader) error {
		runs, err := r.Runs()
		if err == nil && (len(runs) != 1 || runs[0].Exit != 0 || runs[0].PlanDigest != "plan-digest" || runs[0].Ended.IsZero()) {
			t.Errorf("runs %+v", runs)
		}
		// run_started, opening with the first announcement, one per task (announcing the next), run_ended
		if serial := r.Meta().Serial; serial != 6 {
			t.Errorf("%d transactions, expected 6", serial)
		}
		return err
	})
}

func TestRunOfAnEmptyPlanWritesNothing(t *testing.T) {
	f := newFixture(t)
	if result := f.apply(&plan.Plan{}); result.Exit != diag.ExitOK {
		t.Errorf("exit %d", result.Exit)
	}
	f.view(func(r state.Reader) error {
		if m := r.Meta(); m.Lineage != "" {
			t.Errorf("a state was made: %+v", m)
		}
		return nil
	})
}
