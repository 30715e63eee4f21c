cluser "main" {
  vtctld = ["h:1"]
}
cluster "main" {
  vtcltd = ["h:1"]
  vtctld = ["h:1"]
  tls = {}
}
keyspace "customer" {
  shrads = ["-"]
  reshrad {
  }
  shards {
  }
}
keyspace "b" "c" {
}
keyspace {
}
keyspace "1x" {
  shards = ["-"]
}
resource "aws_instance" "x" {
}
top = 1
output "o" {
  value = lcoal.x
}
output "p" {
  value = joni(",", ["a"])
}
output "q" {
  value = customer
}
output "r" {
  value = keyspace.custmer.shards
}
output "s" {
  value = keyspace.customer.shard
}
output "t" {
  value = keyspace.customer
}
output "u" {
  value = timestamp()
}
output "v" {
  value = var
}
output "w" {
  value = operation.x
}
output "x" {
  value = each.key
}
