cluster "s" {
  sandbox {
    keyspace "ks" {
      shards  = ["0"]
      schema  = "DROP DATABASE x; this is no sql"
      vschema = "{\"sharded\": true, \"tabels\": {}}"
      generate "nosuch" { rows = 5 }
    }
  }
}
keyspace "ks" {
  cluster = "s"
  shards  = ["-80", "80-"]
  vschema = "{\"sharded\": true, \"vindexes\": {\"h\": {\"type\": \"haash\"}}, \"tabels\": {}}"
}
cluster "other" {
  sandbox {
    path = "other"
    keyspace "from_files" {
      shards  = ["0"]
      schema  = file("t.sql")
      vschema = file("v.json")
    }
  }
}
locals {
  vschema = file("v.json")
}
keyspace "from_files" {
  cluster = "other"
  shards  = ["-80", "80-"]
  vschema = local.vschema
}
keyspace "inline" {
  name    = "from_files"
  cluster = "s"
  shards  = ["-80", "80-"]
  vschema = <<-EOT
    {
      "sharded": true,
      "vindexes": {"h": {"type": "numeric_static_map"}, "r": {"type": "region_json", "param": {}}},
      "tables": {"elsewhere": {"columnVindexes": [{"columns": ["a", "b"], "name": "hh"}], "auto_increment": {"column": "id", "sequence": "seq"}}}
    }
  EOT
}
keyspace "kinds" {
  cluster = "s"
  shards  = ["0"]
  vschema = "{\n  \"shardad\": true,\n  \"tables\": {\"t\": {\"column_vindexes\": 5}}\n}"
}
keyspace "syntax" {
  cluster = "s"
  shards  = ["0"]
  vschema = file("syntax.json")
}
keyspace "last" {
  name    = "kt"
  cluster = "s"
  shards  = ["-80", "80-"]
  vschema = "{\"sharded\": true, \"vindexes\": {\"h\": {\"type\": \"hash\"}}, \"tables\": {\"t\":{\"colum_vindexes\":[{\"column\":\"id\",\"name\":\"h\"}]}}}"
}
