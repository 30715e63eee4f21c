package config

import (
	"shardform/internal/diag"
)

// Output is an output block. Its value may name what is observed, so it is evaluated after the cluster was read:
// see Evaluate.
type Output struct {
	Name        string
	Description string
	Sensitive   bool
	Place       diag.Place
}

// Observed is what outputs may ask of a keyspace: keyspace.NAME.observed.
type Observed struct {
	Shards   []string // serving PRIMARY, in key order
	RowCount int64    // rows of all serving shards, as the cluster estimates them
}
