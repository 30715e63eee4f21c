cluster "c" {
  vtctld = ["h:1"]
}
keyspace "a" {
  name   = "real-a"
  shards = keyspace.b.shards
}
keyspace "b" {
  name    = "${keyspace.a.name}-b"
  cluster = keyspace.a.cluster
  shards  = [for s in ["-80", "80-"] : s]
}
operation "o" {
  depends_on = [keyspace.a]
  cluster    = keyspace.b.cluster
  task "echo" "x" {
    text = "%{ for s in keyspace.a.shards }${s};%{ endfor } ${keyspace.b.name} ${try(keyspace.a.shards[7], "none")}"
  }
}
