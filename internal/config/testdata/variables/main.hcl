variable "env" {
}
variable "auto" {
}
variable "file" {
}
variable "cli" {
}
variable "list" {
  type = list(string)
}
variable "object" {
  type = object({ a = string, b = optional(number, 7) })
}
variable "n" {
  type = number
}
variable "nullable" {
  default  = "x"
  nullable = false
}
locals {
  all = [var.env, var.auto, var.file, var.cli, var.list, var.object, var.n, var.nullable]
}
output "all" {
  value = local.all
}
