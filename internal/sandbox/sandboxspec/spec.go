// Package sandboxspec has the description of a sandbox: what a `sandbox` block of a plan file says, as plain data.
// internal/config fills it, internal/sandbox opens it; it stands alone so that reading plan files pulls in no database.
package sandboxspec

import "time"

// Sandbox describes one embedded cluster. File names are absolute, or relative to the process's working directory.
type Sandbox struct {
	Path      string     `json:"path"` // folder of the cluster's files; created when first used
	Keyspaces []Keyspace `json:"keyspaces"`
	Faults    []Fault    `json:"faults,omitempty"`
	// Spare lists, by keyspace, the shards that are made (empty, not serving, with a primary, a replica and a rdonly
	// tablet) each time the sandbox is opened and they are absent: the `shards` of the configuration's keyspace blocks.
	Spare map[string][]string `json:"spare,omitempty"`
}

// Keyspace is one keyspace as it is first seeded.
type Keyspace struct {
	Name      string     `json:"name"`
	Shards    []string   `json:"shards"`
	VSchema   string     `json:"vschema,omitempty"` // JSON text as ApplyVSchema takes it
	Schema    string     `json:"schema,omitempty"`  // CREATE TABLE statements in MySQL's dialect
	Loads     []Load     `json:"loads,omitempty"`
	Generates []Generate `json:"generates,omitempty"`
}

// Load fills a table from a CSV file whose first line names the columns.
type Load struct {
	Table string `json:"table"`
	CSV   string `json:"csv"` // file name
}

// Generate fills a table with rows made from the schema, the same ones every time.
type Generate struct {
	Table string `json:"table"`
	Rows  int    `json:"rows"`
}

// Fault makes the sandbox misbehave on purpose: the nth call of an RPC fails or is slow.
type Fault struct {
	Name    string        `json:"name"`
	RPC     string        `json:"rpc"`               // method of the Vtctld service, "ReshardCreate"
	At      string        `json:"at"`                // "before" (nothing done), "after" (work done, answer lost), "during" (half of the work done)
	Nth     int           `json:"nth"`               // which call, counted from 1 over the sandbox's life; 0: every call
	Error   string        `json:"error,omitempty"`   // gRPC code in the proto's spelling, "UNAVAILABLE"; "" for latency alone
	Latency time.Duration `json:"latency,omitempty"` // pause at that point
}
