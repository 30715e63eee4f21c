package vitess

import (
	"context"
	"fmt"

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

// ClearTabletControl enables the query service of the type on the shard in every cell, and tells the shard's tablets.
func (c *Client) ClearTabletControl(ctx context.Context, keyspace, shard string, t TabletType) error {
	types, err := tabletTypes([]string{string(t)})
	if err != nil {
		return err
	}
	err = c.write(ctx, "SetShardTabletControl", fmt.Sprintf("clear the %s control of shard %s/%s", t, keyspace, shard), limitTopology,
		func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
			_, err := vtctld.SetShardTabletControl(ctx, &vtctldatapb.SetShardTabletControlRequest{
				Keyspace: keyspace, Shard: shard, TabletType: types[0], DisableQueryService: false,
			})
			return err
		})
	if err != nil {
		return err
	}
	return c.refresh(ctx, keyspace, shard)
}

// RebuildKeyspaceGraph makes the serving graph of every cell anew from the shard records, and tells the tablets: those
// of a shard that serves again would otherwise go on refusing queries.
func (c *Client) RebuildKeyspaceGraph(ctx context.Context, keyspace string) error {
	err := c.write(ctx, "RebuildKeyspaceGraph", "rebuild the serving graph of keyspace "+keyspace, limitGraph,
		func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
			_, err := vtctld.RebuildKeyspaceGraph(ctx, &vtctldatapb.RebuildKeyspaceGraphRequest{Keyspace: keyspace})
			return err
		})
	if err != nil {
		return err
	}
	shards, err := c.shards(ctx, keyspace)
	if err != nil {
		return err
	}
	for _, s := range shards {
		if s.PrimaryAlias == "" { // no tablets yet
			continue
		}
		if err := c.refresh(ctx, keyspace, s.Name); err != nil {
			return err
		}
	}
	return nil
}

// refresh makes the tablets of a shard read again what they serve. Tablets that do not answer are passed over: they read
// it when they start. A server without tablets to refresh (Unimplemented: a sandbox) needs none of it.
func (c *Client) refresh(ctx context.Context, keyspace, shard string) error {
	err := c.write(ctx, "RefreshStateByShard", fmt.Sprintf("refresh the tablets of shard %s/%s", keyspace, shard), limitTopology,
		func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
			_, err := vtctld.RefreshStateByShard(ctx, &vtctldatapb.RefreshStateByShardRequest{Keyspace: keyspace, Shard: shard})
			return err
		})
	return unlessUnknown(err)
}
