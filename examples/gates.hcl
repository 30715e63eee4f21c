# A reshard that asks before it moves writes: somebody approves it, it waits for a window, and it stays reversible for a
# while before the old shard is removed. Each apply goes as far as the gates let it, and says what opens the next one.

cluster "try" {
  sandbox {
    path = "sandbox-gates"

    keyspace "customer" {
      shards  = ["-"]
      schema  = file("quickstart/customer.sql")
      vschema = file("quickstart/customer.vschema.json")

      load "customer" {
        csv = "quickstart/customer.csv"
      }
      generate "corder" {
        rows = 2000
      }
    }
  }
}

keyspace "customer" {
  shards = ["-80", "80-"]

  reshard {
    soak = "20s" # "24h" in production

    switch {
      approval = ["switch_primary"]

      window { # always open; in production such as opens = "0 9 * * MON-THU", lasts = "6h", min_remaining = "30m"
        opens    = "0 * * * *"
        lasts    = "1h"
        timezone = "Europe/Berlin"
      }
    }
  }
}
