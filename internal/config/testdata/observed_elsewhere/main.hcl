cluster "c" {
  vtctld = ["h:1"]
}
keyspace "k" {
  shards = ["-"]
}
locals {
  rows = keyspace.k.observed.row_count
}
output "fine" {
  value = "${keyspace.k.observed.row_count} in ${join(",", keyspace.k.observed.shards)}"
}
output "typo" {
  value = keyspace.k.observed.rows
}
