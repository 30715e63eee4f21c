package plan

import (
	"context"
	"slices"

	"shardform/internal/tasks/reshard"
	"shardform/internal/vitess"
)

// sizes estimates what is at stake, and blocks vschema changes that would lose rows from sight. A shard whose sizes
// cannot be read counts as unknown: what is wrong with it is preflight's to say.
func (m *maker) sizes(ctx context.Context) error {
	for _, d := range m.drafts {
		if d.keyspace == nil {
			continue
		}
		if d.Kind == KindReshard && d.view != nil && d.view.Writes() == vitess.NotSwitched {
			d.Rows, d.Bytes = m.atStake(ctx, d)
		}
		if d.Kind == KindReshard && d.view != nil {
			if err := m.version(ctx, d); err != nil {
				return err
			}
		}
		if d.Kind == KindLegacy && d.Action != Blocked {
			d.Rows, d.Bytes = m.atStake(ctx, d)
		}
		if err := m.checkPlacement(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// version fills in what is known of the version of Vitess that the sources' primaries run.
func (m *maker) version(ctx context.Context, d *draft) error {
	cluster, err := m.clusters.get(ctx, d.Cluster)
	if err != nil {
		return err
	}
	var aliases []string
	for _, s := range d.view.Shards {
		if slices.Contains(d.Sources, s.Name) && s.PrimaryAlias != "" {
			aliases = append(aliases, s.PrimaryAlias)
		}
	}
	servers, err := cluster.Servers(ctx, aliases)
	if err != nil {
		return about(d.Address, "the servers of "+d.Keyspace+" cannot be asked", err)
	}
	tablets := slices.DeleteFunc(slices.Clone(d.view.Tablets), func(t vitess.Tablet) bool { return !slices.Contains(aliases, t.Alias) })
	d.Vitess, _ = vitess.VitessVersion(tablets, servers)
	return nil
}

// atStake is the rows and bytes on the sources of a segment, 0 where some are unknown.
func (m *maker) atStake(ctx context.Context, d *draft) (rows, bytes int64) {
	for _, shard := range d.Sources {
		tables, err := m.tables(ctx, d, shard)
		if err != nil {
			return 0, 0
		}
		for _, t := range tables {
			rows += t.Rows
			bytes += t.Bytes
		}
	}
	return rows, bytes
}

func (m *maker) tables(ctx context.Context, d *draft, shard string) ([]vitess.TableSchema, error) {
	cluster, err := m.clusters.get(ctx, d.Cluster)
	if err != nil {
		return nil, err
	}
	return cluster.TableSizes(ctx, d.Keyspace, shard)
}

// checkPlacement blocks the task that would write a vschema under which rows on several shards are not found. An
// unsharded vschema is written at the end of a merge, when one shard serves.
func (m *maker) checkPlacement(ctx context.Context, d *draft) error {
	k := d.keyspace
	if d.Action == Blocked || len(k.serving) < 2 || !k.writesVSchema() || d.Kind == KindReshard && !d.Expansion.Sharded {
		return nil
	}
	for i := range d.Containers {
		c := &d.Containers[i]
		for j := range c.Tasks {
			t := &c.Tasks[j]
			if t.Action != Change {
				continue
			}
			withRows, err := m.filled(ctx, d, t)
			if err != nil {
				return err
			}
			if complaint := k.misplaced(d, withRows); complaint != nil {
				t.Action, c.Action, d.Action = Blocked, Blocked, Blocked
				d.Diagnostics = append(slices.Clip(d.Diagnostics), complaint)
			}
		}
	}
	return nil
}

// filled are the tables whose vindex would change and that have rows on some shard that serves.
func (m *maker) filled(ctx context.Context, d *draft, t *Task) (map[string]bool, error) {
	k := d.keyspace
	filled := map[string]bool{}
	var changed []string
	for _, c := range reshard.PrimaryVindexChanges(k.before, k.after) {
		changed = append(changed, c.Table)
	}
	if len(changed) == 0 {
		return filled, nil
	}
	cluster, err := m.clusters.get(ctx, d.Cluster)
	if err != nil {
		return nil, err
	}
	for _, shard := range k.serving {
		names, err := cluster.TablesWithRows(ctx, d.Keyspace, shard.Name, changed)
		if err != nil {
			return nil, about(t.Address, "it cannot be told which tables of "+k.Name+"/"+shard.Name+" have rows", err)
		}
		for _, name := range names {
			filled[name] = true
		}
	}
	return filled, nil
}
