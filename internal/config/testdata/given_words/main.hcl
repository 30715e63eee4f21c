variable "n" {
  type = number
}
variable "b" {
  type = bool
}
variable "l" {
  type = list(string)
}
variable "sum" {
  type = number
}
variable "broken" {
  type = list(number)
}
