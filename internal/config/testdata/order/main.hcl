cluster "c" {
  vtctld = ["h:1"]
}
keyspace "b" {
  shards     = ["-"]
  depends_on = [operation.first]
}
keyspace "a" {
  shards     = keyspace.b.shards
  depends_on = [keyspace.b, operation.second]
}
keyspace "z" {
  shards = ["-"]
}
operation "second" {
  task "echo" "x" {
    text = "x"
  }
}
operation "first" {
  depends_on = [operation.second]
  task "echo" "x" {
    text = "x"
  }
}
