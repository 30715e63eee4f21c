locals {
  a = local.b
  b = "${local.c}!"
  c = local.a
  d = local.a
  self = local.self
}
cluster "c" {
  vtctld = ["h:1"]
}
keyspace "one" {
  shards     = keyspace.two.shards
  depends_on = [operation.x]
}
keyspace "two" {
  shards     = keyspace.one.shards
  depends_on = [keyspace.one]
}
operation "x" {
  depends_on = [keyspace.two]
}
operation "y" {
  depends_on = [operation.y, operation.z, "operation.x", keyspace.two.shards, keyspace.one, keyspace.one]
}
