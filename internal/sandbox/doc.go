// Package sandbox is an embedded cluster: Vitess's own vtctld over shards that are SQLite files with real rows, placed by the
// real vindex functions. It is for first steps, for CI of plan files and for tests; it is no substitute for a real cluster.
//
// Package vtctld below has the server. This package is what the server works with: the records of its topology, and the
// tablets, which have rows, streams and VDiffs.
//
// Files: <path>/<keyspace>/<shard>.sqlite has a shard's tables and, in tables whose names start with _sf_, its change log and
// how far the streams that write into it are; <path>/topo.sqlite has the topology, the streams, the journals and the VDiffs.
// Any SQLite client may read these files at any moment and write to a shard that serves writes.
//
// Each write of the topology and each RPC of a tablet is one transaction, so a process may be killed at any moment. A change
// of rows and the position that covers it are one transaction of one file. What tablets do when they see the topology
// change, reconcile does after each call and when a sandbox is opened.
//
// Where a tablet differs from a real one on purpose: a stream copies only tables that have a primary key. Row counts of
// GetSchema and of VDiffs are exact, and so is at any moment how many rows a stream has copied, which a real one tells every
// half minute. Streams do not heed on_ddl, since a table's shape is read when they start. All else is held to
// internal/conformance. What is not implemented answers codes.Unimplemented.
package sandbox
