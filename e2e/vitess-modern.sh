# How cluster.sh starts, asks and stops the servers of a Vitess of today; it is read by cluster.sh.
VERSION=v0.24.0
PROGRAMS=(vtctld vttablet mysqlctl vtgate vtctldclient)
OTHERS=(vtgate) # what is started after etcd and vtctld
SUITE=sid               # of Debian: the only one that has Oracle's MySQL
PACKAGES=(mysql-server-core mysql-client-core)
WRAPPED=(usr/sbin/mysqld usr/bin/mysql usr/bin/mysqladmin usr/bin/mysqldump)
READY=/debug/status # the page that a server answers when it is up
SERVERS=$CACHE/servers/root
ETCD_OPTIONS=(--unsafe-no-fsync)
TEMPLATE=$CACHE/mysql-template

options() { # sets what the functions below share, once DATA and the addresses are known
  TOPO=(--topo-implementation etcd2 --topo-global-server-address "$ETCD" --topo-global-root /vitess/global)
  BACKUPS=(--backup-storage-implementation file --file-backup-storage-root "$DATA/backups")
  LISTEN=(--bind-address 127.0.0.1 --grpc-bind-address 127.0.0.1)
}

vtctl() { vtctldclient --server "$VTCTLD" --action-timeout 2m "$@"; }

my_cnf() {
  # small and quick: these databases need to survive a kill of MySQL, not of the machine. Dozens of them use up the kernel's aio
  printf '%s\n' innodb_buffer_pool_size=64M innodb_redo_log_capacity=32M table_open_cache=400 skip-name-resolve mysqlx=OFF \
    sync_binlog=0 innodb_flush_log_at_trx_commit=2 innodb_use_native_aio=OFF performance_schema_digests_size=100 performance_schema_error_size=0 \
    performance_schema_events_statements_history_long_size=100
}

add_cell() { vtctl AddCellInfo --root /vitess/$CELL --server-address "$ETCD" $CELL; }

create_keyspace() { vtctl CreateKeyspace --durability-policy none "$1"; }

make_primary() { vtctl PlannedReparentShard "${1%%=*}" --new-primary "$(alias_of "${1#*=}")"; } # make_primary KEYSPACE/SHARD=UID

delete_keyspace() { vtctl DeleteKeyspace --recursive --force "$1"; }

start_vtctld() { # start_vtctld NAME
  server_ports "$1"
  spawn "$1" vtctld "${TOPO[@]}" "${LISTEN[@]}" "${BACKUPS[@]}" --cell $CELL --service-map grpc-vtctl,grpc-vtctld \
    --port "$WEB" --grpc-port "$GRPC"
  wait_http "$1" "$WEB" "$READY"
}

start_vtgate() {
  # New tablets are looked for every second, not every minute: a switch needs vtgate to know the targets. And a
  # rollback follows the switch within a minute, in which vtgate would not buffer once more.
  spawn vtgate vtgate "${TOPO[@]}" "${LISTEN[@]}" --cell $CELL --cells-to-watch $CELL --tablet-types-to-wait PRIMARY,REPLICA \
    --tablet-refresh-interval 1s --port $((PORT + 1)) --grpc-port $((PORT + 991)) --mysql-server-port $((PORT + 990)) \
    --mysql-server-bind-address 127.0.0.1 --mysql-auth-server-impl none --service-map grpc-vtgateservice --enable-buffer \
    --buffer-min-time-between-failovers 1s
  wait_http vtgate $((PORT + 1)) "$READY"
}

run_mysqlctl() { mysqlctl --tablet-uid "$1" --mysql-port "$2" "${@:3}"; } # run_mysqlctl UID PORT COMMAND OPTION...
MYSQL_START=(start --wait-time 5m)

resume_replication() { # resume_replication UID: of a MySQL that came back read-only and without replication
  local alias
  alias=$(alias_of "$1")
  if vtctl GetTablets --tablet-alias "$alias" | grep -q ' primary '; then
    vtctl SetWritable "$alias" true
  else
    vtctl StartReplication "$alias"
  fi
}

spawn_vttablet() { # spawn_vttablet UID KEYSPACE SHARD TYPE
  spawn "vttablet_$1" vttablet "${TOPO[@]}" "${LISTEN[@]}" "${BACKUPS[@]}" --tablet-path "$(alias_of "$1")" --tablet-hostname 127.0.0.1 \
    --init-keyspace "$2" --init-shard "$3" --init-tablet-type "$4" --port $((PORT + $1)) --grpc-port $((PORT + 1000 + $1)) \
    --service-map grpc-queryservice,grpc-tabletmanager,grpc-updatestream --health-check-interval 1s --heartbeat-on-demand-duration 5s --onterm-timeout 1s
}

make_template() { # an empty MySQL of the uid 1
  printf '%s\n' skip-networking mysqlx=OFF innodb_use_native_aio=OFF innodb_redo_log_capacity=32M >"$EXTRA_MY_CNF"
  local step
  for step in init shutdown; do
    mysqlctl --tablet-uid 1 $step >"$LOG/template.log" 2>&1 </dev/null || { tail -n 20 "$LOG/template.log" >&2; return 1; }
  done
  rm "$(tablet_dir 1)/data/auto.cnf"
}
