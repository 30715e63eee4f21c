//go:build crash

package crash

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/keyrange"
)

// walkTables are the tables of a walk's keyspaces. The rows of both are placed by their customer_id.
var walkTables = []string{"customer", "corder"}

// check compares every row: each is on the shard that serves writes for it, once, and no other is there.
func (w *walker) check() {
	w.t.Helper()
	for _, ks := range w.keyspaces {
		if diff := cmp.Diff(ks.rows, w.served(ks)); diff != "" {
			w.t.Errorf("keyspace %s: rows (-written +served):\n%s", ks.name, diff)
		}
	}
}

// served are the rows that the keyspace serves, by table, each with its customer_id in front. A row on a shard that is not
// its own is an error.
func (w *walker) served(ks *walkKeyspace) map[string][]string {
	w.t.Helper()
	rows := map[string][]string{}
	for _, shard := range w.layout(ks.name, "PRIMARY") {
		for _, table := range walkTables {
			for _, row := range w.query(w.file(ks.name, shard.Name), "SELECT customer_id, * FROM "+table) {
				id, _, _ := strings.Cut(row, "|")
				if !shard.Range.Contains(ks.keyspaceID(id)) {
					w.t.Errorf("row %s of %s/%s is on shard %s", row, ks.name, table, shard)
				}
				rows[table] = append(rows[table], row)
			}
		}
	}
	for _, all := range rows {
		slices.Sort(all)
	}
	return rows
}

func (w *walker) file(keyspace, shard string) string {
	return filepath.Join(w.dir, "sandbox", keyspace, shard+".sqlite")
}

func (ks *walkKeyspace) keyspaceID(customer string) []byte {
	vindex, err := keyrange.NewVindex(ks.vindex)
	if err != nil {
		panic(err)
	}
	n, err := strconv.ParseInt(customer, 10, 64)
	if err != nil {
		panic(err)
	}
	id, err := vindex.Map(n)
	if err != nil {
		panic(err)
	}
	return id
}

// layout is what vtgate finds in the serving graph for a type of tablets; it has to cover the key space.
func (w *walker) layout(keyspace, tabletType string) keyrange.Layout {
	w.t.Helper()
	var graph struct {
		Partitions []struct {
			ServedType      string
			ShardReferences []struct{ Name string }
		}
	}
	values := w.query(filepath.Join(w.dir, "sandbox/topo.sqlite"), fmt.Sprintf("SELECT value FROM node WHERE path = 'cells/zone1/keyspaces/%s/SrvKeyspace'", keyspace))
	if len(values) != 1 {
		w.t.Fatalf("the serving graph of keyspace %s: %v", keyspace, values)
	}
	if err := json.Unmarshal([]byte(values[0]), &graph); err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, p := range graph.Partitions {
		if p.ServedType != tabletType {
			continue
		}
		for _, shard := range p.ShardReferences {
			names = append(names, shard.Name)
		}
	}
	layout, err := keyrange.ParseShards(names)
	if err != nil {
		w.t.Fatal(err)
	}
	if whole, ok := layout.Union(); !ok || !whole.IsWhole() {
		w.t.Fatalf("keyspace %s serves %s from %v, which is not the whole key space", keyspace, tabletType, names)
	}
	return layout
}

// write inserts a row as an application does, on the shard that serves writes for it. A shard that serves none aborts it.
func (w *walker) write(random *rand.Rand) {
	w.t.Helper()
	ks := w.keyspaces[random.IntN(len(w.keyspaces))]
	n := random.IntN(1_000_000) + 1_000
	for _, shard := range w.layout(ks.name, "PRIMARY") {
		if !shard.Range.Contains(ks.keyspaceID(strconv.Itoa(n))) {
			continue
		}
		db, err := sql.Open("sqlite", "file:"+w.file(ks.name, shard.Name)+"?mode=rw")
		if err != nil {
			w.t.Fatal(err)
		}
		defer db.Close()
		row := fmt.Sprintf("%d|%d|sku|1|2026-01-01 00:00:00", n, n)
		_, err = db.ExecContext(w.t.Context(), "INSERT INTO corder (order_id, customer_id, sku, price, ordered_at) VALUES (?, ?, 'sku', 1, '2026-01-01 00:00:00')", n, n)
		w.note("write %d to %s/%s: %v", n, ks.name, shard, err)
		if err == nil {
			ks.rows["corder"] = append(ks.rows["corder"], fmt.Sprintf("%d|%s", n, row))
			slices.Sort(ks.rows["corder"])
		}
		return
	}
}
