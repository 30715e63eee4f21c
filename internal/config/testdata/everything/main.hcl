shardform {
  required_version = ">= 0.1, < 2"
  state "bbolt" {
    path = "state/my.db"
  }
}

variable "vtctld" {
  type        = string
  default     = "localhost:15999"
  description = "where vtctld listens"
}

variable "password" {
  type      = string
  sensitive = true
}

locals {
  cells = [for z in local.zones : lower(z)]
  zones = ["ZONE1", "ZONE2"]
}

cluster "main" {
  vtctld = [var.vtctld, "vtctld-2:15999"]
  tls {
    ca          = "ca.pem"
    cert        = "client.pem"
    key         = "client.key"
    server_name = "vtctld"
  }
  auth {
    username = "root"
    password = var.password
  }
}

keyspace "customer" {
  name       = "customer_v2"
  cluster    = "main"
  shards     = ["-80", "80-"]
  vschema    = file("customer.vschema.json")
  depends_on = [operation.before]

  reshard {
    cells                = local.cells
    tablet_types         = ["RDONLY", "primary"]
    on_ddl               = "IGNORE"
    defer_secondary_keys = false
    preflight {
      wait = "30m"
    }
    copy {
      stall_after = "1h"
      config = {
        vreplication_copy_phase_duration = "30m"
        relay_log_max_items              = 10
      }
    }
    verify {
      enabled = false
      max_age = "1h"
      timeout = "2h"
      samples = 3
      accept_missing = {
        customer = 8
      }
    }
    switch {
      max_replication_lag = "5s"
      lag_wait            = "1m"
      timeout             = "45s"
      reverse_replication = false
    }
    finish {
      remove_shards = false
    }
    retry {
      attempts    = 2
      backoff     = "2s"
      max_backoff = "4s"
    }
  }
}

keyspace "lookup" {
  shards = even_shards(length(keyspace.customer.shards) * 2)
  reshard {
    soak = "24h"
    switch {
      approval = ["finish", "create"]
      window {
        opens         = "0 9 * * mon-thu"
        lasts         = "6h"
        timezone      = "Europe/Berlin"
        min_remaining = "30m"
      }
    }
  }
}

keyspace "gated" {
  shards = ["-"]
  reshard {
    switch {
      approval = true
      window {
        opens = "0 22 * * 5L"
        lasts = "30m"
      }
    }
  }
}
