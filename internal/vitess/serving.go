package vitess

import (
	"fmt"
	"slices"
	"strings"

	"shardform/internal/keyrange"
)

// ServingError says that the cells of a keyspace do not serve a type from the same shards: reads were switched in some
// of them only, or someone repaired one by hand.
type ServingError struct {
	Keyspace string
	Type     TabletType
	Cells    []CellLayout // every cell that serves the type, sorted by cell
}

// CellLayout is what one cell serves a type from.
type CellLayout struct {
	Cell   string
	Layout keyrange.Layout
}

func (e *ServingError) Error() string {
	parts := make([]string, len(e.Cells))
	for i, c := range e.Cells {
		parts[i] = fmt.Sprintf("%s from %s", c.Cell, c.Layout)
	}
	return fmt.Sprintf("cells do not agree about what serves %s of keyspace %s: %s", e.Type, e.Keyspace, strings.Join(parts, "; "))
}

// Layout is what the keyspace serves t from, agreed by every cell that serves it: empty if none does. The error is a
// *ServingError. A cell without a SrvKeyspace, or without a partition for the type, serves nothing and has no say.
func (s *Snapshot) Layout(t TabletType) (keyrange.Layout, error) {
	var cells []CellLayout
	for _, c := range s.Serving {
		if p, ok := c.Partitions[t]; ok {
			cells = append(cells, CellLayout{c.Cell, p.Shards})
		}
	}
	if len(cells) == 0 {
		return nil, nil
	}
	if slices.ContainsFunc(cells, func(c CellLayout) bool { return !c.Layout.Equal(cells[0].Layout) }) {
		return nil, &ServingError{Keyspace: s.Keyspace, Type: t, Cells: cells}
	}
	return cells[0].Layout, nil
}

// ServingShards are the shards whose records say that they serve writes.
func (s *Snapshot) ServingShards() keyrange.Layout {
	var shards []keyrange.Shard
	for _, shard := range s.Shards {
		if shard.PrimaryServing {
			shards = append(shards, shard.Shard)
		}
	}
	return keyrange.NewLayout(shards)
}

// Shard is the record of the shard with this name, or else of one with the same range ("0" and "-" are the same shard
// to a layout); nil if there is none.
func (s *Snapshot) Shard(want keyrange.Shard) *Shard {
	for i := range s.Shards {
		if s.Shards[i].Name == want.Name {
			return &s.Shards[i]
		}
	}
	for i := range s.Shards {
		if s.Shards[i].Range == want.Range {
			return &s.Shards[i]
		}
	}
	return nil
}

// WorkflowNamed is the workflow of this name, nil if there is none.
func (s *Snapshot) WorkflowNamed(name string) *Workflow {
	for i := range s.Workflows {
		if s.Workflows[i].Name == name {
			return &s.Workflows[i]
		}
	}
	return nil
}

// disables reports whether the partition has a disabled control on the shard.
func (p Partition) disables(shard keyrange.Shard) bool {
	return slices.ContainsFunc(p.Disabled, func(name string) bool {
		return name == shard.Name || rangeOf(name) == shard.Range
	})
}

// rangeOf is what a shard name stands for. Vitess keeps names it would refuse today; they stand for everything, as
// there they have no key range.
func rangeOf(name string) keyrange.Range {
	shard, err := keyrange.ParseShard(name)
	if err != nil {
		return keyrange.Range{}
	}
	return shard.Range
}

// hasAll reports whether every range of part is one of l's.
func hasAll(l, part keyrange.Layout) bool {
	return !slices.ContainsFunc(part, func(s keyrange.Shard) bool { return !l.Has(s.Range) })
}

// hasAny reports whether some range of part is one of l's.
func hasAny(l, part keyrange.Layout) bool {
	return slices.ContainsFunc(part, func(s keyrange.Shard) bool { return l.Has(s.Range) })
}
