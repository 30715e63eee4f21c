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
