package legacytest

import (
	"fmt"
	"slices"
	"strings"
)

// migrateServedTypes moves a type from all sources of the targets that the shard is a source of.
func (w *World) migrateServedTypes(options map[string]string, args []string) (any, error) {
	keyspace, shard, _ := strings.Cut(args[0], "/")
	t := args[1]
	k, _, err := w.shard(args[0])
	if err != nil {
		return nil, err
	}
	targets, sources := k.group(keyspace, shard)
	if len(targets) == 0 {
		return nil, fmt.Errorf("neither Shard '%s' nor Shard '%s' have a 'SourceShards' entry. Did you successfully run vtworker SplitClone before? Or did you already migrate the MASTER type?", shard, shard)
	}
	if t == "master" {
		for _, cell := range w.Cells {
			for _, before := range types[:2] {
				if contains(k.serving[cell][before].shards, shard) {
					return nil, fmt.Errorf("cannot migrate MASTER away from %s until everything else is migrated. Make sure that the following types are migrated first: %s", args[0], strings.ToUpper(before))
				}
			}
		}
	}
	leaving, coming := sources, targets
	if options["reverse"] == "true" {
		leaving, coming = targets, sources
	}
	for _, cell := range w.Cells {
		p := k.serving[cell][t]
		p.shards = slices.DeleteFunc(p.shards, func(name string) bool { return contains(leaving, name) || contains(coming, name) })
		p.shards = append(p.shards, coming...)
		slices.Sort(p.shards)
		p.disabled = nil
	}
	if t != "master" {
		return nil, nil
	}
	for _, name := range targets {
		k.shards[name].sources, k.shards[name].serving = nil, true
	}
	for _, name := range sources { // the way back is set up, and not started
		s := k.shards[name]
		s.serving, s.frozen, s.sources = false, true, nil
		for _, from := range targets {
			if k.shards[from].Range.Intersects(s.Range) {
				w.uids++
				s.sources = append(s.sources, worldSource{uid: w.uids, keyspace: keyspace, shard: from})
			}
		}
	}
	return nil, nil
}

// group are the shards that follow shard, and all that they follow.
func (k *worldKeyspace) group(keyspace, shard string) (targets, sources []string) {
	for _, name := range sortedKeys(k.shards) {
		s := k.shards[name]
		if s.frozen || !slices.ContainsFunc(s.sources, func(from worldSource) bool { return from.keyspace == keyspace && from.shard == shard }) {
			continue
		}
		targets = append(targets, name)
		for _, from := range s.sources {
			if !contains(sources, from.shard) {
				sources = append(sources, from.shard)
			}
		}
	}
	return targets, sources
}

func (w *World) migrateServedFrom(_ map[string]string, args []string) (any, error) {
	k, s, err := w.shard(args[0])
	if err != nil {
		return nil, err
	}
	t := args[1]
	switch {
	case len(s.sources) != 1 || len(k.servedFrom) == 0:
		return nil, fmt.Errorf("destination shard %s is not a vertical split target", args[0])
	case k.servedFrom[t] == "":
		return nil, fmt.Errorf("supplied type cannot be migrated: %s", t)
	case t == "master" && (k.servedFrom["rdonly"] != "" || k.servedFrom["replica"] != ""):
		return nil, fmt.Errorf("cannot migrate master into %s until everything else is migrated", args[0])
	}
	from := s.sources[0]
	delete(k.servedFrom, t)
	source := w.keyspaces[from.keyspace].shards[from.shard]
	source.denied[t] = from.tables
	if t == "master" {
		s.sources = nil
	}
	return nil, nil
}

// splitClone copies all sources that share rows with the targets of one, as vtworker does.
func (w *World) splitClone(_ map[string]string, args []string) (any, error) {
	keyspace, name, _ := strings.Cut(args[0], "/")
	k, source, err := w.shard(args[0])
	if err != nil {
		return nil, err
	}
	var targets []string
	for _, other := range sortedKeys(k.shards) {
		if s := k.shards[other]; other != name && !s.serving && s.Range.Intersects(source.Range) {
			targets = append(targets, other)
		}
	}
	if len(targets) == 0 {
		return nil, fmt.Errorf("the specified shard %s is not in any overlapping shard", args[0])
	}
	for i, target := range targets {
		for _, other := range targets[:i] {
			if k.shards[other].Range.Intersects(k.shards[target].Range) {
				return nil, fmt.Errorf("cannot FindOverlappingShards in %s: shard %s intersects with more than one shard, this is not supported", keyspace, name)
			}
		}
		if len(k.shards[target].sources) > 0 {
			return nil, fmt.Errorf("destination shard %s/%s has filtered replication already enabled from a previous resharding (ShardInfo is set). This requires manual intervention e.g. use vtctl SourceShardDelete to remove it", keyspace, target)
		}
	}
	for _, cell := range w.Cells {
		for _, t := range types {
			if !contains(k.serving[cell][t].shards, name) {
				return nil, fmt.Errorf("source shard %s is not serving type %s", args[0], strings.ToUpper(t))
			}
		}
	}
	for _, target := range targets {
		for _, other := range sortedKeys(k.shards) {
			if s := k.shards[other]; s.serving && s.Range.Intersects(k.shards[target].Range) {
				w.uids++
				k.shards[target].sources = append(k.shards[target].sources, worldSource{uid: w.uids, keyspace: keyspace, shard: other})
			}
		}
	}
	return "Success", nil
}

func (w *World) verticalSplitClone(options map[string]string, args []string) (any, error) {
	k, s, err := w.shard(args[0])
	if err != nil {
		return nil, err
	}
	if len(s.sources) > 0 {
		return nil, fmt.Errorf("destination shard %s has filtered replication already enabled from a previous resharding (ShardInfo is set)", args[0])
	}
	from := k.servedFrom["master"]
	if from == "" {
		return nil, fmt.Errorf("destination keyspace of %s has no KeyspaceServedFrom", args[0])
	}
	w.uids++
	s.sources = []worldSource{{uid: w.uids, keyspace: from, shard: sortedKeys(w.keyspaces[from].shards)[0], tables: strings.Split(options["tables"], ",")}}
	return "Success", nil
}

func (w *World) diff(options map[string]string, args []string) (any, error) {
	_, s, err := w.shard(args[0])
	if err != nil {
		return nil, err
	}
	if len(s.sources) == 0 {
		return nil, fmt.Errorf("shard %s has no source shard", args[0])
	}
	uid, given := options["source_uid"]
	switch has := func(from worldSource) bool { return fmt.Sprint(from.uid) == uid }; {
	case !given && len(s.sources) > 1:
		return nil, fmt.Errorf("shard %s has more than one source, please specify a source UID", args[0])
	case given && !slices.ContainsFunc(s.sources, has):
		return nil, fmt.Errorf("shard %s has no source shard with UID %s", args[0], uid)
	}
	return "No difference found.", nil
}
