#!/usr/bin/env bash
# A real Vitess on loopback for the end-to-end tests: one etcd, vtctld and vtgate, a vttablet with a MySQL for each tablet.
# usage: cluster.sh up                          stops and removes what an earlier run left, starts etcd and vtctld
#        cluster.sh shard KEYSPACE SHARD UID... starts a shard's tablets; the first becomes its primary. UIDs are 100 to 899;
#                                               the last digit tells the type: 0 and 1 can be primary, the others are RDONLY
#        cluster.sh gate                        starts vtgate, if it does not run
#        cluster.sh down                        stops everything and removes the data; logs stay
#        cluster.sh env                         prints where things are, for the shell and for the tests
# env:   SHARDFORM_E2E_CACHE  what setup.sh got    SHARDFORM_E2E_DATA  data, logs and pids (removed by up and down)
#        SHARDFORM_E2E_PORT   the first port; the 3,000 from there on are the cluster's
#        SHARDFORM_E2E_USER   who runs the servers, when this is run by root
set -euo pipefail
if [ "$(id -u)" = 0 ]; then cache=/var/cache user=vitess; else cache=${XDG_CACHE_HOME:-$HOME/.cache} user=$(id -un); fi
CACHE=${SHARDFORM_E2E_CACHE:-$cache/shardform-e2e}
DATA=${SHARDFORM_E2E_DATA:-$CACHE/data}
PORT=${SHARDFORM_E2E_PORT:-25000}
[ "$(id -u)" != 0 ] || user=${SHARDFORM_E2E_USER:-$user}
VERSION=v0.24.0
VTCTLD=127.0.0.1:$((PORT + 999))
ETCD=127.0.0.1:$((PORT + 2))

if [ "${1:-}" = env ]; then
  printf '%s=%q\n' E2E_CACHE "$CACHE" E2E_DATA "$DATA" E2E_USER "$user" E2E_VITESS_VERSION $VERSION E2E_VITESS "$CACHE/vitess-$VERSION" \
    E2E_VTCTLD "$VTCTLD" E2E_VTGATE "127.0.0.1:$((PORT + 990))"
  exit
fi
if [ "$(id -u)" = 0 ]; then # the checkout may be where the user cannot read, so it gets the script's text
  [ -d "$DATA" ] || { echo "no folder $DATA: run setup.sh first" >&2; exit 1; }
  text=$(cat "${BASH_SOURCE[0]}")
  cd "$DATA"
  export SHARDFORM_E2E_CACHE=$CACHE SHARDFORM_E2E_DATA=$DATA SHARDFORM_E2E_PORT=$PORT
  exec runuser -u "$user" -- bash -c "$text" cluster.sh "$@"
fi

CELL=zone1
export VTDATAROOT=$DATA VT_MYSQL_ROOT=$CACHE/servers/root/usr HOME=$DATA
export PATH="$CACHE/vitess-$VERSION/bin:$VT_MYSQL_ROOT/sbin:$VT_MYSQL_ROOT/bin:$PATH"
LOG=$DATA/log
PIDS=$DATA/pids
TOPO=(--topo-implementation etcd2 --topo-global-server-address "$ETCD" --topo-global-root /vitess/global)
BACKUPS=(--backup-storage-implementation file --file-backup-storage-root "$DATA/backups")
LISTEN=(--bind-address 127.0.0.1 --grpc-bind-address 127.0.0.1)

vtctl() { vtctldclient --server "$VTCTLD" "$@"; }

# ours tells whether a process was started with this data folder: a pid file may be older than the machine's last boot.
ours() { tr '\0' '\n' 2>/dev/null <"/proc/$1/environ" | grep -qxF "VTDATAROOT=$DATA"; } 2>/dev/null

start() { # start NAME PROGRAM ARG...
  local name=$1; shift
  setsid "$@" >"$LOG/$name.log" 2>&1 </dev/null &
  echo $! >"$PIDS/$name.pid"
}

wait_http() { # wait_http NAME PORT PATH: until it answers 200, or NAME has ended
  local status
  for _ in $(seq 600); do
    if { exec 3<>"/dev/tcp/127.0.0.1/$2"; } 2>/dev/null; then
      printf 'GET %s HTTP/1.0\r\n\r\n' "$3" >&3
      read -r status <&3 || status=
      exec 3>&-
      [[ $status != *" 200 "* ]] || return 0
    fi
    kill -0 "$(cat "$PIDS/$1.pid")" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 15 "$LOG/$1.log" >&2
  echo "$1 does not answer at port $2 (see $LOG/$1.log)" >&2
  return 1
}

stop() {
  local pid pids=() left
  for pid in $(cat "$PIDS"/*.pid "$DATA"/vt_*/mysql.pid 2>/dev/null); do ! ours "$pid" || pids+=("$pid"); done
  ((${#pids[@]})) || return 0
  kill "${pids[@]}" 2>/dev/null || true
  for _ in $(seq 150); do
    left=()
    for pid in "${pids[@]}"; do ! ours "$pid" || left+=("$pid"); done
    ((${#left[@]})) || return 0
    sleep 0.1
  done
  kill -9 "${left[@]}" 2>/dev/null || true
}

remove() { rm -rf "$DATA"/vt_* "$DATA/etcd" "$DATA/backups" "$PIDS"; }

tablet() { # tablet KEYSPACE SHARD UID
  local uid=$3 alias type=replica
  [ ! -e "$PIDS/vttablet_$uid.pid" ] || { echo "tablet uid $uid was started before: every tablet of a run has a uid of its own" >&2; return 1; }
  printf -v alias '%s-%010d' $CELL "$uid"
  [ "${uid: -1}" -le 1 ] || type=rdonly
  mysqlctl --tablet-uid "$uid" --mysql-port $((PORT + 2000 + uid)) init >"$LOG/mysqlctl_$uid.log" 2>&1 </dev/null \
    || { grep ERROR "$LOG/mysqlctl_$uid.log" >&2; echo "MySQL of tablet $alias does not start (see $LOG/mysqlctl_$uid.log)" >&2; return 1; }
  start "vttablet_$uid" vttablet "${TOPO[@]}" "${LISTEN[@]}" "${BACKUPS[@]}" --tablet-path "$alias" --tablet-hostname 127.0.0.1 \
    --init-keyspace "$1" --init-shard "$2" --init-tablet-type $type --port $((PORT + uid)) --grpc-port $((PORT + 1000 + uid)) \
    --service-map grpc-queryservice,grpc-tabletmanager,grpc-updatestream --health-check-interval 1s --heartbeat-on-demand-duration 5s
  wait_http "vttablet_$uid" $((PORT + uid)) /debug/status
}

case "${1:-}" in
up)
  stop
  remove
  rm -rf "$LOG"
  mkdir -p "$LOG" "$PIDS" "$DATA/backups"
  # small and quick: these databases need to survive a kill of MySQL, not of the machine
  printf '%s\n' innodb_buffer_pool_size=64M skip-name-resolve mysqlx=OFF sync_binlog=0 innodb_flush_log_at_trx_commit=2 >"$DATA/extra.cnf"
  start etcd etcd --data-dir "$DATA/etcd" --listen-client-urls "http://$ETCD" --advertise-client-urls "http://$ETCD" \
    --listen-peer-urls "http://127.0.0.1:$((PORT + 3))" --initial-advertise-peer-urls "http://127.0.0.1:$((PORT + 3))" \
    --initial-cluster "default=http://127.0.0.1:$((PORT + 3))"
  wait_http etcd $((PORT + 2)) /health
  start vtctld vtctld "${TOPO[@]}" "${LISTEN[@]}" "${BACKUPS[@]}" --cell $CELL --service-map grpc-vtctl,grpc-vtctld \
    --port "$PORT" --grpc-port $((PORT + 999))
  wait_http vtctld "$PORT" /debug/status
  vtctl AddCellInfo --root /vitess/$CELL --server-address "$ETCD" $CELL
  ;;
shard)
  (($# >= 4)) || { echo "usage: $0 shard KEYSPACE SHARD UID..." >&2; exit 2; }
  keyspace=$2 shard=$3 primary=$4
  shift 3
  export EXTRA_MY_CNF=$DATA/extra.cnf
  vtctl GetKeyspace "$keyspace" >/dev/null 2>&1 || vtctl CreateKeyspace --durability-policy none "$keyspace" >/dev/null
  jobs=()
  for uid in "$@"; do tablet "$keyspace" "$shard" "$uid" & jobs+=($!); done
  for job in "${jobs[@]}"; do wait "$job"; done
  printf -v alias '%s-%010d' $CELL "$primary"
  vtctl PlannedReparentShard "$keyspace/$shard" --new-primary "$alias"
  ;;
gate)
  ! { [ -e "$PIDS/vtgate.pid" ] && ours "$(cat "$PIDS/vtgate.pid")"; } || exit 0
  # new tablets are looked for every second, not every minute: a switch needs vtgate to know the targets
  start vtgate vtgate "${TOPO[@]}" "${LISTEN[@]}" --cell $CELL --cells-to-watch $CELL --tablet-types-to-wait PRIMARY,REPLICA \
    --tablet-refresh-interval 1s --port $((PORT + 1)) --grpc-port $((PORT + 991)) --mysql-server-port $((PORT + 990)) \
    --mysql-server-bind-address 127.0.0.1 --mysql-auth-server-impl none --service-map grpc-vtgateservice --enable-buffer
  wait_http vtgate $((PORT + 1)) /debug/status
  ;;
down)
  stop
  remove
  ;;
*)
  echo "usage: $0 up | shard KEYSPACE SHARD UID... | gate | down | env" >&2
  exit 2
  ;;
esac
