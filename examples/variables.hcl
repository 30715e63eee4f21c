# Values from outside, computed values and computed layouts. Try:
#
#   shardform plan --var shards=8 examples/variables.hcl
#   SHARDFORM_VAR_environment=staging shardform plan examples/variables.hcl

variable "environment" {
  type        = string
  default     = "test"
  description = "Where this runs; part of the sandbox's folder name."

  validation {
    condition     = contains(["test", "staging"], var.environment)
    error_message = "The sandbox is for test and staging, not for ${var.environment}."
  }
}

variable "shards" {
  type        = number
  default     = 4
  description = "How many shards of equal size the keyspace gets."
}

variable "token" {
  type      = string
  default   = "not a real secret"
  sensitive = true # kept out of plans, logs and state
}

locals {
  vschema = file("quickstart/customer.vschema.json")
  tables  = sort(keys(jsondecode(local.vschema).tables))
}

cluster "try" {
  sandbox {
    path = "sandbox-variables-${var.environment}"

    keyspace "customer" {
      shards  = ["-"]
      schema  = file("quickstart/customer.sql")
      vschema = local.vschema

      load "customer" {
        csv = "quickstart/customer.csv"
      }
    }
  }
}

keyspace "customer" {
  shards = even_shards(var.shards)
}

operation "announce" {
  depends_on = [keyspace.customer]

  task "shell" "tell" {
    command = ["sh", "-c", "test -n \"$TOKEN\" && echo told"]
    env     = { TOKEN = var.token }
  }
}

output "shards" {
  value = keyspace.customer.shards
}

output "summary" {
  value = format("%s: %s on %d shards", var.environment, join(" and ", local.tables), length(keyspace.customer.shards))
}

output "rows" {
  description = "Rows of all serving shards, as the cluster estimates them."
  value       = keyspace.customer.observed.row_count
}
