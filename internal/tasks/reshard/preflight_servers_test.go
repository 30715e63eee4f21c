package reshard

import (
	"strings"
	"testing"
	"time"

	"shardform/internal/vitess"
)

// equip gives every tablet the same server, changed by each of edits for its alias.
func (r *rig) equip(edits map[string]func(*vitess.Server)) {
	r.servers = map[string]vitess.Server{}
	for _, t := range r.tablets {
		s := vitess.Server{MySQL: "8.4.6", Vitess: "24 or newer", SQLMode: "NO_ZERO_DATE,STRICT_TRANS_TABLES", CharacterSet: "utf8mb4",
			Collation: "utf8mb4_0900_ai_ci", BinlogExpires: 30 * 24 * time.Hour, Bytes: 200 << 20}
		if edit := edits[t.Alias]; edit != nil {
			edit(&s)
		}
		r.servers[t.Alias] = s
	}
}

func TestPreflightWarnsOfServersWithFigures(t *testing.T) {
	const source, replica, left, right = "zone1-0000000100", "zone1-0000000101", "zone1-0000000110", "zone1-0000000120"
	type edits = map[string]func(*vitess.Server)
	for name, c := range map[string]struct {
		edits edits
		setUp func(*rig)
		want  []string // nil: no warning
	}{
		"all alike":           {},
		"another patch level": {edits: edits{left: func(s *vitess.Server) { s.MySQL = "8.4.3-log" }}},
		"a silent server": {edits: edits{right: func(s *vitess.Server) { *s = vitess.Server{Unread: "no answer within 10s"} }},
			want: []string{"how MySQL is set up on " + right + " is not known: no answer within 10s"}},
		"MySQL": {edits: edits{left: func(s *vitess.Server) { s.MySQL = "8.0.40" }}, want: []string{`the version of MySQL is not the same on all shards: "8.4" on -, 80-; "8.0" on -80`}},
		"sql_mode": {edits: edits{left: func(s *vitess.Server) { s.SQLMode = "" }, right: func(s *vitess.Server) { s.SQLMode = "" }},
			want: []string{`sql_mode is not the same on all shards: "NO_ZERO_DATE,STRICT_TRANS_TABLES" on -; "" on -80, 80-`}},
		"collation": {edits: edits{source: func(s *vitess.Server) { s.CharacterSet, s.Collation = "utf8mb3", "utf8mb3_bin" }},
			want: []string{`the character set of the database is not the same on all shards: "utf8mb3" on -; "utf8mb4" on -80, 80-`, `the collation of the database is not the same`}},
		"an older Vitess": {edits: edits{left: func(s *vitess.Server) { s.Vitess = "older than 24" }},
			want: []string{"the tablets run Vitess 24 or newer, older than 24; shardform is tested with Vitess 24"}},
		"a newer Vitess": {setUp: func(r *rig) {
			for i := range r.tablets {
				r.tablets[i].Vitess = "25.0.1"
			}
		}, want: []string{"the tablets run Vitess 25.0.1; shardform is tested with Vitess 24"}},
		"binary logs of a replica to copy from": {edits: edits{replica: func(s *vitess.Server) { s.BinlogExpires = 10 * time.Minute }},
			want: []string{"binary logs are removed after 10m on " + replica, "copying 200.0 MiB is reckoned to take 20s at 10.0 MiB a second and source", "keep them for 1h at least"}},
		"binary logs that do not outlast the copy": {edits: edits{
			source: func(s *vitess.Server) { s.Bytes = 360 << 30 }, left: func(s *vitess.Server) { s.BinlogExpires = 12 * time.Hour }},
			want: []string{"binary logs are removed after 12h on " + left, "copying 360.0 GiB is reckoned to take 10h14m24s", "keep them for 20h28m48s at least"}},
		"disk": {edits: edits{source: func(s *vitess.Server) { s.Bytes = 5 << 30 }},
			want: []string{"the targets need disk for about 2.5 GiB on -80, 2.5 GiB on 80-", "MySQL does not tell how much is free: look on the hosts of " + left + ", " + right}},
		"disk by statistics": {edits: edits{source: func(s *vitess.Server) { s.Bytes = 0 }}, setUp: func(r *rig) {
			r.edited("-", "corder", func(t *vitess.TableSchema) { t.Bytes = 4 << 30 })
		}, want: []string{"the targets need disk for about 2.0 GiB on -80, 2.0 GiB on 80-"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.equip(c.edits)
			if c.setUp != nil {
				c.setUp(r)
			}
			output, err := r.run("preflight")
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(output, "warning: ") != (c.want != nil) {
				t.Errorf("output %q", output)
			}
			for _, want := range c.want {
				if !strings.Contains(output, want) {
					t.Errorf("output %q, want %q", output, want)
				}
			}
		})
	}
}
