package conformance

import (
	"fmt"
	"strings"

	"shardform/internal/keyrange"
)

// Rows are the statements that fill the empty tables of the sources, by shard.
func (b Base) Rows() (map[string][]string, error) {
	vindex, err := keyrange.NewVindex("xxhash")
	if err != nil {
		return nil, err
	}
	rows := map[string][]string{}
	for _, name := range b.Sources {
		shard, err := keyrange.ParseShard(name)
		if err != nil {
			return nil, err
		}
		var customers, orders []string
		for customer := int64(1); customer <= Customers; customer++ {
			id, err := vindex.Map(customer)
			if err != nil {
				return nil, fmt.Errorf("placing customer %d: %w", customer, err)
			}
			if shard.Range.Contains(id) {
				customers = append(customers, fmt.Sprintf("(%d, 'customer %d')", customer, customer))
				orders = append(orders, fmt.Sprintf("(%d, %d, 'sku %d')", customer, customer, customer))
			}
		}
		rows[name] = []string{
			"insert into customer (customer_id, fullname) values " + strings.Join(customers, ", "),
			"insert into corder (order_id, customer_id, sku) values " + strings.Join(orders, ", "),
		}
	}
	return rows, nil
}
