locals {
  no_file   = file("nope.txt")
  folder    = file(".")
  unknown   = joni(",", ["a"])
  time      = timestamp()
  too_many  = upper("a", "b")
  no_index  = index(["a"], "b")
  no_key    = lookup({ a = 1 }, "b")
  not_a_set = length(1)
  json      = jsondecode("{")
  shards    = even_shards(1.5)
  div       = 1 / 0
  element   = ["a"][3]
  attribute = { a = 1 }.b
  cond      = true ? "a" : []
  plus      = "a" + 1
}
