cluster "c" {
  vtctld = ["h:1"]
}
keyspace "k" {
  shards = ["-"]
}
locals {
  x = 1
}
variable "v" {
  default = 1
}
operation "o" {
  container "c" {
    task "echo" "t" {
      text = "x"
    }
    task "echo" "t" {
      text = "y"
    }
  }
  task "echo" "c" {
    text = "z"
  }
}
output "o" {
  value = 1
}
