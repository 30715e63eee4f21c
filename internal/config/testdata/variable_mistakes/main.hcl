variable "missing" {
  type = string
}
variable "wrong" {
  type    = number
  default = "abc"
}
variable "quoted" {
  type = "string"
}
variable "badtype" {
  type = strng
}
variable "reference" {
  default = var.missing
}
variable "checked" {
  default = 5
  validation {
    condition     = var.checked > 10
    error_message = "It has to be more than 10, not ${var.checked}."
  }
  validation {
    condition     = "x"
    error_message = "never shown"
  }
}
variable "list" {
  type = list(string)
}
variable "not_null" {
  nullable = false
}
output "x" {
  value = [var.missing, var.wrong, var.msising]
}
