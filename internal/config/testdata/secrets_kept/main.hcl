variable "pw" {
  sensitive = true
  default   = "s3cret"
}
locals {
  env = { TOKEN = var.pw, B = "plain" }
}
operation "o" {
  task "shell" "direct" {
    command = ["login", var.pw]
    timeout = "1m"
  }
  task "shell" "computed" {
    parameters = merge({ command = ["a"] }, { env = local.env, timeout = length(var.pw) > 3 ? "1s" : "2s" })
  }
  task "shell" "whole" {
    parameters = sensitive({ command = ["a"] })
  }
  task "echo" "plain" {
    text = nonsensitive("x${var.pw}")
  }
}
