//go:build e2e

package e2e

import (
	"maps"
	"testing"

	"shardform/internal/keyrange"

	"github.com/google/go-cmp/cmp"
)

// The comparison is what all scenarios rest on, so it has to see each kind of fault.
func TestComparisonSeesEveryKindOfFault(t *testing.T) {
	place, err := keyrange.NewVindex("xxhash")
	if err != nil {
		t.Fatal(err)
	}
	low, high := customerIn(t, place, "-80"), customerIn(t, place, "80-")
	order, sent := orderKey(1, low.customer), unnumbered(7, low.customer)
	row := customerRow("c@example.com", "name")
	told := ledger{low: {row}, high: {row}, order: {absent, orderRow("sku", 1)}, sent: {absent, orderRow("sku7", 1)}}

	for name, test := range map[string]struct {
		tamper func(lower, upper map[key]string)
		want   map[string]int
	}{
		"as written":                      {func(_, _ map[key]string) {}, nil},
		"an unsure row is there":          {func(lower, _ map[key]string) { lower[order] = orderRow("sku", 1) }, nil},
		"an unsure row has another value": {func(lower, _ map[key]string) { lower[order] = orderRow("sku", 2) }, map[string]int{"changed": 1}},
		"an unsure row has some number":   {func(lower, _ map[key]string) { lower[orderKey(70, low.customer)] = orderRow("sku7", 1) }, nil},
		"an unsure row is there twice": {func(lower, _ map[key]string) {
			lower[orderKey(70, low.customer)], lower[orderKey(71, low.customer)] = orderRow("sku7", 1), orderRow("sku7", 1)
		}, map[string]int{"unknown": 1}},
		"an unsure row is another customer's": {func(_, upper map[key]string) { upper[orderKey(70, high.customer)] = orderRow("sku7", 1) }, map[string]int{"unknown": 1}},
		"a row is gone":                       {func(lower, _ map[key]string) { delete(lower, low) }, map[string]int{"lost": 1}},
		"a row has another value":             {func(lower, _ map[key]string) { lower[low] = "other" }, map[string]int{"changed": 1}},
		"a row is on both sides":              {func(_, upper map[key]string) { upper[low] = row }, map[string]int{"duplicated": 1, "in the wrong shard": 1}},
		"a row is on the other side":          {func(lower, upper map[key]string) { delete(lower, low); upper[low] = row }, map[string]int{"in the wrong shard": 1}},
		"a row is there that nobody wrote":    {func(lower, _ map[key]string) { lower[orderKey(9, low.customer)] = row }, map[string]int{"unknown": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			lower, upper := map[key]string{low: row}, map[key]string{high: row}
			test.tamper(lower, upper)
			faults, err := findFaults("xxhash", map[string]map[key]string{"-80": lower, "80-": upper}, maps.Clone(told))
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]int
			for _, f := range faults {
				if got == nil {
					got = make(map[string]int)
				}
				got[f.kind]++
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

// customerIn is the first customer that the vindex places in the shard.
func customerIn(t *testing.T, place keyrange.Vindex, name string) key {
	t.Helper()
	shard, err := keyrange.ParseShard(name)
	if err != nil {
		t.Fatal(err)
	}
	for customer := int64(1); ; customer++ {
		id, err := place.Map(customer)
		if err != nil {
			t.Fatal(err)
		}
		if shard.Range.Contains(id) {
			return customerKey(customer)
		}
	}
}
