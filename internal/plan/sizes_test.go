package plan

import (
	"context"
	"strings"
	"testing"

	"shardform/internal/vitess"
)

// MySQL caches the statistics of tables for a day: whether a table has rows is asked of the table.
func TestAChangedVindexIsJudgedByRowsAndNotByStatistics(t *testing.T) {
	for name, c := range map[string]struct {
		statistics int64
		filled     bool
	}{
		"rows that statistics do not know": {0, true},
		"statistics of rows that are gone": {1000, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, shardedVSchema, []string{"-80", "80-"}, nil)
			for _, tables := range s.tables {
				tables[0].Rows = c.statistics
			}
			reader := s.reader()
			reader.filled = map[string]bool{"customer/-80/customer": false, "customer/80-/customer": c.filled}
			cfg := wanted(t, "-80", "80-")
			cfg.Keyspaces[0].VSchema = strings.ReplaceAll(shardedVSchema, "xxhash", "hash")
			p := mustMake(t, Inputs{Config: cfg, Clusters: func(context.Context, string) (vitess.Reader, error) { return reader, nil }})
			if p.HasBlocked() != c.filled {
				t.Errorf("blocked %t: %v", p.HasBlocked(), p.BlockedErrors())
			}
		})
	}
}
