keyspace "k" {
  shards = ["-"]

operation "o" {
}
