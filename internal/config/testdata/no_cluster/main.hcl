keyspace "k" {
  shards = ["-"]
}
operation "fine" {
  task "echo" "x" {
    text = "hi"
  }
}
