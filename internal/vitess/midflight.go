package vitess

import (
	"strings"
	"time"

	"shardform/internal/keyrange"
)

// Direction is where a switch goes.
type Direction int

// The directions.
const (
	Forward  Direction = iota // from the sources to the targets
	Backward                  // from the targets to the sources
)

func (d Direction) String() string {
	if d == Backward {
		return "backward"
	}
	return "forward"
}

// MidFlight reports a PRIMARY switch that began and did not end, so that writes may be stopped, and where it was
// going; it has to be finished in that direction and in no other. shard names the shards concerned, with commas
// between them; since is about when their writes stopped, zero where no stream tells.
//
// The server disables writes on the losing side by a control in every cell, stops the losing side's streams ("stopped
// for cutover"), creates the streams back, writes its journal, flips the flags of the shard records, moves the PRIMARY
// partitions (which drops the controls), starts the streams back, and at last freezes the losing side's workflow. So a
// workflow that is frozen throughout belongs to a switch that ended, whether its streams back run or not: they do not
// with reverse_replication = false, and switching again would start none. Without any workflow there is nothing that
// could be finished, and controls are leftovers.
func (v *SegmentView) MidFlight() (direction Direction, since time.Time, shard string, ok bool) {
	if v.Workflow == nil && v.Reverse == nil {
		return 0, time.Time{}, "", false
	}
	onSources, onTargets := v.writesDisabled(v.Sources), v.writesDisabled(v.Targets)
	flags := v.flags()
	switch {
	case onTargets && (flags == AllSwitched || !onSources && v.Writes() == PartlySwitched):
		direction, ok = Backward, true
	case onSources && v.Writes() == PartlySwitched:
		direction, ok = Forward, true
	case flags == PartlySwitched, flags == NotSwitched && v.Writes() == PartlySwitched:
		// No control is left to tell: the records or some cells moved, the workflow that was losing is known by its state.
		ok = true
		if inCutover(v.Reverse) && !inCutover(v.Workflow) {
			direction = Backward
		}
		if flags == NotSwitched && v.Reverse != nil {
			direction = Backward
		}
	case flags == AllSwitched && v.Writes() == PartlySwitched:
		direction, ok = Forward, true
	case flags == AllSwitched:
		direction, ok = Forward, v.Workflow != nil && !v.Workflow.Frozen() && !v.createdByReversal()
	case flags == NotSwitched:
		direction, ok = Backward, inCutover(v.Reverse)
	}
	if !ok {
		return 0, time.Time{}, "", false
	}
	losing, workflow := v.Sources, v.Workflow
	if direction == Backward {
		losing, workflow = v.Targets, v.Reverse
	}
	return direction, stoppedSince(workflow), strings.Join(v.present(losing).Names(), ","), true
}

// writesDisabled reports whether some cell has a disabled PRIMARY control on one of the shards.
func (v *SegmentView) writesDisabled(shards keyrange.Layout) bool {
	for _, c := range v.Serving {
		if v.someDisabled(c.Partitions[Primary], shards) {
			return true
		}
	}
	return false
}

// inCutover reports whether a switch has stopped or frozen some of the workflow's streams, but not frozen all.
func inCutover(w *Workflow) bool {
	return w != nil && !w.Frozen() && w.some(func(s Stream) bool { return s.Frozen() || s.stopped() && s.Message == CutoverMessage })
}

// createdByReversal reports whether the workflow's streams are those that a reversal made before its journal and did
// not delete again: never started, while the streams back still run.
func (v *SegmentView) createdByReversal() bool {
	return v.Reverse.Running() && v.Workflow.every(func(s Stream) bool { return s.stopped() && s.Message == "" })
}

// stoppedSince is the earliest last update of the streams that a switch stopped.
func stoppedSince(w *Workflow) time.Time {
	var since time.Time
	if w == nil {
		return since
	}
	for _, s := range w.Streams {
		if s.stopped() && !s.Updated.IsZero() && (since.IsZero() || s.Updated.Before(since)) {
			since = s.Updated
		}
	}
	return since
}
