//go:build e2e

package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// fixture says what keyspace a test wants.
type fixture struct {
	name   string   // of the keyspace: no other test of the package has it
	shards []string // those that serve at first
	tables tables
	rows   int64 // customers, and as many orders; at least 1,000
	alone  bool  // primaries only: quicker to start; otherwise each shard has a replica as well
}

// keyspace is a running keyspace of a test. It is retired when the test ends.
type keyspace struct {
	cluster
	name   string
	tables tables
	rows   int64            // customers 1 to rows are there all the time
	gate   *sql.DB          // vtgate, for anything
	uids   map[string][]int // tablets by shard; the first one was made the primary. Serving or not.
	alone  bool
	told   ledger // what was committed; a running load's until it has finished
}

// newKeyspace starts a keyspace with tables and rows and waits until vtgate serves them.
func newKeyspace(t *testing.T, c cluster, f fixture) *keyspace {
	t.Helper()
	k := &keyspace{cluster: c, name: f.name, tables: f.tables, rows: f.rows, uids: make(map[string][]int), alone: f.alone}
	t.Cleanup(func() {
		if _, err := script("retire", k.name); err != nil {
			t.Errorf("retiring keyspace %s: %v", k.name, err)
		}
	})
	k.gate = c.gate(t, k.name)
	k.addShards(t, f.shards...)
	c.vtctl(t, "ApplyVSchema", "--vschema", f.tables.vschema(), k.name)
	c.vtctl(t, "ApplySchema", "--sql", f.tables.schema(), k.name)
	waitFor(t, "vtgate to serve the tables of "+k.name, func(ctx context.Context) (bool, error) {
		var count int
		err := k.gate.QueryRowContext(ctx, "select count(*) from corder").Scan(&count)
		return err == nil, err
	})
	k.told = seed(t, k.gate, f.rows)
	return k
}

// addShards starts tablets for shards, all at the same time, and waits until vtgate knows them.
func (k *keyspace) addShards(t *testing.T, shards ...string) {
	t.Helper()
	args := []string{"shards", k.name}
	for i, first := range k.script(t, "uids", strconv.Itoa(len(shards))) {
		uid, err := strconv.Atoi(first)
		if err != nil {
			t.Fatalf("cluster.sh uids: %v", err)
		}
		k.uids[shards[i]] = []int{uid}
		list := first
		if !k.alone {
			k.uids[shards[i]] = append(k.uids[shards[i]], uid+1)
			list += fmt.Sprintf(",%d", uid+1)
		}
		args = append(args, shards[i]+"="+list)
	}
	k.script(t, args...)
	want := make(map[string]int)
	for _, shard := range shards {
		want[shard] = len(k.uids[shard])
	}
	waitFor(t, fmt.Sprintf("vtgate to see the tablets of %s/%s", k.name, strings.Join(shards, ",")), func(ctx context.Context) (bool, error) {
		seen, err := k.tabletsSeen(ctx)
		for shard, count := range want {
			if seen[shard] < count {
				return false, err
			}
		}
		return true, err
	})
}

// tabletsSeen counts the tablets that vtgate knows of each shard.
func (k *keyspace) tabletsSeen(ctx context.Context) (map[string]int, error) {
	rows, err := k.gate.QueryContext(ctx, "show vitess_tablets")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns() // Cell, Keyspace, Shard and others
	if err != nil {
		return nil, err
	}
	seen := make(map[string]int)
	values := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		if values[1].String == k.name {
			seen[values[2].String]++
		}
	}
	return seen, rows.Err()
}

// reparent makes another of the shard's tablets its primary (PlannedReparentShard).
func (k *keyspace) reparent(t *testing.T, shard string, uid int) {
	t.Helper()
	uids := k.uids[shard]
	at := slices.Index(uids, uid)
	if at < 0 {
		t.Fatalf("no tablet %d in %s/%s", uid, k.name, shard)
	}
	k.vtctl(t, "PlannedReparentShard", k.name+"/"+shard, "--new-primary", tabletAlias(uid))
	uids[0], uids[at] = uids[at], uids[0]
}

func tabletAlias(uid int) string { return fmt.Sprintf("zone1-%010d", uid) }

// compare holds every row of the shards, which have to be all that serve, against what was committed. The load, if
// there is one, has to be finished.
func (k *keyspace) compare(t *testing.T, shards ...string) {
	t.Helper()
	if serving := k.serving(t); !slices.Equal(serving.Primary, shards) {
		t.Errorf("%s: writes are served by %v, not by %v", k.name, serving.Primary, shards)
	}
	contents := make(map[string]map[key]string)
	total := 0
	for _, shard := range shards {
		contents[shard] = readShard(t, k.database(t, k.name, k.uids[shard][0]))
		total += len(contents[shard])
		if len(contents[shard]) == 0 {
			t.Errorf("shard %s/%s has no rows: nothing was compared there", k.name, shard)
		}
	}
	faults, err := findFaults(k.tables.vindex, contents, k.told)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: compared %d rows of %d shards with %d keys that were written: %d faults", k.name, total, len(shards), len(k.told), len(faults))
	report(t, faults)
}
