package vitess

import "shardform/internal/keyrange"

// Switched says how far traffic has moved from a segment's sources to its targets.
type Switched int

// The degrees. Partly is any mixture, over cells, shards and records, that the server leaves when it dies.
const (
	NotSwitched Switched = iota
	PartlySwitched
	AllSwitched
)

func (s Switched) String() string {
	switch s {
	case NotSwitched:
		return "not switched"
	case AllSwitched:
		return "switched"
	}
	return "partly switched"
}

// CellSwitched is the state of one cell.
type CellSwitched struct {
	Cell     string
	Switched Switched
	Shards   keyrange.Layout // what serves the type there
}

// Reads says whether reads of type t have moved, over every cell that serves the type.
func (v *SegmentView) Reads(t TabletType) Switched {
	var states []Switched
	for _, c := range v.ReadsByCell(t) {
		states = append(states, c.Switched)
	}
	return overall(states)
}

// overall is what all states agree on, PartlySwitched if they differ, NotSwitched if there are none.
func overall(states []Switched) Switched {
	for _, s := range states {
		if s != states[0] {
			return PartlySwitched
		}
	}
	if len(states) == 0 {
		return NotSwitched
	}
	return states[0]
}

// ReadsByCell is Reads cell by cell, for saying which ones lag behind. The server disables the losing side first, then
// enables the winning one, then moves the references; disabled controls on the targets alone are what a reversal
// leaves behind and do not count as switched.
func (v *SegmentView) ReadsByCell(t TabletType) []CellSwitched {
	var cells []CellSwitched
	for _, c := range v.Serving {
		p, ok := c.Partitions[t]
		if !ok {
			continue
		}
		state := v.references(p)
		switch {
		case state == NotSwitched && v.someDisabled(p, v.Sources):
			state = PartlySwitched
		case state == AllSwitched && (v.someDisabled(p, v.Targets) || !v.sourcesClosed(p)):
			state = PartlySwitched
		}
		cells = append(cells, CellSwitched{c.Cell, state, p.Shards})
	}
	return cells
}

// references says which side a partition's shard references are on.
func (v *SegmentView) references(p Partition) Switched {
	switch {
	case hasAll(p.Shards, v.Targets) && !hasAny(p.Shards, v.Sources):
		return AllSwitched
	case hasAll(p.Shards, v.Sources) && !hasAny(p.Shards, v.Targets):
		return NotSwitched
	}
	return PartlySwitched
}

func (v *SegmentView) someDisabled(p Partition, shards keyrange.Layout) bool {
	for _, s := range shards {
		if p.disables(s) {
			return true
		}
	}
	return false
}

// sourcesClosed reports whether each source is disabled, or needs no control because writes have left it: the PRIMARY
// switch removes the controls of all types.
func (v *SegmentView) sourcesClosed(p Partition) bool {
	for _, s := range v.Sources {
		if record := v.Shard(s); record != nil && record.PrimaryServing && !p.disables(s) {
			return false
		}
	}
	return true
}

// Writes says whether writes have moved. NotSwitched and AllSwitched are consistent states: every shard record and the
// PRIMARY partition of every cell say the same, and no control stops writes on a shard of the segment.
func (v *SegmentView) Writes() Switched {
	flags := v.flags()
	states := []Switched{flags}
	for _, c := range v.Serving {
		p, ok := c.Partitions[Primary]
		if !ok {
			continue
		}
		state := v.references(p)
		// Only the side that serves can be stopped; what is disabled on the other one is a leftover.
		if state == NotSwitched && v.someDisabled(p, v.Sources) || state == AllSwitched && v.someDisabled(p, v.Targets) {
			state = PartlySwitched
		}
		states = append(states, state)
	}
	return overall(states)
}

// flags says which side the shard records name as serving writes. A source without a record serves none; neither does a
// target that is not there yet.
func (v *SegmentView) flags() Switched {
	serving := func(l keyrange.Layout) (n int) {
		for _, s := range l {
			if record := v.Shard(s); record != nil && record.PrimaryServing {
				n++
			}
		}
		return n
	}
	switch sources, targets := serving(v.Sources), serving(v.Targets); {
	case sources == len(v.Sources) && targets == 0:
		return NotSwitched
	case sources == 0 && targets == len(v.Targets):
		return AllSwitched
	}
	return PartlySwitched
}

// WritesDone reports whether a PRIMARY switch ended: writes moved, the workflow frozen and, where reverse replication
// was asked for, the streams back complete and running.
func (v *SegmentView) WritesDone(reverseReplication bool) bool {
	if v.Writes() != AllSwitched || !v.Workflow.Frozen() {
		return false
	}
	return !reverseReplication || v.ReverseRunning()
}

// ReverseRunning reports whether there is a running stream back on every source from every intersecting target.
func (v *SegmentView) ReverseRunning() bool {
	return v.Reverse.Running() && v.Reverse.complete(v.Segment.Reverse())
}

// Reversed reports whether writes were switched and taken back: the segment is not switched, its workflow runs again
// and the way back is frozen.
func (v *SegmentView) Reversed() bool {
	return v.Writes() == NotSwitched && v.Workflow.Running() && v.Reverse.Frozen()
}

// StuckComplete reports whether a completion died between deleting source shards and deleting the streams: the frozen
// workflow is still listed, and neither completing nor deleting it works any more, as both look for the sources.
func (v *SegmentView) StuckComplete() bool {
	return v.Workflow.Frozen() && len(v.SourcesPresent()) < len(v.Sources)
}
