cluster "s" {
  sandbox {
    keyspace "k" {
      shards = ["0"]
      schema = file("k.sql")
      load "customer" { csv = "customer.csv" }
      load "corder" { csv = "corder.csv" }
      load "hollow" { csv = "empty.csv" }
      load "blank" { csv = "blank.csv" }
      load "quotes" { csv = "quotes.csv" }
      load "many" { csv = "many.csv" }
      load "right" { csv = "right.csv" }
    }
  }
}
