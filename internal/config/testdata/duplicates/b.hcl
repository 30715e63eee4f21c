cluster "c" {
  vtctld = ["h:1"]
}
keyspace "k" {
  shards = ["-"]
  reshard {
  }
  reshard {
  }
  shards = ["-"]
}
locals {
  x = 2
}
variable "v" {
  default = 1
}
operation "o" {
}
output "o" {
  value = 1
}
