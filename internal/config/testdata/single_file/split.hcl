keyspace "k" {
  cluster = "c"
  shards  = ["0"]
}
cluster "c" {
  vtctld = ["h:1"]
}
