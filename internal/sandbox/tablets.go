package sandbox

import (
	"context"

	querypb "vitess.io/vitess/go/vt/proto/query"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
)

// tablets are the tablets of a sandbox as vtctld sees them. All tablets of a shard have its one file.
type tablets struct{ *engine }

// Ping implements vtctld.Tablets.
func (t tablets) Ping(ctx context.Context, tablet *topodatapb.Tablet) error {
	f, err := t.file(ctx, tablet.Keyspace, tablet.Shard)
	if err != nil {
		return err
	}
	return f.ping(ctx)
}

// RefreshState implements vtctld.Tablets: the shard takes writes or not, as the topology says now.
func (t tablets) RefreshState(ctx context.Context, tablet *topodatapb.Tablet) error {
	return t.syncMode(ctx, tablet.Keyspace, tablet.Shard)
}

// GetReplicas implements vtctld.Tablets. A replica reads the primary's own file, so it always replicates.
func (t tablets) GetReplicas(ctx context.Context, tablet *topodatapb.Tablet) (addresses []string, err error) {
	err = t.topo.view(ctx, func(tx topoTx) error {
		all, err := tx.shardTablets(tablet.Keyspace, tablet.Shard)
		for _, other := range all {
			if other.Type != topodatapb.TabletType_PRIMARY {
				addresses = append(addresses, other.MysqlHostname)
			}
		}
		return err
	})
	return addresses, err
}

// GetUnresolvedTransactions implements vtctld.Tablets: every transaction of a sandbox is on one shard.
func (t tablets) GetUnresolvedTransactions(context.Context, *topodatapb.Tablet, int64) ([]*querypb.TransactionMetadata, error) {
	return nil, nil
}

// ReloadSchema implements vtctld.Tablets: tables are read again each time.
func (t tablets) ReloadSchema(ctx context.Context, tablet *topodatapb.Tablet, _ string) error {
	return t.Ping(ctx, tablet)
}

// flavor is in front of a position that says of what kind it is.
const flavor = "MySQL56/"

// PrimaryPosition implements vtctld.Tablets.
func (t tablets) PrimaryPosition(ctx context.Context, tablet *topodatapb.Tablet) (string, error) {
	f, err := t.file(ctx, tablet.Keyspace, tablet.Shard)
	if err != nil {
		return "", err
	}
	pos, err := f.position(ctx)
	if err != nil {
		return "", err
	}
	id, err := f.uuid(ctx)
	return flavor + gtid(id, pos), err
}
