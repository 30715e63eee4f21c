cluster "old" {
  legacy {
    vtctld   = "vtctld:15999"
    vtworker = "vtworker:15033"
  }
}

operation "named" {
  container "bad name" {
    task "echo" "fine" {
      text = "x"
    }
    task "SplitCloneTask" "source" {
      source_shard = "0"
    }
    task "CopySchemaShardTask" "incomplete" {
      source_keyspace_and_shard = "a/0"
    }
  }
  container "last" {
    task "SplitCloneTask" "source" {
      source_shard = "0"
    }
  }
}

operation "twice" {
  container "clone" {
    task "SplitCloneTask" "source" {
      source_shard = "0"
    }
  }
  container "clone" {
    task "SplitCloneTask" "source" {
      source_shard = "0"
    }
    task "SplitCloneTask" "incomplete" {
    }
  }
  task "SplitCloneTask" "clone" {
  }
  task "SplitCloneTask" "bad name" {
  }
}
