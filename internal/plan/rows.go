package plan

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"shardform/internal/config"
	"shardform/internal/keyrange"
	"shardform/internal/vitess"
)

// Observed is what outputs may ask of the configuration's keyspaces, by the labels of their blocks. A keyspace that the
// cluster does not have has no shards.
func Observed(ctx context.Context, cfg *config.Config, clusters ClusterSource) (map[string]config.Observed, error) {
	observed := make(map[string]config.Observed, len(cfg.Keyspaces))
	for i := range cfg.Keyspaces {
		k := &cfg.Keyspaces[i]
		var o config.Observed
		serving, err := serving(ctx, clusters, k.Cluster, k.Name)
		if err != nil {
			return nil, about(k.Address, "the keyspace cannot be read", err)
		}
		o.Shards = serving.layout.Names()
		for _, t := range serving.tables {
			o.RowCount += t.Rows
		}
		observed[k.Address.Name()] = o
	}
	return observed, nil
}

// TableRows is how many rows of a table a serving shard has, as the cluster estimates them.
type TableRows struct {
	Keyspace string `json:"keyspace"`
	Shard    string `json:"shard"`
	Table    string `json:"table"`
	Rows     int64  `json:"rows"`
}

// Rows are the rows of the serving shards of every keyspace that the plan changes, by keyspace, in key order, by table.
func Rows(ctx context.Context, p *Plan, clusters ClusterSource) ([]TableRows, error) {
	var keyspaces [][2]string
	for _, op := range p.Operations {
		if op.Keyspace != "" {
			keyspaces = append(keyspaces, [2]string{op.Cluster, op.Keyspace})
		}
	}
	slices.SortFunc(keyspaces, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[1], b[1]), cmp.Compare(a[0], b[0])) })
	var rows []TableRows
	for _, k := range slices.Compact(keyspaces) {
		s, err := serving(ctx, clusters, k[0], k[1])
		if err != nil {
			return nil, err
		}
		rows = append(rows, s.tables...)
	}
	return rows, nil
}

// servingRows is what serves writes, with its tables.
type servingRows struct {
	layout keyrange.Layout
	tables []TableRows
}

func serving(ctx context.Context, clusters ClusterSource, cluster, keyspace string) (servingRows, error) {
	var s servingRows
	reader, err := clusters(ctx, cluster)
	if err != nil {
		return s, err
	}
	snapshot, err := reader.Snapshot(ctx, keyspace)
	if err != nil {
		return s, fmt.Errorf("reading keyspace %s of cluster %s: %w", keyspace, cluster, err)
	}
	if !snapshot.Exists {
		return s, nil
	}
	s.layout = servingWrites(snapshot)
	for _, shard := range s.layout {
		tables, err := reader.TableSizes(ctx, keyspace, shard.Name)
		if err != nil {
			return s, fmt.Errorf("reading the tables of %s/%s: %w", keyspace, shard.Name, err)
		}
		for _, t := range slices.SortedFunc(slices.Values(tables), func(a, b vitess.TableSchema) int { return cmp.Compare(a.Name, b.Name) }) {
			s.tables = append(s.tables, TableRows{keyspace, shard.Name, t.Name, t.Rows})
		}
	}
	return s, nil
}
