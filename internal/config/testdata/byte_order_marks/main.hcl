cluster "s" {
  sandbox {
    keyspace "ks" {
      shards  = ["0"]
      schema  = file("t.sql")
      vschema = file("v.json")
      generate "t" { rows = 200 }
      load "t" { csv = "t.csv" }
    }
  }
}
keyspace "ks" {
  shards  = ["-80", "80-"]
  vschema = <<-EOT
    {"sharded": true, "vindexes": {"h": {"type": "hash"}},
     "tables": {"t": {"column_vindexes": [{"column": "id", "name": "h"}]}}}
    EOT
}
