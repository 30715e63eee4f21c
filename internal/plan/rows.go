package plan

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"shardform/internal/config"
	"shardform/internal/keyrange"
	"shardform/internal/parallel"
	"shardform/internal/vitess"
)

// Observed is what outputs may ask of the configuration's keyspaces, by the labels of their blocks. A keyspace that the
// cluster does not have has no shards.
func Observed(ctx context.Context, cfg *config.Config, clusters ClusterSource) (map[string]config.Observed, error) {
	observed := make(map[string]config.Observed, len(cfg.Keyspaces))
	counting, cancel := context.WithTimeout(ctx, countAll)
	defer cancel()
	for i := range cfg.Keyspaces {
		k := &cfg.Keyspaces[i]
		var o config.Observed
		serving, err := serving(ctx, counting, clusters, k.Cluster, k.Name)
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

// TableRows is how many rows of a table a serving shard has.
type TableRows struct {
	Keyspace string `json:"keyspace"`
	Shard    string `json:"shard"`
	Table    string `json:"table"`
	Rows     int64  `json:"rows"`
	Estimate bool   `json:"estimate"` // Rows is MySQL's statistics, of which 0 says nothing
}

// What is shown at the end of a run is counted, not estimated, where that takes no time: statistics of tables that were just
// filled are 0, or of long ago.
const (
	countTable = time.Second     // one table of one shard
	countAll   = 5 * time.Second // all of them
)

// Rows are the rows of the serving shards of every keyspace that the plan changes, by keyspace, in key order, by table.
func Rows(ctx context.Context, p *Plan, clusters ClusterSource) ([]TableRows, error) {
	var keyspaces [][2]string
	for _, op := range p.Operations {
		if op.Keyspace != "" {
			keyspaces = append(keyspaces, [2]string{op.Cluster, op.Keyspace})
		}
	}
	slices.SortFunc(keyspaces, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[1], b[1]), cmp.Compare(a[0], b[0])) })
	counting, cancel := context.WithTimeout(ctx, countAll)
	defer cancel()
	var rows []TableRows
	for _, k := range slices.Compact(keyspaces) {
		s, err := serving(ctx, counting, clusters, k[0], k[1])
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

// serving reads the serving shards, and counts their tables as long as counting lasts.
func serving(ctx, counting context.Context, clusters ClusterSource, cluster, keyspace string) (servingRows, error) {
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
			s.tables = append(s.tables, TableRows{keyspace, shard.Name, t.Name, t.Rows, true})
		}
	}
	return s, s.count(counting, reader, snapshot)
}

// count replaces the estimates of tables that can be counted in time.
func (s *servingRows) count(ctx context.Context, reader vitess.Reader, snapshot *vitess.Snapshot) error {
	var group parallel.Group
	group.SetLimit(countsAtOnce)
	for i := range s.tables {
		t := &s.tables[i]
		group.Go(func() error {
			for _, record := range snapshot.Shards {
				if record.Name != t.Shard || record.PrimaryAlias == "" || ctx.Err() != nil {
					continue
				}
				limited, cancel := context.WithTimeout(ctx, countTable)
				defer cancel()
				if n, err := reader.CountRows(limited, record.PrimaryAlias, t.Table); err == nil {
					t.Rows, t.Estimate = n, false
				}
			}
			return nil
		})
	}
	return group.Wait()
}

const countsAtOnce = 16
