package legacytest

import (
	"fmt"
	"slices"
	"sync"

	"shardform/internal/keyrange"
)

// World is a legacy cluster as a resharding sees it: what its cells serve, which shards replicate from which, which
// tables are where. It has no rows. Its vtctl and vtworker commands change it as those of v0.10 do, refuse what they
// refuse in the same words, and die half way where the test says so. Its methods may be called at the same time.
type World struct {
	// Before runs before a command does anything, After when it has done its work and before it is answered; an error
	// is the command's. Both get its arguments, and may be nil.
	Before, After func(args []string) error
	Cells         []string

	mu        sync.Mutex
	keyspaces map[string]*worldKeyspace
	uids      uint32
}

type worldKeyspace struct {
	servedFrom map[string]string // tablet type: keyspace
	shards     map[string]*worldShard
	serving    map[string]map[string]*worldPartition // cell, type
}

type worldShard struct {
	keyrange.Shard
	serving bool
	uid     uint32 // of the master
	frozen  bool
	sources []worldSource
	denied  map[string][]string
	tables  map[string]string // name: CREATE
}

type worldSource struct {
	uid             uint32
	keyspace, shard string
	tables          []string
}

type worldPartition struct {
	shards   []string
	disabled []string
}

// types of tablet in the order in which they are migrated.
var types = []string{"rdonly", "replica", "master"}

// NewWorld is a cluster of two cells without keyspaces.
func NewWorld() *World {
	return &World{Cells: []string{"zone1", "zone2"}, keyspaces: map[string]*worldKeyspace{}}
}

// Keyspace adds a keyspace whose shards serve and have the tables, each "create table NAME …".
func (w *World) Keyspace(name string, shards []string, tables ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := &worldKeyspace{servedFrom: map[string]string{}, shards: map[string]*worldShard{}, serving: map[string]map[string]*worldPartition{}}
	w.keyspaces[name] = k
	for _, cell := range w.Cells {
		k.serving[cell] = map[string]*worldPartition{}
		for _, t := range types {
			k.serving[cell][t] = &worldPartition{shards: slices.Clone(shards)}
		}
	}
	for _, shard := range shards {
		s := w.add(k, shard)
		s.serving = true
		for _, create := range tables {
			s.tables[tableName(create)] = create
		}
	}
}

// Spare adds shards of a keyspace that have a master and serve nothing.
func (w *World) Spare(keyspace string, shards ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, shard := range shards {
		w.add(w.keyspaces[keyspace], shard)
	}
}

// ServedFrom makes a keyspace one that another serves until tables are split off to it.
func (w *World) ServedFrom(keyspace, from string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range types {
		w.keyspaces[keyspace].servedFrom[t] = from
	}
}

func (w *World) add(k *worldKeyspace, name string) *worldShard {
	shard, err := keyrange.ParseShard(name)
	if err != nil {
		panic(err)
	}
	w.uids += 100
	s := &worldShard{Shard: shard, uid: w.uids, denied: map[string][]string{}, tables: map[string]string{}}
	k.shards[name] = s
	return s
}

// Replicate gives a shard filtered replication from another, as a SplitClone that somebody else ran, or one that died.
func (w *World) Replicate(keyspace, shard, from string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.keyspaces[keyspace].shards[shard]
	w.uids++
	s.sources = append(s.sources, worldSource{uid: w.uids, keyspace: keyspace, shard: from})
}

// Table puts a table on a shard, or another definition of one.
func (w *World) Table(keyspace, shard, create string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keyspaces[keyspace].shards[shard].tables[tableName(create)] = create
}

// Freeze makes a shard one that a reshard left: it serves nothing and replicates from the shards that took over.
func (w *World) Freeze(keyspace, shard string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keyspaces[keyspace].shards[shard].frozen = true
}

// StopWrites leaves writes of a shard disabled in every cell, as a migration of master that died does.
func (w *World) StopWrites(keyspace, shard string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, cell := range w.keyspaces[keyspace].serving {
		cell["master"].disabled = []string{shard}
	}
}

// Serving is what a keyspace serves a type from in every cell, or "they differ".
func (w *World) Serving(keyspace, tabletType string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := ""
	for _, cell := range w.Cells {
		now := fmt.Sprint(w.keyspaces[keyspace].serving[cell][tabletType].shards)
		if text != "" && now != text {
			return "they differ"
		}
		text = now
	}
	return text
}

func tableName(create string) string {
	var name string
	_, _ = fmt.Sscanf(create, "create table %s", &name)
	return name
}

func contains(l []string, name string) bool { return slices.Contains(l, name) }
