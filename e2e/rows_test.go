//go:build e2e

package e2e

import (
	"cmp"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"shardform/internal/keyrange"
)

// key is a row's primary key. Every table of the tests is sharded by customer_id.
type key struct {
	table    string
	id       int64 // order_id; 0 in customer
	customer int64
}

// Row values as one string, and what stands for a row that is not there.
const absent = ""

func customerRow(email, name string) string   { return email + "|" + name }
func orderRow(sku string, price int64) string { return fmt.Sprintf("%s|%d", sku, price) }
func customerKey(customer int64) key          { return key{"customer", 0, customer} }
func orderKey(order, customer int64) key      { return key{"corder", order, customer} }
func unnumbered(n, customer int64) key        { return key{"corder", -n, customer} } // the order that a writer sent as its nth
func (k key) String() string                  { return fmt.Sprintf("%s %d of customer %d", k.table, k.id, k.customer) }

// ledger is what a writer was told. Most keys have one possible row; a statement that ended in an error may have been
// committed or not, which leaves two.
type ledger map[key][]string

// fault is a row that is not as the ledger has it.
type fault struct {
	kind  string // lost, duplicated, in the wrong shard, changed, unknown
	where string
}

// findFaults holds the rows of each shard, by its name, against the ledger and against where the vindex places them.
func findFaults(vindex string, contents map[string]map[key]string, told ledger) ([]fault, error) {
	place, err := keyrange.NewVindex(vindex)
	if err != nil {
		return nil, err
	}
	var faults []fault
	found := make(map[key]string)           // the shard that has it
	unsure := make(map[key]map[string]bool) // orders without a number that may be there, by customer and row
	for k, rows := range told {
		if k.id < 0 {
			customer := unnumbered(0, k.customer)
			if unsure[customer] == nil {
				unsure[customer] = make(map[string]bool)
			}
			unsure[customer][rows[1]] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		shard, err := keyrange.ParseShard(name)
		if err != nil {
			return nil, err
		}
		for k, row := range contents[name] {
			if other, twice := found[k]; twice {
				faults = append(faults, fault{"duplicated", fmt.Sprintf("%s: in %s and in %s", k, other, name)})
			}
			found[k] = name
			id, err := place.Map(k.customer)
			if err != nil {
				return nil, fmt.Errorf("placing %s: %w", k, err)
			}
			if !shard.Range.Contains(id) {
				faults = append(faults, fault{"in the wrong shard", fmt.Sprintf("%s: keyspace id %x in %s", k, id, name)})
			}
			want, known := told[k]
			switch maybe := unsure[unnumbered(0, k.customer)]; {
			case !known && k.table == "corder" && maybe[row]:
				delete(maybe, row)
			case !known:
				faults = append(faults, fault{"unknown", fmt.Sprintf("%s: nobody wrote it", k)})
			case !slices.Contains(want, row):
				faults = append(faults, fault{"changed", fmt.Sprintf("%s: %q, written was %q", k, row, want)})
			}
		}
	}
	for k, want := range told {
		if _, there := found[k]; !there && !slices.Contains(want, absent) {
			faults = append(faults, fault{"lost", fmt.Sprintf("%s: committed as %q", k, want)})
		}
	}
	return faults, nil
}

// report fails the test with the number of faults of each kind and the first few of them.
func report(t *testing.T, faults []fault) {
	t.Helper()
	slices.SortFunc(faults, func(a, b fault) int {
		return cmp.Or(strings.Compare(a.kind, b.kind), strings.Compare(a.where, b.where))
	})
	for len(faults) > 0 {
		kind := faults[0].kind
		end := slices.IndexFunc(faults, func(f fault) bool { return f.kind != kind })
		if end < 0 {
			end = len(faults)
		}
		t.Errorf("%d rows %s", end, kind)
		for _, f := range faults[:min(end, 5)] {
			t.Errorf("  %s", f.where)
		}
		faults = faults[end:]
	}
}

// readShard reads all the rows that a shard's MySQL has.
func readShard(t *testing.T, db *sql.DB) map[key]string {
	t.Helper()
	found := readCustomers(t, db)
	maps.Copy(found, readOrders(t, db))
	return found
}

func readCustomers(t *testing.T, db *sql.DB) map[key]string {
	t.Helper()
	found := make(map[key]string)
	scan(t, db, "select customer_id, email, name from customer", func(rows *sql.Rows) error {
		var customer int64
		var email, name string
		err := rows.Scan(&customer, &email, &name)
		found[customerKey(customer)] = customerRow(email, name)
		return err
	})
	return found
}

func readOrders(t *testing.T, db *sql.DB) map[key]string {
	t.Helper()
	found := make(map[key]string)
	scan(t, db, "select order_id, customer_id, sku, price from corder", func(rows *sql.Rows) error {
		var order, customer, price int64
		var sku string
		err := rows.Scan(&order, &customer, &sku, &price)
		found[orderKey(order, customer)] = orderRow(sku, price)
		return err
	})
	return found
}

func scan(t *testing.T, db *sql.DB, query string, row func(*sql.Rows) error) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}
