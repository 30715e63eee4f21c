output "o" {
  value = [operation.o, local.x, keyspace.z.shards]
}
