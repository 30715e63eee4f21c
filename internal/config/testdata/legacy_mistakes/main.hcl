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
keyspace "customer" {
  cluster = "old"
  shards  = ["-80", "80-"]
  vschema = "{}"
  reshard {
    cells                = ["a"]
    tablet_types         = ["REPLICA"]
    on_ddl               = "STOP"
    defer_secondary_keys = true
    soak                 = "1h"
    preflight {
      wait = "1m"
    }
    copy {
      stall_after = "1m"
      config      = { min_healthy_rdonly_tablet = 1, max_tps = "many" }
    }
    verify {
      max_age = "1h"
      samples = 1
    }
    switch {
      reverse_replication = true
      approval            = ["create", "switch_primary"]
    }
    finish {
      remove_shards = true
    }
  }
}
move_tables "modern" {
  cluster = "new"
  from    = "a"
  to      = "b"
  tables  = ["x"]
}
move_tables "nowhere" {
  from   = "a"
  to     = "a"
  tables = ["x", "x", "y,z"]
}
move_tables "half" {
  cluster = "old"
}
