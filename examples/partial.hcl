# Only what differs moves: of three shards the middle one is split in two, the other two stay as they are.

cluster "try" {
  sandbox {
    path = "sandbox-partial"

    keyspace "customer" {
      shards  = ["-40", "40-80", "80-"]
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
  shards = ["-40", "40-60", "60-80", "80-"]
}
