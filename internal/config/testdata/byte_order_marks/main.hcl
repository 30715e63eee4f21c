cluster "s" {
  sandbox {
    keyspace "ks" {
      shards  = ["0"]
      schema  = file("t.sql")
      vschema = file("v.json")
      generate "t" { rows = var.rows }
      load "t" { csv = "t.csv" }
    }
  }
}
keyspace "ks" {
  shards  = ["-80", var.last]
  vschema = <<-EOT
    {"sharded": true, "vindexes": {"h": {"type": "hash"}},
     "tables": {"t": {"column_vindexes": [{"column": "id", "name": "h"}]}}}
    EOT
}

variable "rows" {
  type = number
}

variable "last" {
  type = string
}
