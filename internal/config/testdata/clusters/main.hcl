cluster "a" {
  vtctld = ["h:1"]
}
cluster "b" {
  vtctld = ["h:2"]
}
keyspace "no_cluster" {
  shards = ["-"]
}
keyspace "unknown_cluster" {
  cluster = "aa"
  shards  = ["-"]
}
keyspace "reference" {
  cluster = cluster.a
  shards  = ["-"]
}
keyspace "one" {
  cluster = "a"
  shards  = ["-"]
}
keyspace "two" {
  name    = "one"
  cluster = "a"
  shards  = ["-"]
}
operation "needs" {
  task "CopySchemaShardTask" "x" {
    parameters = {
      source_keyspace_and_shard = "a/-"
      dest_keyspace_and_shard   = "a/-80"
    }
  }
}
