# Two shards become one. The sandbox makes the target shard "-" by itself, as the keyspace block asks for it.

cluster "try" {
  sandbox {
    path = "sandbox-merge"

    keyspace "customer" {
      shards  = ["-80", "80-"]
      schema  = file("quickstart/customer.sql")
      vschema = file("quickstart/customer.vschema.json")

      load "customer" {
        csv = "quickstart/customer.csv"
      }
      generate "corder" {
        rows = 5000
      }
    }
  }
}

keyspace "customer" {
  shards = ["-"]
}
