package sandbox

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"shardform/internal/sandbox/sandboxspec"
)

func TestReferenceTablesAreWholeOnEveryShard(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 200, []string{"-80", "80-"}, "-40", "40-80", "80-c0", "c0-", "-")
	ks := &spec.Keyspaces[0]
	ks.Schema += "CREATE TABLE country (code char(2) PRIMARY KEY, name varchar(40) NOT NULL);"
	ks.VSchema = `{"sharded": true, "vindexes": {"xxhash": {"type": "xxhash"}}, "tables": {
		"customer": {"column_vindexes": [{"column": "id", "name": "xxhash"}]},
		"corder": {"column_vindexes": [{"column": "customer_id", "name": "xxhash"}]},
		"country": {"type": "reference"}}}`
	ks.Generates = append(ks.Generates, sandboxspec.Generate{Table: "country", Rows: 9})
	c := open(t, spec, Options{})
	if diff := cmp.Diff(map[string]int64{"-80": 9, "80-": 9}, rowsByShard(t, c, "country")); diff != "" {
		t.Errorf("countries as seeded (-want +got):\n%s", diff)
	}
	u := newUser(t, c)
	for _, step := range []struct{ from, to string }{{"-80,80-", "-40,40-80,80-c0,c0-"}, {"-40,40-80,80-c0,c0-", "-"}} {
		u.must(u.create(step.from, step.to))
		u.waitFor("Running")
		for shard := range rowsByShard(t, c, "country") {
			if f, err := c.serving().file(t.Context(), "ks", shard); err != nil || !serves(t, f) {
				continue
			}
			writeOutside(t, c, shard, "UPDATE country SET name = 'renamed' WHERE code = (SELECT min(code) FROM country)")
			writeOutside(t, c, shard, "DELETE FROM country WHERE code = (SELECT max(code) FROM country)")
		}
		for shard, tables := range u.diffed(uuid.NewString()) {
			for table, r := range tables {
				if r.differs() {
					t.Errorf("%s: %s on %s: %+v", step.to, table, shard, r)
				}
			}
		}
		u.forward(allTypes)
		u.must(u.complete(false))
	}
	if diff := cmp.Diff(map[string]int64{"-": 7}, rowsByShard(t, c, "country")); diff != "" {
		t.Errorf("countries in the end (-want +got):\n%s", diff)
	}
	if got := rowsByShard(t, c, "customer")["-"]; got != 200 {
		t.Errorf("%d customers, want 200", got)
	}
}

func serves(t *testing.T, f *shardFile) bool {
	t.Helper()
	var mode shardMode
	if err := f.read.QueryRow(`SELECT mode FROM _sf_shard`).Scan(&mode); err != nil {
		t.Fatal(err)
	}
	return mode == modeServing
}

func TestATableWithoutKeyIsNotCopied(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 10, []string{"0"}, "-80", "80-")
	spec.Keyspaces[0].Schema += "CREATE TABLE keyless (id bigint NOT NULL, v int);"
	spec.Keyspaces[0].VSchema = `{"sharded": true, "vindexes": {"xxhash": {"type": "xxhash"}}, "tables": {
		"customer": {"column_vindexes": [{"column": "id", "name": "xxhash"}]},
		"corder": {"column_vindexes": [{"column": "customer_id", "name": "xxhash"}]},
		"keyless": {"column_vindexes": [{"column": "id", "name": "xxhash"}]}}}`
	u := newUser(t, open(t, spec, Options{}))
	u.must(u.create("0", "-80,80-"))
	for _, on := range u.waitFor("Error").ShardStreams {
		if got := on.Streams[0].Message; got != "table keyless has no primary key: the sandbox copies only tables that have one" {
			t.Errorf("message = %q", got)
		}
	}
}
