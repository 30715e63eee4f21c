cluster "c" {
  vtctld = ["h:1"
}
keyspace "k" {
  shards = ["-80" "80-"]
  cluster = "nope"
  reshard {
    on_ddl = "STOP
    soak = "1h"
  }
  unknown = 1
}
operation "o" {
  container "c" {
    task "echo" "x" {
      text = 
    }
    task "ehco" "y" {
      text = "y"
    }
  }
}
keyspace "one_line" { shards = ["-"], cluster = "c" }
}
variable "after" {
  default = tru
}
