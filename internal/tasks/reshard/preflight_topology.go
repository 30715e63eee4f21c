package reshard

import (
	"fmt"
	"slices"
	"strings"

	"shardform/internal/keyrange"
	"shardform/internal/vitess"
)

// checkRanges is the server's own check of the two sides.
func checkRanges(f *facts) []complaint {
	if err := keyrange.CheckReshard(f.Sources, f.Targets); err != nil {
		return []complaint{{text: fmt.Sprintf("%s cannot become %s: %v", f.Sources, f.Targets, err), cure: "change the layout: both sides have to cover the same range, without gaps"}}
	}
	return nil
}

// checkSources wants every source to serve every type in every cell that serves it.
func checkSources(f *facts) []complaint {
	var list []complaint
	for _, source := range f.Sources {
		switch record := shardRecord(f.Snapshot, source.Name); {
		case record == nil:
			list = append(list, complaint{text: fmt.Sprintf("source shard %s does not exist", source), cure: "plan again: the layout has changed", conflict: true})
		case !record.PrimaryServing:
			list = append(list, complaint{text: fmt.Sprintf("source shard %s does not serve writes", source), cure: "plan again: the layout has changed", conflict: true})
		case record.PrimaryAlias == "":
			list = append(list, complaint{text: fmt.Sprintf("source shard %s has no primary tablet", source),
				cure: vitess.CommandReparent(f.Keyspace, source.Name)})
		}
	}
	for _, kind := range []vitess.TabletType{vitess.Replica, vitess.Rdonly, vitess.Primary} {
		for _, c := range f.ReadsByCell(kind) {
			if c.Switched != vitess.NotSwitched {
				list = append(list, complaint{text: fmt.Sprintf("cell %s does not serve %s from %s but from %s, and there is no workflow", c.Cell, kind, f.Sources, c.Shards),
					cure: "clear leftover controls, then: " + vitess.CommandRebuildKeyspaceGraph(f.Keyspace), conflict: true})
			}
		}
	}
	return list
}

// checkTargets wants every target there, with a primary, and not serving.
func checkTargets(f *facts) []complaint {
	var list []complaint
	for _, target := range f.Targets {
		switch record := shardRecord(f.Snapshot, target.Name); {
		case record == nil:
			list = append(list, complaint{text: fmt.Sprintf("target shard %s does not exist", target), awaited: true,
				cure: fmt.Sprintf("bring up its tablets (vttablet --init_keyspace %s --init_shard %s), or set preflight.wait and start them meanwhile", f.Keyspace, target)})
		case record.PrimaryServing:
			list = append(list, complaint{text: fmt.Sprintf("target shard %s is serving already", target), conflict: true,
				cure: fmt.Sprintf("a shard made before the sources comes up serving: vtctldclient SetShardIsPrimaryServing %s/%s false", f.Keyspace, target)})
		case record.PrimaryAlias == "":
			list = append(list, complaint{text: fmt.Sprintf("target shard %s has no primary tablet", target), awaited: true,
				cure: vitess.CommandReparent(f.Keyspace, target.Name)})
		}
	}
	return list
}

// checkPrimaries wants a primary on every shard of the keyspace: the server's workflow commands fail for all of them
// where one shard has none. It warns of primaries that serve nothing and take no part: vtgate ends the buffering of a
// switch when all the healthy primaries that it sees serve, so behind this one it would go on until its window is over.
func checkPrimaries(f *facts) []complaint {
	var idle, headless, reparents []string
	for _, shard := range f.Shards {
		mine := slices.Contains(f.Sources.Names(), shard.Name) || slices.Contains(f.Targets.Names(), shard.Name)
		switch {
		case mine:
		case shard.PrimaryAlias == "":
			headless = append(headless, shard.Name)
			reparents = append(reparents, vitess.CommandReparent(f.Keyspace, shard.Name))
		case !shard.PrimaryServing:
			idle = append(idle, shard.Name)
		}
	}
	var list []complaint
	if len(idle) > 0 {
		list = append(list, complaint{warning: true, text: oneOrMore(idle, "shard %s takes no part, serves nothing and has a primary tablet: while that runs", "shards %s take no part, serve nothing and have primary tablets: while those run") +
			", vtgate does not see that writes have moved and buffers queries until its window is over; start its tablets when this reshard is confirmed, or stop them"})
	}
	if len(headless) > 0 {
		list = append(list, complaint{text: oneOrMore(headless, "shard %s, which takes no part, has no primary tablet", "shards %s, which take no part, have no primary tablets") + ": every workflow command of the keyspace fails",
			cure: fmt.Sprintf("delete what nobody needs: %s\nor give it one: %s", vitess.CommandDeleteShards(f.Keyspace, headless...), strings.Join(reparents, "\n"))})
	}
	return list
}

// oneOrMore spells the shards' names into one of two sentences.
func oneOrMore(shards []string, one, more string) string {
	if len(shards) == 1 {
		more = one
	}
	return fmt.Sprintf(more, strings.Join(shards, ", "))
}

// checkReplicas warns of targets that lack tablets of a type in a cell where every source has some.
func checkReplicas(f *facts) []complaint {
	var list []complaint
	for _, target := range f.Targets {
		if shardRecord(f.Snapshot, target.Name) == nil {
			continue
		}
		for _, cell := range f.Cells {
			for _, kind := range []string{"REPLICA", "RDONLY"} {
				lacking := func(s keyrange.Shard) bool { return tabletCount(f, s.Name, cell, kind) == 0 }
				if lacking(target) && !slices.ContainsFunc(f.Sources, lacking) {
					list = append(list, complaint{warning: true,
						text: fmt.Sprintf("target shard %s has no %s tablet in cell %s, where the sources have one: reads of that type have nowhere to go behind the switch", target, kind, cell)})
				}
			}
		}
	}
	return list
}

func tabletCount(f *facts, shard, cell, kind string) int {
	n := 0
	for _, t := range f.Tablets {
		if t.Shard == shard && t.Type == kind && (cell == "" || t.Cell == cell) {
			n++
		}
	}
	return n
}

// checkCopyTablets wants a tablet to copy from on every source: without one the streams wait for ever.
func checkCopyTablets(f *facts) []complaint {
	cells := f.cells
	if len(cells) == 0 {
		cells = []string{""}
	}
	var list []complaint
	for _, source := range f.Sources {
		found := slices.ContainsFunc(f.types, func(kind string) bool {
			return slices.ContainsFunc(cells, func(cell string) bool { return tabletCount(f, source.Name, cell, kind) > 0 })
		})
		if !found && shardRecord(f.Snapshot, source.Name) != nil {
			where := "any cell"
			if len(f.cells) > 0 {
				where = strings.Join(f.cells, ", ")
			}
			list = append(list, complaint{text: fmt.Sprintf("source shard %s has no tablet of type %s in %s to copy from", source, strings.Join(f.types, " or "), where),
				cure: "change reshard.tablet_types or reshard.cells, or start one: vtctldclient GetTablets --keyspace " + f.Keyspace + " --shard " + source.Name})
		}
	}
	return list
}

// checkValidation passes the server's own complaints on; what stands in the way is another check's.
func checkValidation(f *facts) []complaint {
	var list []complaint
	for _, text := range f.validation {
		list = append(list, complaint{text: "ValidateKeyspace: " + text, warning: true})
	}
	return list
}
