package failpoint

import (
	"slices"
	"testing"
)

func TestNamesAreSortedAndUniqueAndInPairs(t *testing.T) {
	names := Names()
	if !slices.IsSorted(names) {
		t.Errorf("names are not sorted: %v", names)
	}
	if n := len(slices.Compact(slices.Clone(names))); n != len(names) {
		t.Errorf("%d names, %d of them different", len(names), n)
	}
	for _, want := range []string{"checkpoint_task_running_before", "checkpoint_task_done_after", "rpc_ReshardCreate_after", "rpc_WorkflowSwitchTraffic_before"} {
		if !slices.Contains(names, want) {
			t.Errorf("no failpoint %s", want)
		}
	}
	if len(names) != 2*(len(checkpoints)+len(rpcs)) {
		t.Errorf("found %d names, expected a pair for each of %d kinds", len(names), len(checkpoints)+len(rpcs))
	}
}
