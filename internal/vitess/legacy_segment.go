package vitess

import (
	"slices"

	"shardform/internal/keyrange"
)

// LegacySegment is what a snapshot of a legacy cluster shows of one segment. A reshard with vtworker is no workflow: how
// far it is shows in the records of its shards and in what the cells serve.
type LegacySegment struct {
	*Snapshot
	keyrange.Segment
}

// LegacySegmentAround returns the segment of a shard by the records of its keyspace alone: the shard is the source, and
// all others that share rows with it are the targets.
func LegacySegmentAround(s *Snapshot, shard keyrange.Shard) LegacySegment {
	var targets []keyrange.Shard
	for _, other := range s.Shards {
		if other.Range != shard.Range && other.Range.Intersects(shard.Range) {
			targets = append(targets, other.Shard)
		}
	}
	return LegacySegment{Snapshot: s, Segment: keyrange.Segment{Sources: keyrange.Layout{shard}, Targets: keyrange.NewLayout(targets)}}
}

// TargetsOf are the targets that have rows of source.
func (v LegacySegment) TargetsOf(source keyrange.Shard) keyrange.Layout {
	return meeting(v.Targets, source)
}

// SourcesOf are the sources that have rows for target.
func (v LegacySegment) SourcesOf(target keyrange.Shard) keyrange.Layout {
	return meeting(v.Sources, target)
}

func meeting(l keyrange.Layout, s keyrange.Shard) keyrange.Layout {
	var met keyrange.Layout
	for _, o := range l {
		if o.Range.Intersects(s.Range) {
			met = append(met, o)
		}
	}
	return met
}

// Replicating reports how many of the targets of source have filtered replication from it, which is the last thing that
// SplitClone sets up: SplitClone ended where it is all of them.
func (v LegacySegment) Replicating(source keyrange.Shard) Switched {
	states := make([]Switched, 0, len(v.Targets))
	for _, t := range v.TargetsOf(source) {
		state := NotSwitched
		if record := v.Shard(t); record != nil && !record.Frozen && slices.ContainsFunc(record.Sources, func(from SourceShard) bool { return v.follows(from, source) }) {
			state = AllSwitched
		}
		states = append(states, state)
	}
	return overall(states)
}

func (v LegacySegment) follows(from SourceShard, source keyrange.Shard) bool {
	return from.Keyspace == v.Keyspace && len(from.Tables) == 0 && (from.Shard == source.Name || rangeOf(from.Shard) == source.Range)
}

// Foreign is the filtered replication into a target that comes from no source of the segment, or that is left from a
// reshard the other way; none if there is none.
func (v LegacySegment) Foreign(target keyrange.Shard) []SourceShard {
	record := v.Shard(target)
	if record == nil {
		return nil
	}
	var foreign []SourceShard
	for _, from := range record.Sources {
		if record.Frozen || !slices.ContainsFunc(v.SourcesOf(target), func(s keyrange.Shard) bool { return v.follows(from, s) }) {
			foreign = append(foreign, from)
		}
	}
	return foreign
}

// Migrated reports whether the targets of source serve a type instead of it, in every cell that serves it. For PRIMARY
// the shards' records have to say so too, as they are changed first and last.
func (v LegacySegment) Migrated(t TabletType, source keyrange.Shard) bool {
	cells := 0
	for _, c := range v.Serving {
		p, serves := c.Partitions[t]
		if !serves {
			continue
		}
		cells++
		if p.Shards.Has(source.Range) || !hasAll(p.Shards, v.TargetsOf(source)) {
			return false
		}
	}
	if cells == 0 || t != Primary {
		return cells > 0
	}
	if record := v.Shard(source); record != nil && record.PrimaryServing {
		return false
	}
	return !slices.ContainsFunc(v.TargetsOf(source), func(target keyrange.Shard) bool {
		record := v.Shard(target)
		return record == nil || !record.PrimaryServing || len(record.Sources) > 0
	})
}

// Begun reports whether a target serves anything in any cell.
func (v LegacySegment) Begun(target keyrange.Shard) bool {
	return slices.ContainsFunc(v.Serving, func(c CellServing) bool {
		return slices.ContainsFunc(ServingTypes, func(t TabletType) bool { return c.Partitions[t].Shards.Has(target.Range) })
	})
}
