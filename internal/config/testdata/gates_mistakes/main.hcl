cluster "main" {
  vtctld = ["h:1"]
}
variable "secret" {
  default   = "hunter2"
  sensitive = true
}
keyspace "steps" {
  shards = ["-"]
  reshard {
    soak = "0s"
    switch {
      approval = ["switch_primay", "create", "soak", "create"]
      window {
        opens         = "0 25 * * *"
        lasts         = "0s"
        timezone      = "Europe/Berlni"
        min_remaining = "1h"
      }
    }
  }
}
keyspace "no_way_back" {
  shards = ["-"]
  reshard {
    soak = "24h"
    switch {
      reverse_replication = false
      approval            = "switch_primary"
      window {
        opens         = "0 9 31 2 *"
        lasts         = "1h"
        timezone      = "Local"
        min_remaining = "60m"
      }
    }
  }
}
keyspace "missing" {
  shards = ["-"]
  reshard {
    soak = 24
    switch {
      approval = [null]
      window {
        open = "0 9 * * *"
      }
      window {
      }
    }
  }
}
keyspace "null" {
  shards = ["-"]
  reshard {
    soak = null
    switch {
      approval = null
      window {
        opens = null
        lasts = "1h"
      }
    }
  }
}
keyspace "marked" {
  shards = ["-"]
  reshard {
    soak = var.secret
    switch {
      approval = [var.secret]
      window   = {}
    }
  }
}
