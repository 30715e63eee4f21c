variable "pw" {
  type      = number
  sensitive = true
}
variable "object" {
  type      = object({ a = number })
  sensitive = true
}
variable "broken" {
  sensitive = true
}
variable "computed" {
  sensitive = true
  default   = tonumber("hunter2")
}
cluster "c" {
  vtctld = ["h:1"]
  auth {
    username = "u"
    password = tonumber("hunter2")
  }
}
locals {
  number = tonumber(var.text)
  text   = "x"
}
variable "text" {
  sensitive = true
  default   = "hunter2"
}
operation "o" {
  container "c" {
    task "shell" "t" {
      command = [var.text]
      env     = { (var.text) = "x" }
    }
    task "echo" "both" {
      parameters = { text = "x-${var.text}" }
    }
  }
}
