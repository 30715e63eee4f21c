package vitess

import (
	"context"
	"fmt"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/diag"
)

// ApplyVSchema replaces the keyspace's vschema. The server does not look at what it replaces: callers compare before.
func (c *Client) ApplyVSchema(ctx context.Context, keyspace, vschema string) error {
	what := "apply the vschema of keyspace " + keyspace
	parsed, err := readVSchema(vschema)
	if err != nil {
		return &diag.Diagnostic{Severity: diag.Error, Summary: "cannot " + what, Detail: err.Error(), Cause: err}
	}
	return c.write(ctx, "ApplyVSchema", what, limitTopology, func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		_, err := vtctld.ApplyVSchema(ctx, &vtctldatapb.ApplyVSchemaRequest{Keyspace: keyspace, VSchema: parsed})
		return err
	})
}

// DeleteShard deletes a shard record and its tablet records, never one that serves.
func (c *Client) DeleteShard(ctx context.Context, keyspace, shard string) error {
	return c.write(ctx, "DeleteShards", fmt.Sprintf("delete shard %s/%s", keyspace, shard), limitUnbounded,
		func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
			_, err := vtctld.DeleteShards(ctx, &vtctldatapb.DeleteShardsRequest{
				Shards: []*vtctldatapb.Shard{{Keyspace: keyspace, Name: shard}}, Recursive: true,
			})
			return err
		})
}

// CreateShard creates a shard record. It serves at once if its range meets no other shard.
func (c *Client) CreateShard(ctx context.Context, keyspace, shard string) error {
	return c.write(ctx, "CreateShard", fmt.Sprintf("create shard %s/%s", keyspace, shard), limitTopology,
		func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
			_, err := vtctld.CreateShard(ctx, &vtctldatapb.CreateShardRequest{Keyspace: keyspace, ShardName: shard})
			return err
		})
}

// ClearTabletControl enables the query service of the type on the shard in every cell.
func (c *Client) ClearTabletControl(ctx context.Context, keyspace, shard string, t TabletType) error {
	types, err := tabletTypes([]string{string(t)})
	if err != nil {
		return err
	}
	return c.write(ctx, "SetShardTabletControl", fmt.Sprintf("clear the %s control of shard %s/%s", t, keyspace, shard), limitTopology,
		func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
			_, err := vtctld.SetShardTabletControl(ctx, &vtctldatapb.SetShardTabletControlRequest{
				Keyspace: keyspace, Shard: shard, TabletType: topodatapb.TabletType(types[0]), DisableQueryService: false,
			})
			return err
		})
}

// RebuildKeyspaceGraph makes the serving graph of every cell anew from the shard records.
func (c *Client) RebuildKeyspaceGraph(ctx context.Context, keyspace string) error {
	return c.write(ctx, "RebuildKeyspaceGraph", "rebuild the serving graph of keyspace "+keyspace, limitGraph,
		func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
			_, err := vtctld.RebuildKeyspaceGraph(ctx, &vtctldatapb.RebuildKeyspaceGraphRequest{Keyspace: keyspace})
			return err
		})
}
