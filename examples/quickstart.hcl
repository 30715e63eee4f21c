# A keyspace that is split in two, with real rows and nothing to install:
#
#   shardform plan  examples/quickstart.hcl
#   shardform apply examples/quickstart.hcl
#   shardform sandbox rows examples/quickstart.hcl

cluster "try" {
  sandbox {
    path = "sandbox-quickstart"

    keyspace "customer" {
      shards  = ["-"]
      schema  = file("quickstart/customer.sql")
      vschema = file("quickstart/customer.vschema.json")

      load "customer" {
        csv = "quickstart/customer.csv"
      }
      generate "corder" {
        rows = 20000
      }
    }
  }
}

keyspace "customer" {
  shards  = ["-80", "80-"] # edit this list and run plan again
  vschema = file("quickstart/customer.vschema.json")
}

output "shards" {
  description = "The layout that the plan files ask for."
  value       = keyspace.customer.shards
}
