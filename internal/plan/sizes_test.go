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

func TestNoDigestDependsOnWhatServersSay(t *testing.T) {
	make := func(servers map[string]vitess.Server) *Plan {
		reader := newScene(t, shardedVSchema, []string{"-"}, []string{"-80", "80-"}).reader()
		reader.servers = servers
		return mustMake(t, Inputs{Config: wanted(t, "-80", "80-"), Clusters: func(context.Context, string) (vitess.Reader, error) { return reader, nil }})
	}
	without, with := make(nil), make(map[string]vitess.Server{
		"zone1-0000000100": {MySQL: "8.4.6", Vitess: "older than 24", SQLMode: "A"},
		"zone1-0000000200": {MySQL: "8.0.1", Vitess: "24 or newer", SQLMode: "B"},
	})
	if without.Digest != with.Digest || without.Operations[0].Digest != with.Operations[0].Digest {
		t.Error("the digests differ")
	}
	op := with.Operations[0]
	var warnings []string
	for _, d := range op.Diagnostics {
		warnings = append(warnings, d.Summary)
	}
	if op.Vitess != "older than 24" || len(warnings) != 3 || !strings.Contains(strings.Join(warnings, "\n"), "tested with Vitess 24") {
		t.Errorf("Vitess %q, warnings %q", op.Vitess, warnings)
	}
}
