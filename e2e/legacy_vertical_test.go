//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"testing"
)

// Orders are split off to a keyspace of their own while they are written, by an operation of the original's kind and by a
// move_tables block. It runs alone, one way after the other: vtgate finds its tables by their names, which no other keyspace
// may have at that time.
func TestLegacyVerticalSplit(t *testing.T) {
	for _, way := range []struct {
		name string
		plan func(t *testing.T, c cluster, from, to string) *planDir
	}{
		{"vertical_operation", func(t *testing.T, c cluster, from, to string) *planDir {
			return c.operation(t, "VerticalSplitTask", fmt.Sprintf("source_keyspace = %q", from), fmt.Sprintf("dest_keyspace = %q", to),
				`shard_list = "0"`, `tables = "corder"`, `min_healthy_rdonly_tablets = 1`)
		}},
		{"vertical_declared", func(t *testing.T, c cluster, from, to string) *planDir {
			p := &planDir{c, t.TempDir()}
			p.put(t, "plan.hcl", fmt.Sprintf("%s\nmove_tables \"orders\" {\n  from   = %q\n  to     = %q\n  tables = [\"corder\"]\n  copy {\n    config = { min_healthy_rdonly_tablets = 1 }\n  }\n}\n",
				c.block(), from, to))
			return p
		}},
	} {
		t.Run(way.name, func(t *testing.T) {
			c := legacyClusterWithOwnVtworker(t)
			from, to := newVerticalKeyspaces(t, c, way.name, 1000)
			plan := way.plan(t, c, from.name, to.name)
			load := from.load(t)
			load.mayFail = true
			load.waitForCommits(t, 20)
			plan.apply(t)
			load.waitForCommits(t, 50)
			load.finish(t)

			rows := readCustomers(t, from.mysql(t, "0"))
			maps.Copy(rows, readOrders(t, to.mysql(t, "0")))
			faults, err := findFaults("hash", map[string]map[key]string{"0": rows}, from.told)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("compared %d rows with %d keys that were written: %d faults", len(rows), len(from.told), len(faults))
			report(t, faults)
			plan.noChanges(t)
		})
	}
}

// newVerticalKeyspaces starts a keyspace with both tables, and one that was made to take the orders over and has none. The
// first one's gate has no keyspace: vtgate finds the tables by their names.
func newVerticalKeyspaces(t *testing.T, c cluster, name string, rows int64) (from, to *keyspace) {
	t.Helper()
	from, to = emptyKeyspace(t, c, name), emptyKeyspace(t, c, name+"_orders")
	from.rows, from.alone, to.alone = rows, true, true
	from.addShards(t, "0")
	to.vtctl(t, "CreateKeyspace", "-served_from", fmt.Sprintf("master:%[1]s,replica:%[1]s,rdonly:%[1]s", from.name), to.name)
	to.addShards(t, "0")
	from.vtctl(t, "ApplyVSchema", "-vschema", `{"tables": {"customer": {}}}`, from.name)
	to.vtctl(t, "ApplyVSchema", "-vschema", `{"tables": {"corder": {}}}`, to.name)
	from.vtctl(t, "ApplySchema", "-sql", from.tables.schema(), from.name)
	from.target, from.gate = "", c.gate(t, "")
	from.waitForTable(t, "corder")
	from.told = seed(t, from.gate, rows)
	return from, to
}
