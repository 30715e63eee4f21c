package vitess

import (
	"strings"
	"time"

	"shardform/internal/keyrange"
)

// PartialCreate says what an interrupted creation left behind.
type PartialCreate int

// What Partial tells.
const (
	NotPartial        PartialCreate = iota
	PartialStopped                  // every stream is there and some never started: start it
	PartialIncomplete               // streams are missing: delete it and create it again
)

// Created reports whether every target has a stream for every source shard that intersects it, and no more shards take
// part.
func (v *SegmentView) Created() bool {
	w := v.Workflow
	return w != nil && w.Sources.Equal(v.Sources) && w.Targets.Equal(v.Targets) && w.complete(v.Segment)
}

// Partial tells an interrupted creation of ours: a workflow named sf_… whose stopped streams have copied nothing, are at
// no position (rows_copied alone says little: it is written every 30 s while copying) and carry no message. The server
// starts streams shard by shard, so where all of them exist some may run already; where some are missing all have to be
// stopped, as a deletion that was interrupted may look alike.
func (v *SegmentView) Partial() PartialCreate {
	w := v.Workflow
	if w == nil || !OwnName(w.Name) || !w.some(Stream.stopped) {
		return NotPartial
	}
	untouched := func(s Stream) bool {
		return s.stopped() && s.RowsCopied == 0 && s.Position == "" && s.Message == ""
	}
	if !v.Created() {
		if w.every(untouched) {
			return PartialIncomplete
		}
		return NotPartial
	}
	if w.every(func(s Stream) bool { return !s.stopped() || untouched(s) }) && v.Writes() == NotSwitched && v.Reverse == nil {
		return PartialStopped
	}
	return NotPartial
}

func (s Stream) stopped() bool { return s.State == StateStopped }

// Paused reports whether shardform stopped the workflow because it was asked to.
func (v *SegmentView) Paused() bool {
	w := v.Workflow
	return w != nil && w.some(Stream.stopped) && w.every(func(s Stream) bool { return !s.stopped() || s.Message == PausedMessage })
}

// StoppedByOther reports whether streams are stopped that neither a switch, nor an interrupted creation, nor a VDiff, nor
// `shardform pause` has stopped.
func (v *SegmentView) StoppedByOther() bool {
	w := v.Workflow
	if w == nil || !w.some(func(s Stream) bool { return s.stopped() && !s.Frozen() && !s.stoppedForVDiff() }) {
		return false
	}
	_, _, _, midFlight := v.MidFlight()
	return !midFlight && !v.Paused() && v.Partial() == NotPartial && !v.SwitchUndone()
}

// SwitchUndone reports whether a switch of writes failed before its journal and was undone in part only, as when a primary
// is reparented meanwhile: the sources take writes, and streams are still stopped for the switch. Starting the workflow is
// the rest of undoing it. Streams back that are still there mean that the journal may be written, and writes were let go on
// by hand: the server would then switch without stopping them.
func (v *SegmentView) SwitchUndone() bool {
	w := v.Workflow
	if w == nil || v.Reverse != nil || v.Writes() != NotSwitched || !w.some(Stream.stopped) {
		return false
	}
	_, _, _, midFlight := v.MidFlight()
	return !midFlight && w.every(func(s Stream) bool { return !s.stopped() || s.Message == CutoverMessage })
}

// stoppedForVDiff reports whether a VDiff holds the stream for a moment: it stops the streams, lets them run up to a
// position that both sides share, and starts them again. A tablet that dies meanwhile leaves them like that.
func (s Stream) stoppedForVDiff() bool {
	return s.stopped() && (s.Message == "for vdiff" || strings.HasPrefix(s.Message, "Stop position ") || strings.HasPrefix(s.Message, "Stopped at position "))
}

// Copied reports whether every stream runs, knows its position and has nothing left to copy.
func (v *SegmentView) Copied() bool {
	return v.Created() && v.Workflow.Running() && v.Workflow.every(func(s Stream) bool { return s.Position != "" })
}

// HeldByVDiff reports whether the workflow has copied everything and a VDiff holds some of its streams for a moment. A VDiff
// begins when all is copied; where its tablet, or whoever watched it, died, the streams may stand like that for longer.
func (v *SegmentView) HeldByVDiff() bool {
	return v.Created() && v.Workflow.some(Stream.stoppedForVDiff) && v.Workflow.every(func(s Stream) bool {
		return len(s.CopyTables) == 0 && s.Position != "" && (s.State == StateRunning || s.stoppedForVDiff())
	})
}

// Errors are the errors of the workflow's streams, then of the reverse ones, as "shard/id: message".
func (v *SegmentView) Errors() []string {
	var errs []string
	for _, w := range []*Workflow{v.Workflow, v.Reverse} {
		if w != nil {
			errs = append(errs, w.Errors()...)
		}
	}
	return errs
}

// Lag is the workflow's (see Workflow.Lag); unknown without one.
func (v *SegmentView) Lag(now time.Time) (lag time.Duration, known bool) {
	if v.Workflow == nil {
		return 0, false
	}
	return v.Workflow.Lag(now)
}

// SourcesPresent are the sources that have a shard record.
func (v *SegmentView) SourcesPresent() keyrange.Layout { return v.present(v.Sources) }

func (v *SegmentView) present(l keyrange.Layout) keyrange.Layout {
	var present keyrange.Layout
	for _, s := range l {
		if record := v.Shard(s); record != nil {
			present = append(present, record.Shard)
		}
	}
	return present
}
