output "o" {
  value = keyspace.k.shards
}
output "p" {
  value = local.gone
}
