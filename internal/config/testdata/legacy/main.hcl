cluster "old" {
  legacy {
    vtctld   = "old:15999"
    vtworker = "old:15033"
  }
  tls {
    ca = "ca.pem"
  }
}
cluster "new" {
  vtctld = ["new:15999", "new:16000"]
}
operation "clone" {
  cluster = "old"
  task "CopySchemaShardTask" "schema" {
    source_keyspace_and_shard = "k/0"
    dest_keyspace_and_shard   = "k/-80"
  }
  task "SplitCloneTask" "clone" {
    source_shard = "0"
  }
  task "SplitCloneTask" "elsewhere" {
    source_shard      = "0"
    vtworker_endpoint = "other:15033"
  }
}
operation "schema" {
  cluster = "new"
  task "CopySchemaShardTask" "schema" {
    source_keyspace_and_shard = "k/0"
    dest_keyspace_and_shard   = "k/-80"
  }
}
operation "named" {
  task "SplitCloneTask" "clone" {
    source_shard      = "0"
    vtworker_endpoint = "other:15033"
  }
}
keyspace "customer" {
  cluster = "old"
  shards  = ["-80", "80-"]
  reshard {
    copy {
      config = { min_healthy_rdonly_tablets = 1, exclude_tables = "/tmp/" }
    }
    verify {
      enabled = false
    }
    switch {
      max_replication_lag = "10s"
      approval            = ["switch_primary"]
      window {
        opens = "0 9 * * *"
        lasts = "1h"
      }
    }
    retry {
      attempts = 2
    }
  }
}
move_tables "orders" {
  cluster    = "old"
  from       = "commerce"
  to         = "customer"
  tables     = ["orders", "order_items"]
  depends_on = [keyspace.customer]
  copy {
    config = { max_tps = 100 }
  }
}
operation "behind" {
  depends_on = [move_tables.orders]
  task "echo" "x" {
    text = "x"
  }
}
