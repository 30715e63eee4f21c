package reshard

import (
	"fmt"
	"slices"
	"strings"

	"shardform/internal/vitess"
)

// controlVerb is what a step of clearing controls does.
type controlVerb int

const (
	createShard controlVerb = iota // for the moment: a control can only be cleared while its shard is there
	clearControl
	deleteShard // that was created for the moment
)

// controlStep is one call of clearing controls.
type controlStep struct {
	verb  controlVerb
	shard string
	kind  vitess.TabletType // of clearControl
}

// controlSteps are the calls that clear controls, shard by shard in the order of their names; the serving graph is
// rebuilt behind them. A control on a shard that is gone can only be cleared while the shard is there: it is created (it
// comes up not serving, as its range overlaps one that serves) and deleted again. momentary are shards that were created
// so before, and are deleted even if nothing is left to be cleared on them.
func controlSteps(snapshot *vitess.Snapshot, controls []vitess.Control, momentary []string) []controlStep {
	shards := slices.Clone(momentary)
	types := map[string][]vitess.TabletType{}
	for _, c := range controls {
		shards = append(shards, c.Shard)
		types[c.Shard] = append(types[c.Shard], c.Type)
	}
	slices.Sort(shards)
	var steps []controlStep
	for _, shard := range slices.Compact(shards) {
		gone := !hasShard(snapshot, shard)
		if gone {
			steps = append(steps, controlStep{verb: createShard, shard: shard})
		}
		for _, kind := range vitess.ServingTypes {
			if slices.Contains(types[shard], kind) {
				steps = append(steps, controlStep{verb: clearControl, shard: shard, kind: kind})
			}
		}
		if gone || slices.Contains(momentary, shard) {
			steps = append(steps, controlStep{verb: deleteShard, shard: shard})
		}
	}
	return steps
}

func (step controlStep) command(keyspace string) string {
	switch step.verb {
	case createShard:
		return vitess.CommandCreateShard(keyspace, step.shard)
	case deleteShard:
		return vitess.CommandDeleteShards(keyspace, step.shard)
	}
	return vitess.CommandClearTabletControl(keyspace, step.shard, step.kind)
}

// ControlsCommands are the vtctldclient command lines that clear disabled tablet controls and rebuild the serving graph;
// none where there are no controls.
func ControlsCommands(snapshot *vitess.Snapshot, controls []vitess.Control) []string {
	return controlCommands(snapshot.Keyspace, controlSteps(snapshot, controls, nil))
}

func controlCommands(keyspace string, steps []controlStep) []string {
	if len(steps) == 0 {
		return nil
	}
	var commands []string
	for _, step := range steps {
		commands = append(commands, step.command(keyspace))
	}
	return append(commands, vitess.CommandRebuildKeyspaceGraph(keyspace))
}

// ownControls are the disabled controls on those shards of the segment that have a record.
func ownControls(v *vitess.SegmentView) []vitess.Control {
	return slices.DeleteFunc(v.DisabledControls(), func(c vitess.Control) bool { return !(wayBack{v}).owns(c.Shard) || !hasShard(v.Snapshot, c.Shard) })
}

// byRecordsCommands make the segment serve every type from where its shard records say that writes are.
func byRecordsCommands(v *vitess.SegmentView) []string {
	if commands := ControlsCommands(v.Snapshot, ownControls(v)); len(commands) > 0 {
		return commands
	}
	return []string{vitess.CommandRebuildKeyspaceGraph(v.Keyspace)}
}

// controlList is "RDONLY on -80 in zone1, …".
func controlList(controls []vitess.Control) string {
	texts := make([]string, len(controls))
	for i, c := range controls {
		texts[i] = fmt.Sprintf("%s on %s in %s", c.Type, c.Shard, c.Cell)
	}
	return strings.Join(texts, ", ")
}
