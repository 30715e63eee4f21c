cluster "old" {
  legacy {
    vtctld   = "old"
    vtworker = "old:15033"
    vtgate   = "old:15001"
  }
}
cluster "half" {
  legacy {
    vtctld = "half:15999"
  }
}
cluster "both" {
  vtctld = ["both:15999"]
  legacy {
    vtctld   = "both:15999"
    vtworker = "both:15033"
  }
}
cluster "new" {
  vtctld = ["new:15999"]
}
operation "modern" {
  cluster = "new"
  task "SplitCloneTask" "clone" {
    source_shard = "0"
  }
  task "SplitCloneTask" "elsewhere" {
    source_shard      = "0"
    vtworker_endpoint = "other:15033"
  }
}
operation "nowhere" {
  task "SplitCloneTask" "clone" {
    source_shard = "0"
  }
  task "CopySchemaShardTask" "schema" {
    source_keyspace_and_shard = "k/0"
  }
}
operation "judged" {
  cluster = "old"
  task "SplitCloneTask" "clone" {
    source_shard = "0"
    retries      = 99
  }
}
