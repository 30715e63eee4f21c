// Package sandbox is an embedded cluster: it serves the vtctld gRPC service of Vitess v0.24, with the same messages and
// the same answers, over shards that are SQLite files with real rows placed by the real vindex functions. It is for first
// steps, for CI of plan files and for tests; it is no substitute for a real cluster.
//
// Layout of the folder: <path>/<keyspace>/<shard>.sqlite has a shard's tables and, in tables whose names start with _sf_,
// its change log and how far the streams that write into it are; <path>/topo.sqlite has the topology, the streams, the
// journals and the VDiffs. Any SQLite client may read these files at any moment and write to a shard that serves writes.
//
// What takes several files is ordered so that each step can be done again: topo.sqlite says what is wanted, Open brings
// the shard files in line with it before anything else runs. A change of rows and the position that covers it are one
// transaction of one file. So a process may be killed at any moment.
//
// Where it differs from a real cluster on purpose: a Reshard copies reference tables too, every row to every shard; a
// real one leaves them to their own Materialize workflows. A stream copies only tables that have a primary key. Row counts
// of GetSchema and of VDiffs are exact, and so is at any moment how many rows a stream has copied, which a real one tells
// every half minute. Streams do not heed on_ddl, since a table's shape is read when they start. All else that answers is
// held to internal/conformance.
//
// The package imports of Vitess only the generated messages. What it does not implement answers codes.Unimplemented.
package sandbox
