operation "HorizontalReshardingTask" {
  task "echo" "x" {
    text = "x"
  }
}
operation "CopySchemaShardTask" {
  task "echo" "x" {
    text = "x"
  }
}
