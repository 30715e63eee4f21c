//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
)

// pulled is what `state pull` shows of operations and of what became of their tasks.
type pulled struct {
	Operations []struct {
		Address, State, Error string
		Instance              int
		Containers            []struct {
			Tasks []struct {
				Address, State, Output string
				Attempts               int
			}
		}
	}
	Ledger []struct{ Event, Address, Detail string }
}

// pull reads the whole state.
func (p *planDir) pull(t *testing.T) pulled {
	t.Helper()
	got := p.run(t, "state", "pull")
	var state pulled
	if err := json.Unmarshal([]byte(got.stdout), &state); err != nil {
		t.Fatalf("state pull: %v\n%s", err, got)
	}
	return state
}

// doneOnce checks that the state has one operation, and that each of its tasks was recorded done once.
func (p *planDir) doneOnce(t *testing.T) {
	t.Helper()
	state := p.pull(t)
	if len(state.Operations) != 1 || state.Operations[0].State != "DONE" {
		t.Errorf("operations in the state: %+v, expected one that is done", state.Operations)
	}
	done := make(map[string]int)
	for _, e := range state.Ledger {
		if e.Event == "task_done" {
			done[e.Address]++
		}
	}
	if len(done) < 8 {
		t.Errorf("tasks that were recorded done: %v", done)
	}
	for _, address := range slices.Sorted(maps.Keys(done)) {
		if done[address] != 1 {
			t.Errorf("%s was recorded done %d times", address, done[address])
		}
	}
}
