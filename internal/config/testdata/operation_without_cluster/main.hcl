operation "fine" {
  container "empty" {
  }
  task "echo" "x" {
    text = "hi"
  }
}
