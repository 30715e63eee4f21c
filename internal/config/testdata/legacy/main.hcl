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
