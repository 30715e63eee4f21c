# How cluster.sh starts, asks and stops the servers of a Vitess that has vtworker; it is read by cluster.sh.
# Its servers listen on all interfaces: they have no option for that.
VERSION=v0.10.0
PROGRAMS=(vtctld vttablet mysqlctl vtgate vtctlclient vtworker automation_server automation_client)
OTHERS=(vtworker vtgate) # what is started after etcd and vtctld
SUITE=bookworm # of Debian: its MariaDB 10.11 is one that this Vitess still works with
PACKAGES=(mariadb-server-core mariadb-client-core)
WRAPPED=(usr/sbin/mariadbd usr/bin/mariadb usr/bin/my_print_defaults usr/bin/resolveip)
READY=/debug/vars # the page that a server answers when it is up
SERVERS=$CACHE/servers-legacy/root
ETCD_OPTIONS=()
TEMPLATE=$CACHE/mariadb-template

options() { # sets what the functions below share, once DATA and the addresses are known
  TOPO=(-topo_implementation etcd2 -topo_global_server_address "$ETCD" -topo_global_root /vitess/global -log_dir "$LOG")
  BACKUPS=(-backup_storage_implementation file -file_backup_storage_root "$DATA/backups")
}

vtctl() { vtctlclient -server "$VTCTLD" -action_timeout 2m "$@"; }

my_cnf() { # all of it: mysqlctl would look for its own in the source that it was built from
  echo '[mysqld]'
  cat "$CACHE/vitess-$VERSION/src/config/mycnf/default.cnf" "$CACHE/vitess-$VERSION/src/config/mycnf/master_mariadb103.cnf"
  # small and quick, as the others' MySQL is
  printf '%s\n' innodb_buffer_pool_size=64M innodb_log_file_size=32M sync_binlog=0 innodb_flush_log_at_trx_commit=2 innodb_use_native_aio=OFF
}

add_cell() { vtctl AddCellInfo -root /vitess/$CELL -server_address "$ETCD" $CELL; }

create_keyspace() { vtctl CreateKeyspace "$1"; }

make_primary() { vtctl InitShardMaster -force "${1%%=*}" "$(alias_of "${1#*=}")"; } # make_primary KEYSPACE/SHARD=UID

delete_keyspace() { vtctl DeleteKeyspace -recursive "$1"; }

start_vtctld() { # start_vtctld NAME
  server_ports "$1"
  spawn "$1" vtctld "${TOPO[@]}" "${BACKUPS[@]}" -cell $CELL -service_map grpc-vtctl,grpc-vtctld -port "$WEB" -grpc_port "$GRPC" \
    -wait_for_drain_sleep_rdonly 1s -wait_for_drain_sleep_replica 1s # not 5 and 15: nobody reads from what a migration leaves
  wait_http "$1" "$WEB" "$READY"
}

start_vtworker() { # start_vtworker NAME
  server_ports "$1"
  spawn "$1" vtworker "${TOPO[@]}" -cell $CELL -service_map grpc-vtworker -port "$WEB" -grpc_port "$GRPC" -use_v3_resharding_mode=true
  wait_http "$1" "$WEB" "$READY"
}

start_vtgate() {
  spawn vtgate vtgate "${TOPO[@]}" -cell $CELL -cells_to_watch $CELL -tablet_types_to_wait MASTER,REPLICA -tablet_refresh_interval 1s \
    -port $((PORT + 1)) -grpc_port $((PORT + 991)) -mysql_server_port $((PORT + 990)) -mysql_server_bind_address 127.0.0.1 \
    -mysql_auth_server_impl none -service_map grpc-vtgateservice
  wait_http vtgate $((PORT + 1)) "$READY"
}

run_mysqlctl() { mysqlctl -tablet_uid "$1" -mysql_port "$2" -mysqlctl_mycnf_template "$EXTRA_MY_CNF" -log_dir "$LOG" "${@:3}"; } # run_mysqlctl UID PORT COMMAND OPTION...
MYSQL_START=(start -wait_time 5m)

resume_replication() { # resume_replication UID: of a MySQL that came back read-only; vttablet sees to the replication itself
  local alias
  alias=$(alias_of "$1")
  if vtctl GetTablet "$alias" | grep -q '"type": "\?\(MASTER\|1\)'; then vtctl SetReadWrite "$alias"; fi
}

spawn_vttablet() { # spawn_vttablet UID KEYSPACE SHARD TYPE
  spawn "vttablet_$1" vttablet "${TOPO[@]}" "${BACKUPS[@]}" -tablet-path "$(alias_of "$1")" -tablet_hostname 127.0.0.1 \
    -init_keyspace "$2" -init_shard "$3" -init_tablet_type "$4" -port $((PORT + $1)) -grpc_port $((PORT + 1000 + $1)) \
    -service_map grpc-queryservice,grpc-tabletmanager,grpc-updatestream -enable_replication_reporter -health_check_interval 1s -restore_from_backup=false
}

make_template() { # an empty MariaDB of the uid 1
  { my_cnf; echo skip-networking; } >"$EXTRA_MY_CNF"
  # vttablet of that age expects the reparent journal before InitShardMaster has made it
  { cat "$CACHE/vitess-$VERSION/src/config/init_db.sql"
    echo "CREATE TABLE IF NOT EXISTS _vt.reparent_journal (time_created_ns BIGINT UNSIGNED NOT NULL PRIMARY KEY, action_name VARBINARY(250) NOT NULL,
      master_alias VARBINARY(32) NOT NULL, replication_position VARBINARY(64000) DEFAULT NULL) ENGINE=InnoDB;"
  } >"$VTDATAROOT/init_db.sql"
  run_mysqlctl 1 $((PORT + 2001)) init -init_db_sql_file "$VTDATAROOT/init_db.sql" >"$LOG/template.log" 2>&1 </dev/null || { tail -n 20 "$LOG/template.log" >&2; return 1; }
  end TERM "$(tablet_dir 1)/mysql.pid"
}
