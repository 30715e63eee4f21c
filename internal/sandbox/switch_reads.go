package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
)

// switchReads moves the read types of the request.
func (s *trafficSwitch) switchReads(ctx context.Context) error {
	var kinds []topodatapb.TabletType
	for _, kind := range s.req.TabletTypes {
		if kind != topodatapb.TabletType_PRIMARY {
			kinds = append(kinds, kind)
		}
	}
	replica := slices.Contains(kinds, topodatapb.TabletType_REPLICA)
	rdonly := slices.Contains(kinds, topodatapb.TabletType_RDONLY)
	if s.backward && replica && !s.state.replica {
		return errors.New("invalid request: requesting reversal of read traffic for REPLICAs but REPLICA reads have not been switched")
	}
	if s.backward && rdonly && !s.state.rdonly {
		return errors.New("invalid request: requesting reversal of read traffic for RDONLYs but RDONLY reads have not been switched")
	}
	if s.req.DryRun {
		from, to := s.m.sources, s.m.targets
		if s.backward {
			from, to = to, from
		}
		s.plan = append(s.plan, "Lock keyspace "+s.m.keyspace,
			fmt.Sprintf("Switch reads from keyspace %s to keyspace %s for shards [%s] to shards [%s]", s.m.keyspace, s.m.keyspace, joinNames(from), joinNames(to)),
			"Unlock keyspace "+s.m.keyspace)
		return nil
	}
	err := s.topo.view(ctx, func(tx topoTx) error {
		if replica && !rdonly {
			exist, err := tx.tablets(func(t *topodatapb.Tablet) bool { return t.Type == topodatapb.TabletType_RDONLY })
			if err != nil {
				return err
			}
			if len(exist) == 0 {
				kinds = append(kinds, topodatapb.TabletType_RDONLY)
			}
		}
		if err := tx.validateSrvKeyspace(s.m.keyspace, s.req.Cells); err != nil {
			//lint:ignore ST1005 the text is the real server's
			return fmt.Errorf("Before switching shard reads, found SrvKeyspace for %s is corrupt in cell %s: %w", s.m.keyspace, strings.Join(s.req.Cells, ","), err)
		}
		return nil
	})
	if err == nil {
		err = s.moveReads(ctx, kinds)
	}
	if err != nil {
		return fmt.Errorf("failed to switch read traffic for the shards: %w", err)
	}
	return nil
}

// moveReads stops the types on the shards that lose them, lets them serve on the others, and swaps the references. As on
// the real server each step stands by itself: an error leaves what was done before it.
func (s *trafficSwitch) moveReads(ctx context.Context, kinds []topodatapb.TabletType) error {
	from, to := s.m.sources, s.m.targets
	if s.backward {
		from, to = to, from
	}
	for _, kind := range kinds {
		for _, step := range []func(topoTx) error{
			func(tx topoTx) error { return tx.setQueryService(s.m.keyspace, from, kind, true) },
			func(tx topoTx) error { return tx.setQueryService(s.m.keyspace, to, kind, false) },
			func(tx topoTx) error { return tx.migrateServedType(s.m.keyspace, to, from, kind) },
		} {
			if err := s.topo.update(ctx, step); err != nil {
				return err
			}
		}
	}
	return nil
}

func joinNames(shards []*shardInfo) string {
	names := make([]string, len(shards))
	for i, s := range shards {
		names[i] = s.name
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}
