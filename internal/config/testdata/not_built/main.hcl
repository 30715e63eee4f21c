shardform {
  state "etcd" {
    endpoints = ["a"]
  }
}
move_tables "orders" {
  from   = "a"
  to     = "b"
  tables = ["orders"]
}
check "rows" {
  condition = true
}
moved {
  from = keyspace.a
  to   = keyspace.b
}
cluster "main" {
  vtctld = ["h:1"]
}
keyspace "customer" {
  for_each = toset(["a"])
  cluster  = "main"
  shards   = ["-"]
}
operation "x" {
  count = 2
  task "echo" "a" {
    text = "x"
  }
}
