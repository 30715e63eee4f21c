cluster "c" {
  vtctld = ["h:1"]
}
keyspace "k" {
  shards = ["-"]
}
output "rows" {
  value = keyspace.k.observed.row_count
}
