package plan

import (
	"context"
	"fmt"
	"time"

	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/tasks/legacyreshard"
	"shardform/internal/vitess"
)

// moveDelay is how far filtered replication may be behind before rows are compared, as in VerticalSplitTask.
const moveDelay = 30 * time.Second

// draftMoves drafts the selected move_tables blocks whose tables the cluster does not serve from where they are wanted.
func (m *maker) draftMoves(ctx context.Context) error {
	for _, b := range m.blocks {
		if b.move == nil {
			continue
		}
		if err := m.draftMove(ctx, b.move); err != nil {
			return err
		}
	}
	return nil
}

func (m *maker) draftMove(ctx context.Context, c *config.MoveTables) error {
	cluster, err := m.clusters.get(ctx, c.Cluster)
	if err != nil {
		return about(c.Address, fmt.Sprintf("cluster %s cannot be reached", c.Cluster), err)
	}
	snapshots := map[string]*vitess.Snapshot{}
	for _, name := range []string{c.From, c.To} {
		snapshot, err := cluster.Snapshot(ctx, name)
		if err != nil {
			return about(c.Address, fmt.Sprintf("keyspace %s of cluster %s cannot be read", name, c.Cluster), err)
		}
		if !snapshot.Exists || len(snapshot.Shards) == 0 {
			m.complain(&diag.Diagnostic{Summary: fmt.Sprintf("cluster %s has no keyspace %q with shards", c.Cluster, name), Address: c.Address.String(), Place: placed(c.Place),
				Detail: "tables are moved between keyspaces that are there"})
			return nil
		}
		snapshots[name] = snapshot
	}
	from, to := snapshots[c.From], snapshots[c.To]
	if len(from.Shards) != 1 {
		m.complain(&diag.Diagnostic{Summary: fmt.Sprintf("keyspace %s has %d shards", c.From, len(from.Shards)), Address: c.Address.String(), Place: placed(c.Place),
			Detail: "vtworker splits tables off from a keyspace of one shard only"})
		return nil
	}
	request := legacyreshard.MoveRequest{Cluster: c.Cluster, Servers: *m.legacy(c.Cluster), From: c.From, To: c.To, Source: from.Shards[0].Name,
		Tables: c.Tables, Options: c.CopyConfig, MaxDelay: moveDelay}
	ended := true
	for _, shard := range to.Shards {
		request.Shards = append(request.Shards, shard.Name)
		view, ok := vitess.NewLegacyMove(from, to, from.Shards[0].Name, shard.Name, c.Tables)
		ended = ended && ok && view.Ended()
	}
	last := m.recorded.latest[c.Address]
	if !last.open() && (ended || last != nil && !last.Forgotten && cleanedUp(to)) {
		return nil
	}
	// A keyspace in all but its block: the passes behind this one look at nothing else of it.
	k := &keyspace{Keyspace: &config.Keyspace{Address: c.Address, Name: c.To, Cluster: c.Cluster, ShardsAt: c.Place, Reshard: config.Reshard{Retry: config.DefaultRetry()}},
		snapshot: to, serving: servingWrites(to)}
	d := k.newDraft(c.Address, KindMove)
	if !last.open() {
		d.Reason = fmt.Sprintf("keyspace %s serves the tables, the configuration wants them in %s", c.From, c.To)
	}
	d.Containers = containersOf(c.Address, legacyreshard.Move(request))
	m.drafts = append(m.drafts, d)
	return nil
}

// cleanedUp reports whether nothing of a split is left on the keyspace that it led to. The source may have been told
// since to serve other tables of these names.
func cleanedUp(to *vitess.Snapshot) bool {
	if len(to.ServedFrom) > 0 {
		return false
	}
	for _, s := range to.Shards {
		if len(s.Sources) > 0 {
			return false
		}
	}
	return true
}
