package vitess

import (
	"slices"

	"shardform/internal/keyrange"
)

// Control is a disabled tablet control: the type is not served from the shard in the cell.
type Control struct {
	Cell  string
	Type  TabletType
	Shard string
}

// LeftoverControls are the disabled controls on shards of no open reshard, by cell, then in the order of ServingTypes,
// then as the cell lists them. Reversing and deleting leave them behind for good, and RebuildKeyspaceGraph refuses to
// work while there is one. Those of an open reshard are its business: a switch sets them and undoes them.
func (s *Snapshot) LeftoverControls() []Control {
	var leftover []Control
	open := s.OpenSegments()
	for _, c := range s.DisabledControls() {
		r := rangeOf(c.Shard)
		if !slices.ContainsFunc(open, func(o keyrange.Segment) bool { return o.Sources.Has(r) || o.Targets.Has(r) }) {
			leftover = append(leftover, c)
		}
	}
	return leftover
}

// DisabledControls are all disabled controls, in the order of LeftoverControls.
func (s *Snapshot) DisabledControls() []Control {
	var controls []Control
	for _, c := range s.Serving {
		for _, t := range ServingTypes {
			for _, shard := range c.Partitions[t].Disabled {
				controls = append(controls, Control{Cell: c.Cell, Type: t, Shard: shard})
			}
		}
	}
	return controls
}

// WritesDisabled are the shards whose records say that they serve writes and that a control keeps from it in some cell, as
// the cells list them: in the middle of a switch, or for good where its workflow was deleted.
func (s *Snapshot) WritesDisabled() []string {
	var shards []string
	for _, c := range s.DisabledControls() {
		if record := s.Shard(keyrange.Shard{Name: c.Shard, Range: rangeOf(c.Shard)}); c.Type == Primary &&
			record != nil && record.PrimaryServing && !slices.Contains(shards, c.Shard) {
			shards = append(shards, c.Shard)
		}
	}
	return shards
}
