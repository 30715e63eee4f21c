# A Vitess that has vtworker (until v0.14): a keyspace is split, tables are moved to another keyspace, and single steps of
# the old kind are run as an operation.
#
#   shardform plan --var vtctld=HOST:PORT --var vtworker=HOST:PORT legacy.hcl

variable "vtctld" {
  type    = string
  default = "localhost:15999"
}

variable "vtworker" {
  type    = string
  default = "localhost:15033"
}

cluster "old" {
  legacy {
    vtctld   = var.vtctld # gRPC ports, of both
    vtworker = var.vtworker
  }
}

# The tablets of the new shards run and have a master.
keyspace "customer" {
  shards = ["-80", "80-"]

  reshard {
    copy {
      config = { min_healthy_rdonly_tablets = 1 } # options of SplitClone
    }
  }
}

# Made for it by: vtctlclient CreateKeyspace -served_from 'master:commerce,replica:commerce,rdonly:commerce' orders
move_tables "orders" {
  from   = "commerce"
  to     = "orders"
  tables = ["corder"]
}

operation "rebuild" {
  depends_on = [keyspace.customer, move_tables.orders]

  # vtctld_endpoint comes from the cluster.
  task "RebuildKeyspaceGraphTask" "customer" {
    keyspace = keyspace.customer.name
  }
}
