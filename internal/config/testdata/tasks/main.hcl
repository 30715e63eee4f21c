operation "o" {
  container "bad name" {
    task "echo" "a/b" {
      text = "x"
    }
  }
  container "c" {
    concurrency = -1
    task "ehco" "a" {
      text = "x"
    }
    task "echo" "b" {
      txet = "x"
    }
    task "echo" "both" {
      text = "x"
      parameters = {
        text = "y"
      }
    }
    task "reshard_create" "internal" {
    }
    task "shell" "types" {
      command      = "not a list"
      timeout      = "5 minutes"
      retries      = 1.5
      quiet        = "maybe"
      on_interrupt = "reurn"
      env          = ["x"]
    }
    task "shell" "null" {
      command = ["a", null]
    }
    task "shell" "expression" {
      parameters = "x"
    }
    task "echo" "block" {
      parameters {
        text = "x"
      }
    }
    task "echo" "missing" {
    }
    task "echo" {
    }
  }
}
