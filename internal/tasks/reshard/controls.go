package reshard

import (
	"fmt"
	"slices"
	"strings"

	"shardform/internal/vitess"
)

// ControlsCommands are the vtctldclient command lines that clear disabled tablet controls and rebuild the serving graph.
// A control on a shard that is gone can only be cleared while the shard is there: it is created (it comes up not
// serving, as its range overlaps one that serves) and deleted again.
func ControlsCommands(snapshot *vitess.Snapshot, controls []vitess.Control) []string {
	if len(controls) == 0 {
		return nil
	}
	var shards []string
	types := map[string][]vitess.TabletType{}
	for _, c := range controls {
		if !slices.Contains(shards, c.Shard) {
			shards = append(shards, c.Shard)
		}
		if !slices.Contains(types[c.Shard], c.Type) {
			types[c.Shard] = append(types[c.Shard], c.Type)
		}
	}
	slices.Sort(shards)
	var commands []string
	for _, shard := range shards {
		gone := !hasShard(snapshot, shard)
		if gone {
			commands = append(commands, vitess.CommandCreateShard(snapshot.Keyspace, shard))
		}
		for _, kind := range vitess.ServingTypes {
			if slices.Contains(types[shard], kind) {
				commands = append(commands, vitess.CommandClearTabletControl(snapshot.Keyspace, shard, kind))
			}
		}
		if gone {
			commands = append(commands, vitess.CommandDeleteShard(snapshot.Keyspace, shard))
		}
	}
	return append(commands, vitess.CommandRebuildKeyspaceGraph(snapshot.Keyspace))
}

// controlList is "RDONLY on -80 in zone1, …".
func controlList(controls []vitess.Control) string {
	texts := make([]string, len(controls))
	for i, c := range controls {
		texts[i] = fmt.Sprintf("%s on %s in %s", c.Type, c.Shard, c.Cell)
	}
	return strings.Join(texts, ", ")
}
