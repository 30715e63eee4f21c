cluster "a" {
  sandbox {
    path = "same"
    keyspace "k" {
      shards = ["-80"]
      vschema = "[]"
      load "t" {
        csv = "x.csv"
      }
      load "t" {
        csv = "y.csv"
      }
    }
    keyspace "k" {
      shards = ["-"]
    }
    fault "f" {
      rpc   = "X"
      at    = "befor"
      error = "UNAVAILABEL"
    }
    fault "g" {
      rpc = "X"
    }
  }
  vtctld = ["h:1"]
}
cluster "b" {
  sandbox {
    path = "./same"
  }
  auth {
    username = "u"
    password = "topsecret" + 1
  }
}
cluster "c" {
}
cluster "d" {
  vtctld = ["host", "h:0", "h:1", "h:1"]
  tls {
    cert = "x"
  }
}
cluster "e" {
  legacy {
    vtctld = "x"
  }
}
