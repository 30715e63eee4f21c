package reshard

import (
	"fmt"
	"slices"
	"strings"

	"shardform/internal/keyrange"
	"shardform/internal/vitess"
)

func hasTablets(snapshot *vitess.Snapshot, shard string) bool {
	return slices.ContainsFunc(snapshot.Tablets, func(t vitess.Tablet) bool { return t.Shard == shard })
}

// unsettled are the open reshards that have moved reads or writes, or stopped some: rebuilding the serving graph would
// move their reads to where writes are, or is refused. Those of except are passed over.
func unsettled(snapshot *vitess.Snapshot, except ...keyrange.Segment) []string {
	var list []string
	for _, segment := range snapshot.OpenSegments() {
		if slices.ContainsFunc(except, func(e keyrange.Segment) bool {
			return e.Sources.Equal(segment.Sources) && e.Targets.Equal(segment.Targets)
		}) {
			continue
		}
		v := snapshot.View(segment)
		moved := v.Reads(vitess.Rdonly) != v.Writes() && len(v.ReadsByCell(vitess.Rdonly)) > 0 || v.Reads(vitess.Replica) != v.Writes() && len(v.ReadsByCell(vitess.Replica)) > 0
		disabled := slices.ContainsFunc(v.DisabledControls(), func(c vitess.Control) bool { return wayBack{v}.owns(c.Shard) })
		if moved || disabled {
			list = append(list, fmt.Sprintf("%s to %s", segment.Sources, segment.Targets))
		}
	}
	return list
}

// readsAstray lists the cells in which a type is served from other shards than those whose records say that they serve.
// Without an open reshard that is what a workflow leaves that was deleted behind switched reads.
func readsAstray(snapshot *vitess.Snapshot) []string {
	serving := snapshot.ServingShards()
	var list []string
	for _, cell := range snapshot.Serving {
		for _, kind := range vitess.ServingTypes {
			if p, ok := cell.Partitions[kind]; ok && !p.Shards.Equal(serving) {
				list = append(list, fmt.Sprintf("%s serves %s from %s, not %s", cell.Cell, kind, p.Shards, serving))
			}
		}
	}
	return list
}

// mayCreate refuses to create a shard that would come up serving, or that cells name as serving.
func mayCreate(snapshot *vitess.Snapshot, name string) error {
	created, err := keyrange.ParseShard(name)
	if err != nil {
		return refused(fmt.Sprintf("shard %s/%s is gone, has tablet controls, and cannot be created to clear them", snapshot.Keyspace, name), err.Error(), vitess.CommandGetSrvKeyspaces(snapshot.Keyspace))
	}
	if !slices.ContainsFunc(snapshot.Shards, func(s vitess.Shard) bool { return s.PrimaryServing && s.Range.Intersects(created.Range) }) {
		return refused(fmt.Sprintf("shard %s/%s is gone, has tablet controls, and is not created to clear them: it would come up serving", snapshot.Keyspace, name),
			fmt.Sprintf("expected a shard that serves writes and overlaps it, found: %s", snapshot.ServingShards()), vitess.CommandGetSrvKeyspaces(snapshot.Keyspace))
	}
	if users := shardUsers(snapshot, name); len(users) > 0 {
		return refused(fmt.Sprintf("shard %s/%s is gone, has tablet controls, and is not created to clear them: it could not be deleted again", snapshot.Keyspace, name),
			strings.Join(users, "\n"), vitess.CommandGetSrvKeyspaces(snapshot.Keyspace))
	}
	return nil
}

// expectedControls are the controls that are left when the reshard, if one is open, was taken back from where it is: those
// on its targets, of each read type that is switched back before writes are switched. A switch of writes drops them all.
func expectedControls(v *vitess.SegmentView) []vitess.Control {
	controls := v.LeftoverControls()
	if v.Workflow == nil && v.Reverse == nil {
		return controls
	}
	direction, _, _, midFlight := v.MidFlight()
	if v.Writes() == vitess.AllSwitched || midFlight && direction == vitess.Forward {
		return controls
	}
	if !midFlight {
		for _, c := range v.DisabledControls() {
			if shard, err := keyrange.ParseShard(c.Shard); err == nil && c.Type != vitess.Primary && v.Targets.Has(shard.Range) {
				controls = append(controls, c)
			}
		}
	}
	for _, kind := range (wayBack{v}).switchedReads() {
		for _, target := range v.Targets {
			controls = append(controls, vitess.Control{Type: kind, Shard: target.Name})
		}
	}
	return controls
}
