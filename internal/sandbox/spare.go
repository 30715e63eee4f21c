package sandbox

import (
	"context"
	"maps"
	"slices"
	"time"

	"shardform/internal/keyrange"
)

// makeSpares makes the shards that are wanted and absent, and gives tablets to those that have none. Names are compared
// as ranges: where there is a shard 0, a shard - is not missing. Keyspaces that the sandbox does not have are passed over.
// It needs no engine, so that a process that is not the holder can ask for shards too.
func (t *topology) makeSpares(ctx context.Context, spare map[string][]string, now time.Time) error {
	for _, ks := range slices.Sorted(maps.Keys(spare)) { // in order, so that equal descriptions give equal tablets
		names := spare[ks]
		var missing []string
		err := t.view(ctx, func(tx topoTx) (err error) {
			missing, err = tx.missingSpares(ks, names)
			return err
		})
		if err != nil {
			return err
		}
		if len(missing) == 0 {
			continue
		}
		err = t.update(ctx, func(tx topoTx) error {
			missing, err := tx.missingSpares(ks, names)
			if err != nil {
				return err
			}
			for _, name := range missing {
				if err := tx.makeSpare(ks, name, now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// missingSpares are the names of which the keyspace has no shard, or one without a primary.
func (tx topoTx) missingSpares(ks string, names []string) ([]string, error) {
	all, err := tx.shards(ks)
	if isNoNode(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range names {
		kr, err := parseShardName(name)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(all, func(s *shardInfo) bool { return sameRange(s.KeyRange, kr) && s.PrimaryAlias != nil }) {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

func (tx topoTx) makeSpare(ks, name string, now time.Time) error {
	shard, err := keyrange.ParseShard(name)
	if err != nil {
		return err
	}
	name = shard.Name // in lower case
	s, err := tx.shard(ks, name)
	if isNoNode(err) {
		if s, err = tx.createShard(ks, name); err == nil {
			// A shard that no layout serves from yet never serves by itself.
			s.IsPrimaryServing = false
		}
	}
	if err != nil {
		return err
	}
	return tx.addTablets(s, now)
}
