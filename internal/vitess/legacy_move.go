package vitess

import (
	"slices"

	"shardform/internal/keyrange"
)

// LegacyMove is what two snapshots of a legacy cluster show of a vertical split into one shard.
type LegacyMove struct {
	From, To *Snapshot
	Source   *Shard // of From, that has the tables
	Target   *Shard // of To
	Tables   []string
}

// NewLegacyMove views the split; false if one of the shards does not exist.
func NewLegacyMove(from, to *Snapshot, source, target string, tables []string) (*LegacyMove, bool) {
	m := &LegacyMove{From: from, To: to, Source: from.shardNamed(source), Target: to.shardNamed(target), Tables: tables}
	return m, m.Source != nil && m.Target != nil
}

func (s *Snapshot) shardNamed(name string) *Shard {
	shard, err := keyrange.ParseShard(name)
	if err != nil {
		return nil
	}
	return s.Shard(shard)
}

// ServedFrom reports whether the source's keyspace still serves a type for the target's.
func (m *LegacyMove) ServedFrom(t TabletType) bool {
	return slices.ContainsFunc(m.To.ServedFrom, func(f ServedFrom) bool { return f.Type == t && f.Keyspace == m.From.Keyspace })
}

// Moved reports whether the target's keyspace serves a type of the tables itself: no other one serves it, the source
// denies the tables, and for PRIMARY nothing is replicated any more.
func (m *LegacyMove) Moved(t TabletType) bool {
	if slices.ContainsFunc(m.To.ServedFrom, func(f ServedFrom) bool { return f.Type == t }) {
		return false
	}
	denied := m.Source.Denied[t]
	if slices.ContainsFunc(m.Tables, func(table string) bool { return !slices.Contains(denied, table) }) {
		return false
	}
	return t != Primary || len(m.Target.Sources) == 0
}

// Begun reports whether some type has moved, Ended whether all have.
func (m *LegacyMove) Begun() bool { return slices.ContainsFunc(ServingTypes, m.Moved) }

// Ended reports whether all types have moved.
func (m *LegacyMove) Ended() bool {
	return !slices.ContainsFunc(ServingTypes, func(t TabletType) bool { return !m.Moved(t) })
}

// Replicating reports whether the target follows exactly the tables, and what it follows otherwise.
func (m *LegacyMove) Replicating() (yes bool, other *SourceShard) {
	for i, from := range m.Target.Sources {
		if from.Keyspace != m.From.Keyspace || from.Shard != m.Source.Name || !sameNames(from.Tables, m.Tables) {
			return false, &m.Target.Sources[i]
		}
		yes = true
	}
	return yes, nil
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
