cluster "c" {
  vtctld = ["h:1"]
}
keyspace "gap" {
  shards = ["-40", "80-"]
}
keyspace "overlap" {
  shards = [
    "-80",
    "40-",
  ]
}
keyspace "empty" {
  shards = []
}
keyspace "names" {
  shards = ["-80", "x0-"]
}
keyspace "wrong" {
  shards = "-"
}
keyspace "nulled" {
  shards = null
}
keyspace "many" {
  shards = even_shards(0)
}
keyspace "inner_null" {
  shards = ["-80", null]
}
keyspace "missing" {
}
