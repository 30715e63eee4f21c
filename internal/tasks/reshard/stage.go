package reshard

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"shardform/internal/keyrange"
	"shardform/internal/vitess"
)

// stage is the furthest step of a reshard that the cluster shows. A step counts as done when a later one's state is
// observed: what led there was done by someone, and doing it again could only do harm.
type stage int

const (
	nothingYet  stage = iota
	isCreated         // a complete workflow
	isCopied          // all streams run, nothing left to copy
	isSwitching       // some reads have moved
	isMidFlight       // a PRIMARY switch began and did not end
	isSwitched        // writes have moved
	isCompleted       // and there is no workflow any more
)

func stageOf(v *vitess.SegmentView) stage {
	_, _, _, midFlight := v.MidFlight()
	switch {
	case midFlight:
		return isMidFlight
	case v.Writes() == vitess.AllSwitched && v.Workflow == nil && v.Reverse == nil:
		return isCompleted
	case v.Writes() == vitess.AllSwitched:
		return isSwitched
	case v.Workflow == nil:
		return nothingYet
	case v.Reads(vitess.Rdonly) != vitess.NotSwitched || v.Reads(vitess.Replica) != vitess.NotSwitched:
		return isSwitching
	case v.Copied(), v.HeldByVDiff():
		return isCopied
	case v.Created() && v.Partial() == vitess.NotPartial:
		return isCreated
	}
	return nothingYet
}

// midMigration reports whether writes to a source are stopped without a workflow that would have done it: on a legacy
// cluster a migration of master was interrupted. Nothing is waited for until it has ended.
func midMigration(v *vitess.SegmentView) bool {
	return v.Workflow == nil && v.Reverse == nil && slices.ContainsFunc(v.WritesDisabled(), func(shard string) bool {
		return slices.ContainsFunc(v.Sources, func(s keyrange.Shard) bool { return v.Shard(s) != nil && v.Shard(s).Name == shard })
	})
}

// passed says in words that a later step was observed.
func (s *scene) passed(v *vitess.SegmentView, what string) string {
	if midMigration(v) {
		return fmt.Sprintf("%s: writes to %s are stopped", what, strings.Join(v.WritesDisabled(), ", "))
	}
	switch stageOf(v) {
	case isCompleted:
		return fmt.Sprintf("%s: %s serves and the workflow is gone", what, s.segment.Targets)
	case isSwitched:
		return fmt.Sprintf("%s: writes are on %s already", what, s.segment.Targets)
	case isMidFlight:
		return fmt.Sprintf("%s: a switch of writes is under way", what)
	case isSwitching:
		return fmt.Sprintf("%s: reads are being switched already", what)
	}
	return fmt.Sprintf("%s: workflow %s", what, s.name(v))
}

// serving says who serves writes, for errors of anything that moves them.
func (s *scene) serving(v *vitess.SegmentView) string {
	if v == nil {
		return "who serves writes could not be read"
	}
	if _, since, shards, midFlight := v.MidFlight(); midFlight {
		text := fmt.Sprintf("WRITES ARE STOPPED on %s/%s", s.keyspace, shards)
		if !since.IsZero() {
			text += " since " + since.UTC().Format(time.RFC3339)
		}
		return text
	}
	switch v.Writes() {
	case vitess.NotSwitched:
		return fmt.Sprintf("writes are served by %s/%s", s.keyspace, s.segment.Sources)
	case vitess.AllSwitched:
		return fmt.Sprintf("writes are served by %s/%s", s.keyspace, s.segment.Targets)
	}
	return fmt.Sprintf("writes are served by %s/%s in part only", s.keyspace, strings.Join(servingShards(v), ","))
}

// readsNotMoved are the read types that some cell serves and that are not served by the targets everywhere.
func readsNotMoved(v *vitess.SegmentView) []vitess.TabletType {
	var types []vitess.TabletType
	for _, kind := range []vitess.TabletType{vitess.Rdonly, vitess.Replica} {
		if len(v.ReadsByCell(kind)) > 0 && v.Reads(kind) != vitess.AllSwitched {
			types = append(types, kind)
		}
	}
	return types
}

// servingShards are the shards of the segment whose records say that they serve writes: sources, then targets.
func servingShards(v *vitess.SegmentView) []string {
	serving := v.ServingShards().Names()
	return slices.DeleteFunc(slices.Concat(v.Sources.Names(), v.Targets.Names()), func(name string) bool { return !slices.Contains(serving, name) })
}
