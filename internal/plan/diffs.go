package plan

import (
	"context"
	"slices"
	"strings"

	"shardform/internal/addr"
	"shardform/internal/state"
)

// longText is how long a parameter may be before a plan shows it as a text that changes instead of in one line; bytes.
const longText = 100

// diffs shows the long texts of operation blocks' tasks (scripts, documents) against what was recorded when they last ran:
// a reviewer sees what changes, not that something does.
func (m *maker) diffs(context.Context) error {
	for _, d := range m.drafts {
		if d.keyspace != nil {
			continue
		}
		var before map[addr.Address]*state.Task // made when the first long text comes
		for i := range d.Containers {
			for j := range d.Containers[i].Tasks {
				t := &d.Containers[i].Tasks[j]
				if t.Action == Completed {
					continue
				}
				for _, name := range longParameters(t.Parameters) {
					if before == nil {
						before = recordedTasks(m.recorded.latest[d.Address])
					}
					diff := TextDiff{Parameter: name, After: t.Parameters[name]}
					if r := before[t.Address]; r != nil {
						diff.Before = r.Parameters[name]
					}
					t.Diffs = append(t.Diffs, diff)
				}
			}
		}
	}
	return nil
}

// longParameters are the names of the parameters that are shown as texts, sorted.
func longParameters(parameters map[string]string) []string {
	var names []string
	for name, value := range parameters {
		if strings.Contains(value, "\n") || len(value) > longText {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func recordedTasks(last *instance) map[addr.Address]*state.Task {
	byAddress := map[addr.Address]*state.Task{}
	if last == nil {
		return byAddress
	}
	for i := range last.containers {
		for j := range last.containers[i].Tasks {
			t := &last.containers[i].Tasks[j]
			byAddress[t.Address] = t
		}
	}
	return byAddress
}
