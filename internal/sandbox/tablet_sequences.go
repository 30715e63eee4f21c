package sandbox

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
)

// ResetSequences implements vtctld.Tablets: no tablet of a sandbox has numbers of a sequence in memory.
func (t tablets) ResetSequences(context.Context, *topodatapb.Tablet, []string) error { return nil }

// GetMaxValueForSequences implements vtctld.Tablets: the highest number that each table has in the column that a sequence fills.
func (t tablets) GetMaxValueForSequences(ctx context.Context, tablet *topodatapb.Tablet, req *tabletmanagerdatapb.GetMaxValueForSequencesRequest) (*tabletmanagerdatapb.GetMaxValueForSequencesResponse, error) {
	f, err := t.file(ctx, tablet.Keyspace, tablet.Shard)
	if err != nil {
		return nil, err
	}
	resp := &tabletmanagerdatapb.GetMaxValueForSequencesResponse{MaxValuesBySequenceTable: map[string]int64{}}
	err = f.view(ctx, func(tx *sql.Tx) error {
		for _, s := range req.Sequences {
			var highest int64
			query := fmt.Sprintf("SELECT coalesce(max(%s), 0) FROM %s", quoteName(unescaped(s.UsingColEscaped)), quoteName(unescaped(s.UsingTableNameEscaped)))
			if err := tx.QueryRow(query).Scan(&highest); err != nil {
				return err
			}
			resp.MaxValuesBySequenceTable[s.BackingTableName] = highest
		}
		return nil
	})
	return resp, err
}

// unescaped is a name without MySQL's quotes.
func unescaped(name string) string {
	if inner, quoted := strings.CutPrefix(name, "`"); quoted {
		return strings.ReplaceAll(strings.TrimSuffix(inner, "`"), "``", "`")
	}
	return name
}

// UpdateSequenceTables implements vtctld.Tablets: each sequence gives numbers above those that are in use. One that is not there
// is made.
func (t tablets) UpdateSequenceTables(ctx context.Context, tablet *topodatapb.Tablet, req *tabletmanagerdatapb.UpdateSequenceTablesRequest) (*tabletmanagerdatapb.UpdateSequenceTablesResponse, error) {
	f, err := t.file(ctx, tablet.Keyspace, tablet.Shard)
	if err != nil {
		return nil, err
	}
	err = f.update(ctx, func(tx *sql.Tx) error {
		all, err := tables(tx)
		if err != nil {
			return err
		}
		for _, s := range req.Sequences {
			name := unescaped(s.BackingTableName)
			if !slices.ContainsFunc(all, func(have *table) bool { return have.Name == name }) {
				made, err := parseSchema("CREATE TABLE `" + strings.ReplaceAll(name, "`", "``") + "` (id int, next_id bigint, cache bigint, PRIMARY KEY (id)) COMMENT 'vitess_sequence'")
				if err != nil {
					return err
				}
				if err := f.addTable(tx, made[0]); err != nil {
					return err
				}
			}
			if _, err := tx.Exec("INSERT INTO "+quoteName(name)+" (id, next_id, cache) VALUES (0, ?, 1000) ON CONFLICT (id) DO UPDATE SET next_id = max(next_id, excluded.next_id)", s.MaxValue+1); err != nil {
				return err
			}
		}
		return nil
	})
	return &tabletmanagerdatapb.UpdateSequenceTablesResponse{}, err
}
