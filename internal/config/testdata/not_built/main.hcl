shardform {
  state "etcd" {
    endpoints = ["a"]
  }
}
move_tables "orders" {
  cluster = "old"
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
cluster "old" {
  legacy {
    vtctld   = "old:15999"
    vtworker = "old:15033"
  }
}
keyspace "customer" {
  for_each = toset(["a"])
  cluster  = "main"
  shards   = ["-"]
  reshard {
    soak = "24h"
    switch {
      approval = ["switch_primary"]
      window {
        opens = "0 9 * * MON-THU"
      }
    }
  }
}
operation "x" {
  count = 2
  task "echo" "a" {
    text = "x"
  }
}
