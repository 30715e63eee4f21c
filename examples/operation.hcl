# Any tasks, in containers that run one after another. None of these needs a cluster.

variable "team" {
  type    = string
  default = "storage"
}

operation "nightly" {
  # The tasks of a container may run at the same time, here two of them.
  container "announce" {
    concurrency = 2

    task "echo" "start" {
      text = "nightly work of ${var.team} begins"
    }
    task "echo" "shards" {
      text = "shards to come: ${join(" ", even_shards(4))}"
    }
  }

  container "work" {
    task "shell" "greet" {
      command = ["sh", "-c", "echo hello from $TEAM"]
      env     = { TEAM = var.team }
      timeout = "1m"
    }
    task "shell" "skipped" {
      command = ["sh", "-c", "echo never said; exit 1"]
      unless  = ["true"] # its success means that there is nothing left to do
    }
  }

  # A task without a container is a container of its own: operation.nightly/done/done
  task "echo" "done" {
    text = "nightly work is done"
  }
}

operation "report" {
  depends_on = [operation.nightly]

  task "shell" "print" {
    command      = ["sh", "-c", "echo reported"]
    on_interrupt = "rerun" # it does no harm to run it twice
  }
}

output "team" {
  value = var.team
}
