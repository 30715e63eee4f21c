# A real cluster, with every setting of a reshard spelled out. The values are the defaults unless a comment says
# otherwise. Valid without a network:
#
#   shardform validate --var password=x examples/production.hcl

shardform {
  required_version = ">= 0.1"

  state "bbolt" {
    path = "production.shardform.db"
  }
}

variable "vtctld" {
  type    = list(string)
  default = ["vtctld-1.example.com:15999", "vtctld-2.example.com:15999"]
}

variable "password" {
  type        = string
  default     = ""
  sensitive   = true
  description = "Of the vtctld user; set it by SHARDFORM_VAR_password."
}

variable "certificates" {
  type        = string
  default     = null
  description = "Directory of ca.pem, client.pem and client.key. null: the server's certificate is one that the system trusts, and it asks for none."
}

cluster "main" {
  vtctld = var.vtctld # tried in turn

  tls {
    ca          = var.certificates == null ? null : "${var.certificates}/ca.pem"
    cert        = var.certificates == null ? null : "${var.certificates}/client.pem"
    key         = var.certificates == null ? null : "${var.certificates}/client.key"
    server_name = "vtctld"
  }
  auth {
    username = "shardform"
    password = var.password
  }
}

keyspace "customer" {
  name    = "customer"
  cluster = "main"
  shards  = ["-80", "80-"]
  vschema = file("quickstart/customer.vschema.json")

  reshard {
    cells                = ["zone1"] # default: the server chooses
    tablet_types         = ["REPLICA", "PRIMARY"]
    on_ddl               = "STOP"
    defer_secondary_keys = true

    preflight {
      wait = "30m" # default: 0s
    }
    copy {
      stall_after = "10m"
      config = { # default: none
        vreplication-parallel-insert-workers = "4"
      }
    }
    verify {
      enabled = true
      max_age = "24h"
      timeout = "12h"
      samples = 10
    }
    switch {
      max_replication_lag = "30s"
      lag_wait            = "10m"
      timeout             = "30s"
      reverse_replication = true
    }
    finish {
      remove_shards = true
    }
    retry {
      attempts    = 5
      backoff     = "1s"
      max_backoff = "1m"
    }
  }
}

output "wanted" {
  value = keyspace.customer.shards
}

output "serving" {
  value = keyspace.customer.observed.shards
}
