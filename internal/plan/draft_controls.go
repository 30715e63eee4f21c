package plan

import (
	"fmt"
	"slices"
	"strings"

	"shardform/internal/tasks/reshard"
	"shardform/internal/vitess"
)

// draftControls drafts the clearing of controls that an earlier reshard left behind, whoever left them, and reports
// whether it did. What was begun and not ended is drafted again: it may have created a shard for the moment.
func (m *maker) draftControls(k *keyspace) bool {
	controls := slices.DeleteFunc(k.snapshot.LeftoverControls(), k.clearedOnTheWayBack)
	address := k.Address.WithOperation(partControls)
	last := m.recorded.latest[address]
	if !m.selects(address) || !m.in.Rollback.IsZero() || len(controls) == 0 && (!last.open() || last.Expansion.Back == nil) {
		return false
	}
	var gone []string
	for _, c := range controls {
		if !slices.ContainsFunc(k.snapshot.Shards, func(s vitess.Shard) bool { return s.Name == c.Shard }) && !slices.Contains(gone, c.Shard) {
			gone = append(gone, c.Shard)
		}
	}
	slices.Sort(gone)
	b := reshard.Back{Controls: true, Gone: gone}
	if last.open() && last.Expansion.Back != nil && last.Expansion.Back.Covers(b) {
		b = last.Expansion.Back.Back
	}
	d := k.newDraft(address, KindControls)
	d.Reason = "disabled tablet controls are left on the cluster by a reshard that was taken back or deleted"
	d.Case = controlsText(controls)
	d.Expansion = Expansion{Back: &Back{Back: b}}
	d.Containers = containersOf(address, []reshard.Step{reshard.ClearControls(k.Cluster, k.Name, b.Gone)})
	m.drafts = append(m.drafts, d)
	return true
}

// clearedOnTheWayBack reports whether a way back that was begun clears the control by its own step.
func (k *keyspace) clearedOnTheWayBack(c vitess.Control) bool {
	return slices.ContainsFunc(k.segments, func(s *segmentState) bool {
		b := s.recordedBack()
		return b != nil && b.Controls && s.course != forward && slices.Contains(slices.Concat(s.Sources.Names(), s.Targets.Names()), c.Shard)
	})
}

// controlsText lists controls, each type and shard once.
func controlsText(controls []vitess.Control) string {
	cells := map[string][]string{}
	var order []string
	for _, c := range controls {
		key := fmt.Sprintf("%s on %s", c.Type, c.Shard)
		if cells[key] == nil {
			order = append(order, key)
		}
		cells[key] = append(cells[key], c.Cell)
	}
	for i, key := range order {
		order[i] = fmt.Sprintf("%s is disabled in %s", key, strings.Join(cells[key], ", "))
	}
	return strings.Join(order, "; ")
}
