//go:build e2e

package e2e

import "fmt"

// tables is how a test's two tables, customer and corder, are sharded: both by customer_id. The zero value is an
// unsharded keyspace.
type tables struct {
	vindex    string // xxhash or hash; none: the vschema is unsharded
	sequences string // the keyspace of the sequence corder_seq, which then gives out order ids; none: writers choose them
	increment bool   // corder's column is AUTO_INCREMENT, so that writers need not choose order ids
}

// schema is the CREATE TABLE statements.
func (s tables) schema() string {
	increment := ""
	if s.increment {
		increment = " AUTO_INCREMENT"
	}
	return "CREATE TABLE customer (customer_id bigint NOT NULL, email varchar(128), name varchar(64), " +
		"PRIMARY KEY (customer_id), KEY email (email));\n" +
		"CREATE TABLE corder (order_id bigint NOT NULL" + increment + ", customer_id bigint NOT NULL, sku varchar(64), price bigint, " +
		"PRIMARY KEY (order_id, customer_id), KEY customer_id (customer_id));\n"
}

// vschema is the keyspace's vschema as JSON.
func (s tables) vschema() string {
	if s.vindex == "" {
		return `{"tables": {"customer": {}, "corder": {}}}`
	}
	sequence := ""
	if s.sequences != "" {
		sequence = fmt.Sprintf(`, "auto_increment": {"column": "order_id", "sequence": "%s.corder_seq"}`, s.sequences)
	}
	return fmt.Sprintf(`{
  "sharded": true,
  "vindexes": {"by_customer": {"type": %q}},
  "tables": {
    "customer": {"column_vindexes": [{"column": "customer_id", "name": "by_customer"}]},
    "corder": {"column_vindexes": [{"column": "customer_id", "name": "by_customer"}]%s}
  }
}
`, s.vindex, sequence)
}
