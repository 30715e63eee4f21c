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
	countTable = time.Second     // one table of one shard, and finding a tablet for it
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
	tablets := make([]string, len(s.layout))
	var asking, group parallel.Group
	asking.SetLimit(countsAtOnce)
	for i, shard := range s.layout {
		asking.Go(func() error {
			tablets[i] = counted(ctx, reader, snapshot, shard)
			return nil
		})
	}
	if err := asking.Wait(); err != nil {
		return err
	}
	group.SetLimit(countsAtOnce)
	for i := range s.tables {
		t := &s.tables[i]
		tablet := tablets[slices.IndexFunc(s.layout, func(shard keyrange.Shard) bool { return shard.Name == t.Shard })]
		group.Go(func() error {
			if tablet == "" || ctx.Err() != nil {
				return nil
			}
			limited, cancel := context.WithTimeout(ctx, countTable)
			defer cancel()
			if n, err := reader.CountRows(limited, tablet, t.Table); err == nil {
				t.Rows, t.Estimate = n, false
			}
			return nil
		})
	}
	return group.Wait()
}

// counted is the tablet of a shard whose rows are counted: a replica that has what its primary has, so that nothing is read
// where writes are served for what is only shown; the primary where there is none, "" where there is no primary.
func counted(ctx context.Context, reader vitess.Reader, snapshot *vitess.Snapshot, shard keyrange.Shard) string {
	record := snapshot.Shard(shard)
	if record == nil || record.PrimaryAlias == "" {
		return ""
	}
	for _, tablet := range vitess.CopyTablets(snapshot.Tablets, record.Name, vitess.WorkflowOptions{}) {
		if tablet != record.PrimaryAlias && follows(ctx, reader, record.PrimaryAlias, tablet) {
			return tablet
		}
	}
	return record.PrimaryAlias
}

func follows(ctx context.Context, reader vitess.Reader, primary, tablet string) bool {
	limited, cancel := context.WithTimeout(ctx, countTable)
	defer cancel()
	position, err := reader.Position(limited, primary)
	if err != nil {
		return false
	}
	has, err := reader.Follows(limited, tablet, position)
	return err == nil && has
}

const countsAtOnce = 16
