// Package conformance has one table of situations, each a sequence of vtctld calls with what Vitess v0.24 answers to
// them and what the keyspace is like afterwards: the serving graph, the shard records, the tables and the workflows.
// Run plays the table against a cluster. The tests of internal/sandbox do so with a sandbox, those of e2e with a real
// vtctld and MySQL. What is written here is what the real one did; where a sandbox differs, the sandbox is wrong.
//
// What differs between any two clusters is left out of the comparison: tablet numbers, cells, positions, times, ids.
//
// It is for tests only. Nothing that ends up in the program may import it: it pulls in package testing.
package conformance
