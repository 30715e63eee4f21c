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
	alone  bool  // primaries only: quicker to start; otherwise each shard has a replica as well. On a legacy cluster each has an RDONLY too
}

// keyspace is a running keyspace of a test. It is retired when the test ends.
type keyspace struct {
	cluster
	name   string
	tables tables
	rows   int64            // customers 1 to rows are there all the time
	gate   *sql.DB          // vtgate, for anything
	target string           // what load addresses: its name, or none where vtgate finds the keyspaces by the tables
	uids   map[string][]int // tablets by shard; the first one was made the primary. Serving or not.
	alone  bool
	told   ledger // what was committed; a running load's until it has finished
}

// newKeyspace starts a keyspace with tables and rows and waits until vtgate serves them.
func newKeyspace(t *testing.T, c cluster, f fixture) *keyspace {
	t.Helper()
	k := emptyKeyspace(t, c, f.name)
	k.tables, k.rows, k.alone = f.tables, f.rows, f.alone
	k.addShards(t, f.shards...)
	k.vtctl(t, "ApplyVSchema", "--vschema", f.tables.vschema(), k.name)
	k.vtctl(t, "ApplySchema", "--sql", f.tables.schema(), k.name)
	k.waitForTable(t, "corder")
	k.told = seed(t, k.gate, f.rows)
	return k
}

// newSequence starts an unsharded keyspace with the sequence corder_seq, which gives out first and then the numbers after it.
func newSequence(t *testing.T, c cluster, name string, first int64) {
	t.Helper()
	k := emptyKeyspace(t, c, name)
	k.alone = true
	k.addShards(t, "0")
	k.vtctl(t, "ApplyVSchema", "--vschema", `{"tables": {"corder_seq": {"type": "sequence"}}}`, name)
	k.vtctl(t, "ApplySchema", "--sql", "CREATE TABLE corder_seq (id bigint, next_id bigint, cache bigint, PRIMARY KEY (id)) COMMENT 'vitess_sequence'", name)
	k.waitForTable(t, "corder_seq")
	if _, err := k.gate.ExecContext(t.Context(), "insert into corder_seq(id, next_id, cache) values (0, ?, 100)", first); err != nil {
		t.Fatal(err)
	}
}

// emptyKeyspace is a keyspace that has no shards yet. It is retired when the test ends.
func emptyKeyspace(t *testing.T, c cluster, name string) *keyspace {
	durations.measure(t)
	k := &keyspace{cluster: c, name: name, target: name, uids: make(map[string][]int)}
	t.Cleanup(func() {
		if keep() {
			return
		}
		if _, err := script("retire", k.name); err != nil {
			t.Errorf("retiring keyspace %s: %v", k.name, err)
		}
	})
	k.gate = c.gate(t, k.name)
	return k
}

// waitForTable waits until vtgate serves a table.
func (k *keyspace) waitForTable(t *testing.T, table string) {
	t.Helper()
	waitFor(t, fmt.Sprintf("vtgate to serve %s.%s", k.name, table), func(ctx context.Context) (bool, error) {
		var count int
		err := k.gate.QueryRowContext(ctx, "select count(*) from "+table).Scan(&count)
		return err == nil, err
	})
}

// addShards starts tablets for shards, all at the same time, and waits until vtgate finds them healthy.
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
		if k.legacy { // vtworker works on nothing but RDONLY
			k.uids[shards[i]] = append(k.uids[shards[i]], uid+2)
			list += fmt.Sprintf(",%d", uid+2)
		}
		args = append(args, shards[i]+"="+list)
	}
	k.script(t, args...)
	want := make(map[string]int)
	for _, shard := range shards {
		want[shard] = len(k.uids[shard])
	}
	waitFor(t, fmt.Sprintf("vtgate to find the tablets healthy of %s/%s", k.name, strings.Join(shards, ",")), func(ctx context.Context) (bool, error) {
		healthy, err := k.healthyTablets(ctx)
		for shard, count := range want {
			if healthy[shard] < count {
				return false, err
			}
		}
		return true, err
	})
}

// healthyTablets counts the tablets of each shard that vtgate would send queries to.
func (k *keyspace) healthyTablets(ctx context.Context) (map[string]int, error) {
	rows, err := k.gate.QueryContext(ctx, "show vitess_tablets")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns() // Cell, Keyspace, Shard, TabletType, State and others
	if err != nil {
		return nil, err
	}
	healthy := make(map[string]int)
	values := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		if values[1].String == k.name && values[4].String == "SERVING" {
			healthy[values[2].String]++
		}
	}
	return healthy, rows.Err()
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
