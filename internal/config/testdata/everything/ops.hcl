operation "before" {
  container "schema" {
    concurrency = 2
    task "CopySchemaShardTask" "low" {
      parameters = {
        source_keyspace_and_shard = "customer/-"
        dest_keyspace_and_shard   = "customer/-80"
      }
    }
    task "CopySchemaShardTask" "high" {
      parameters = merge(local.copy, { dest_keyspace_and_shard = "customer/80-", vtctld_endpoint = "other:1" })
    }
  }
  container "notify" {
    task "shell" "page" {
      command = ["./notify.sh", "resharded <&>", keyspace.lookup.name]
      unless  = ["test", "-e", "done"]
      timeout = "1m"
      env = {
        TOKEN = var.password
        B     = 1
        A     = true
      }
      retries      = 3
      quiet        = "true"
      on_interrupt = null
    }
  }
  task "echo" "bye" {
    text = <<-EOT
      bye from ${join(",", keyspace.customer.shards)}
        and ${local.copy.source_keyspace_and_shard}
    EOT
  }
}

operation "after" {
  cluster    = "main"
  depends_on = [keyspace.customer, keyspace.lookup]
}

locals {
  copy = { source_keyspace_and_shard = "customer/-" }
}

output "shards" {
  value = keyspace.customer.shards
}
output "rows" {
  description = "how many"
  value       = keyspace.customer.observed.row_count + 1
}
output "secret" {
  value     = "pw ${var.password}"
  sensitive = true
}
