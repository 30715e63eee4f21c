shardform {
  required_version = ">= 1.2"
}
shardform {
  required_version = "new"
}
