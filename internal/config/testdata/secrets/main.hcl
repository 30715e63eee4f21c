variable "pw" {
  type      = string
  sensitive = true
  default   = "hunter2"
  validation {
    condition     = length(var.pw) > 100
    error_message = "too short: ${var.pw}"
  }
}
variable "num" {
  type      = number
  sensitive = true
}
variable "broken" {
  sensitive = true
  default   = "hunter2
}
locals {
  derived = "x-${var.pw}"
}
cluster "c" {
  vtctld = [local.derived]
  auth {
    username = var.pw
    password = ["hunter2"]
  }
}
keyspace "k" {
  name    = var.pw
  cluster = "c"
  shards  = [var.pw]
  vschema = local.derived
}
operation "o" {
  container "c" {
    concurrency = jsondecode(var.pw)
    task "shell" "s" {
      command = [var.pw]
      timeout = var.pw
      retries = var.pw
      parameters = {
        (var.pw) = "x"
      }
      on_interrupt = local.derived
    }
    task "echo" "t" {
      text = jsondecode(var.pw)
    }
  }
}
output "o" {
  value = local.derived
}
output "ok" {
  value = nonsensitive(local.derived)
}
