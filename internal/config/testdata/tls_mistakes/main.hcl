cluster "good" {
  vtctld = ["h:1"]
  tls {
    ca   = "client.pem"
    cert = "client.pem"
    key  = "client.key"
  }
}
cluster "other_key" {
  vtctld = ["h:1"]
  tls {
    cert = "client.pem"
    key  = "other.key"
  }
}
cluster "swapped" {
  vtctld = ["h:1"]
  tls {
    ca   = "absent/ca.pem"
    cert = "client.key"
    key  = "client.pem"
  }
}
cluster "broken" {
  vtctld = ["h:1"]
  tls {
    ca   = "broken.pem"
    cert = "client.pem"
    key  = "broken.key"
  }
}
cluster "folder" {
  vtctld = ["h:1"]
  tls {
    ca   = "."
    cert = "main.hcl"
    key  = "/absent/client.key"
  }
}
