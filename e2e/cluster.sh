#!/usr/bin/env bash
# A real Vitess on loopback for the end-to-end tests: one etcd, vtctld and vtgate, a vttablet with a MySQL for each tablet;
# a legacy one has a vtworker as well, and MariaDB. What differs between the two is in vitess-modern.sh and vitess-legacy.sh.
# usage: cluster.sh up                       stops and removes what an earlier run left, starts etcd, vtctld, vtgate
#        cluster.sh shards KEYSPACE SHARD=UID[,UID]...
#                                            starts the tablets of shards; the first of each becomes its primary. UIDs are
#                                            100 to 899; the last digit tells the type: 0 and 1 can be primary, the others
#                                            are RDONLY
#        cluster.sh uids COUNT               prints COUNT uids, each the first of ten that no tablet has
#        cluster.sh stop NAME|UID...         stops vtctld, vtgate, vtworker or tablets with their MySQL; data and records stay
#        cluster.sh kill NAME|UID...         the same by SIGKILL
#        cluster.sh start NAME|UID...        starts again what was stopped or killed, or one more vtctld or
#                                            vtworker: vtctld_1 to vtctld_89, vtworker_1 to vtworker_89
#        cluster.sh restart-tablet UID...    kills a vttablet (SIGKILL) and starts it again; its MySQL goes on
#        cluster.sh restart-mysql UID...     kills a tablet's MySQL (SIGKILL) and starts it again; its vttablet goes on
#        cluster.sh retire KEYSPACE          stops the keyspace's tablets, removes their data, deletes its records
#        cluster.sh running                  prints the pids of all processes of this data directory
#        cluster.sh down                     stops everything and removes the data; logs stay
#        cluster.sh vtctl ARG...             runs vtctldclient, on a legacy cluster vtctlclient
#        cluster.sh template DIR             makes the empty MySQL that tablets start from (setup.sh does)
#        cluster.sh env                      prints where things are, for the shell and for the tests
# env:   SHARDFORM_E2E_CACHE  what setup.sh got    SHARDFORM_E2E_DATA  data, logs and pids (removed by up and down)
#        SHARDFORM_E2E_PORT   the first port; the 3,000 from there on are the cluster's
#        SHARDFORM_E2E_VITESS "modern", which is the default, or "legacy": one that has vtworker
#        SHARDFORM_E2E_USER   who runs the servers, when this is run by root
set -euo pipefail
if [ "$(id -u)" = 0 ]; then cache=/var/cache user=vitess; else cache=${XDG_CACHE_HOME:-$HOME/.cache} user=$(id -un); fi
CACHE=${SHARDFORM_E2E_CACHE:-$cache/shardform-e2e}
case ${SHARDFORM_E2E_VITESS:=modern} in
modern) DATA=${SHARDFORM_E2E_DATA:-$CACHE/data} PORT=${SHARDFORM_E2E_PORT:-25000} ;;
legacy) DATA=${SHARDFORM_E2E_DATA:-$CACHE/data-legacy} PORT=${SHARDFORM_E2E_PORT:-28500} ;;
*) echo "SHARDFORM_E2E_VITESS is $SHARDFORM_E2E_VITESS, expected modern or legacy" >&2; exit 2 ;;
esac
[ "$(id -u)" != 0 ] || user=${SHARDFORM_E2E_USER:-$user}
if [ -z "${E2E_TEXT:-}" ]; then # else this is run from there
  E2E_TEXT=$(cat "${BASH_SOURCE[0]}")
  E2E_VITESS_TEXT=$(cat "$(dirname "${BASH_SOURCE[0]}")/vitess-$SHARDFORM_E2E_VITESS.sh")
fi
export -n E2E_TEXT E2E_VITESS_TEXT
eval "$E2E_VITESS_TEXT"
VTCTLD=127.0.0.1:$((PORT + 999))
ETCD=127.0.0.1:$((PORT + 2))

if [ "${1:-}" = env ]; then
  printf '%s=%q\n' E2E_CACHE "$CACHE" E2E_DATA "$DATA" E2E_PORT "$PORT" E2E_USER "$user" E2E_VITESS_VERSION $VERSION E2E_VITESS "$CACHE/vitess-$VERSION" \
    E2E_ETCD "$ETCD" E2E_VTCTLD "$VTCTLD" E2E_VTGATE "127.0.0.1:$((PORT + 990))" \
    E2E_PROGRAMS "${PROGRAMS[*]}" E2E_SERVERS "$SERVERS" E2E_SUITE $SUITE E2E_PACKAGES "${PACKAGES[*]}" E2E_WRAPPED "${WRAPPED[*]}" E2E_TEMPLATE "$TEMPLATE" \
    SHARDFORM_E2E_VITESS $SHARDFORM_E2E_VITESS E2E_VTWORKER "127.0.0.1:$((PORT + 992))" E2E_AUTOMATION "127.0.0.1:$((PORT + 993))"
  exit
fi
case ${1:-} in up | down)
  # A run of the tests holds the lock; a second one, or a down during it, would take the first one's servers away.
  [ -n "${SHARDFORM_E2E_LOCKED:-}" ] || [ ! -e "$DATA/lock" ] || flock -n "$DATA/lock" true || { echo "a run of the tests uses $DATA" >&2; exit 1; }
  # a run that was killed leaves the program running, which may not be the servers' user's
  programs=$(find /proc/[0-9]*/exe -maxdepth 0 -lname "$DATA/shardform*" -printf '%h\n' 2>/dev/null | tr -dc '0-9\n') || true
  # shellcheck disable=SC2086 # a list of pids
  [ -z "$programs" ] || kill -9 $programs 2>/dev/null || true
  ;;
esac
if [ "$(id -u)" = 0 ]; then # the checkout may be where the user cannot read, so it gets the scripts' text
  [ -d "$DATA" ] || { echo "no directory $DATA: run setup.sh first" >&2; exit 1; }
  [ "$(id -u "$user")" != 0 ] || { echo "SHARDFORM_E2E_USER is $user, who is root: MySQL refuses to run as root" >&2; exit 1; } # or this would call itself for ever
  cd "$DATA"
  export SHARDFORM_E2E_CACHE=$CACHE SHARDFORM_E2E_DATA=$DATA SHARDFORM_E2E_PORT=$PORT SHARDFORM_E2E_VITESS E2E_TEXT E2E_VITESS_TEXT
  exec runuser -u "$user" -- bash -c "$E2E_TEXT" cluster.sh "$@"
fi

CELL=zone1
export VTDATAROOT=$DATA VT_MYSQL_ROOT=$SERVERS/usr HOME=$DATA EXTRA_MY_CNF=$DATA/extra.cnf
export PATH="$CACHE/vitess-$VERSION/bin:$VT_MYSQL_ROOT/sbin:$VT_MYSQL_ROOT/bin:$PATH"
LOG=$DATA/log
PIDS=$DATA/pids       # NAME.pid of each process
TABLETS=$DATA/tablets # UID of each tablet that was made: "KEYSPACE SHARD"
options

alias_of() { printf '%s-%010d' $CELL "$1"; }
tablet_dir() { printf '%s/vt_%010d' "$DATA" "$1"; }
usage() { sed -n '/^# usage:/,/^# env:/s/^# \{0,1\}//p' <<<"$E2E_TEXT" | sed '$d' >&2; exit 2; }

# ours tells whether a process was started with this data directory: a pid file may be older than the machine's last boot. The
# legacy mysqlctl gives its MySQL no environment.
ours() {
  [[ $'\n'$(tr '\0' '\n' <"/proc/$1/environ")$'\n' == *$'\n'"VTDATAROOT=$DATA"$'\n'* ||
    $(tr '\0' '\n' <"/proc/$1/cmdline") == *$'\n'"--defaults-file=$DATA/vt_"* ]]
} 2>/dev/null

spawn() { # spawn NAME PROGRAM ARG...
  local name=$1; shift
  setsid "$@" >>"$LOG/$name.log" 2>&1 </dev/null &
  echo $! >"$PIDS/$name.pid"
}

wait_http() { # wait_http NAME PORT PATH: until it answers 200, or NAME has ended
  local status
  for _ in $(seq 6000); do
    if { exec 3<>"/dev/tcp/127.0.0.1/$2"; } 2>/dev/null; then
      printf 'GET %s HTTP/1.0\r\n\r\n' "$3" >&3
      read -r status <&3 || status=
      exec 3>&-
      [[ $status != *" 200 "* ]] || return 0
    fi
    kill -0 "$(cat "$PIDS/$1.pid")" 2>/dev/null || break
    sleep 0.05
  done
  tail -n 3 "$LOG/$1.log" | cut -c1-1000 >&2
  echo "$1 does not answer at port $2 (see $LOG/$1.log)" >&2
  return 1
}

# there tells whether a process is: one that is being taken apart has no environment any more, but still holds its ports
# until its last thread is gone.
there() { [ -e "/proc/$1" ] && { ! grep -qs '^State:\s*Z' "/proc/$1/status" || (($(ls "/proc/$1/task" 2>/dev/null | wc -l) > 1)); }; }

# running prints the pids of all processes of this data directory, also of those whose pid file is lost.
running() (
  export -n VTDATAROOT # what looks for it is not looked for
  cd /proc
  { grep -lzxF "VTDATAROOT=$DATA" [0-9]*/environ; grep -lz -- "^--defaults-file=$DATA/vt_" [0-9]*/cmdline; } 2>/dev/null | sed 's|/.*||' | sort -un || true
)

end() { # end SIGNAL PIDFILE...: sends it to our processes and waits until they have ended
  local signal=$1 file pid pids=(); shift
  for file in "$@"; do
    pid=$(cat "$file" 2>/dev/null) || continue
    ! ours "$pid" || pids+=("$pid")
  done
  end_pids "$signal" "${pids[@]}"
}

end_pids() { # end_pids SIGNAL PID...
  local signal=$1 pid pids=("${@:2}") left
  ((${#pids[@]})) || return 0
  kill "-$signal" "${pids[@]}" 2>/dev/null || true
  for _ in $(seq 300); do
    left=()
    for pid in "${pids[@]}"; do ! there "$pid" || left+=("$pid"); done
    ((${#left[@]})) || return 0
    sleep 0.05
  done
  kill -9 "${left[@]}" 2>/dev/null || true
  sleep 0.2
}

each() { # each FUNCTION ARG...: at the same time, one call an argument; fails when one fails
  local function=$1 arg job jobs=(); shift
  for arg in "$@"; do "$function" "$arg" & jobs+=($!); done
  for job in "${jobs[@]}"; do wait "$job"; done
}

remove() { rm -rf "$DATA"/vt_* "$DATA/etcd" "$DATA/backups" "$PIDS" "$TABLETS" "$DATA"/uids.*; }

start_etcd() {
  spawn etcd etcd --data-dir "$DATA/etcd" "${ETCD_OPTIONS[@]}" --listen-client-urls "http://$ETCD" --advertise-client-urls "http://$ETCD" \
    --listen-peer-urls "http://127.0.0.1:$((PORT + 3))" --initial-advertise-peer-urls "http://127.0.0.1:$((PORT + 3))" \
    --initial-cluster "default=http://127.0.0.1:$((PORT + 3))"
  wait_http etcd $((PORT + 2)) /health
}

mysqlctl_uid() { # mysqlctl_uid UID ARG...
  local uid=$1; shift
  run_mysqlctl "$uid" $((PORT + 2000 + uid)) "$@" >>"$LOG/mysqlctl_$uid.log" 2>&1 </dev/null && return
  grep ERROR "$LOG/mysqlctl_$uid.log" "$(tablet_dir "$uid")/error.log" >&2 || true
  echo "MySQL of tablet $(alias_of "$uid"): mysqlctl $1 failed (see $LOG/mysqlctl_$uid.log)" >&2
  return 1
}

start_mysql() {
  rm -f "$(tablet_dir "$1")/mysql.sock.lock" # of one that was killed; its pid may not have been reaped yet
  mysqlctl_uid "$1" "${MYSQL_START[@]}"
}

start_vttablet() {
  local uid=$1 keyspace shard type=replica
  read -r keyspace shard <"$TABLETS/$uid"
  [ "${uid: -1}" -le 1 ] || type=rdonly
  spawn_vttablet "$uid" "$keyspace" "$shard" $type
  wait_http "vttablet_$uid" $((PORT + uid)) "$READY"
}

make_tablet() { # an empty database, and the servers
  local uid=$1 dir
  dir=$(tablet_dir "$uid")
  : >"$LOG/mysqlctl_$uid.log"
  mysqlctl_uid "$uid" init_config # a server id of its own
  cp -a --reflink=auto "$TEMPLATE/data" "$TEMPLATE/innodb" "$dir/" # no auto.cnf: mysqld takes a new uuid
  start_mysql "$uid"
  start_vttablet "$uid"
}

promote() { # promote KEYSPACE/SHARD=UID: a tablet on a busy machine may not answer within Vitess's 15 s
  make_primary "$1" || make_primary "$1" || make_primary "$1"
}

server_ports() { # server_ports NAME: sets WEB and GRPC
  local number=${1##*_}
  case $1 in
  vtctld) WEB=$PORT GRPC=$((PORT + 999)) ;;
  vtworker) WEB=$((PORT + 4)) GRPC=$((PORT + 992)) ;;
  vtctld_*) WEB=$((PORT + 10 + number)) GRPC=$((PORT + 1010 + number)) ;;
  vtworker_*) WEB=$((PORT + 900 + number)) GRPC=$((PORT + 1900 + number)) ;;
  esac
}

# servers that are started, stopped or killed by name or by uid
pid_files() {
  case $1 in
  vtctld | vtctld_[1-9] | vtctld_[1-8][0-9] | vtgate | vtworker | vtworker_[1-9] | vtworker_[1-8][0-9]) echo "$PIDS/$1.pid" ;;
  *[!0-9]* | '') echo "no server $1" >&2; return 1 ;;
  *) echo "$PIDS/vttablet_$1.pid $(tablet_dir "$1")/mysql.pid" ;;
  esac
}

start_server() {
  case $1 in
  vtctld | vtctld_*) start_vtctld "$1" ;;
  vtworker | vtworker_*) start_vtworker "$1" ;;
  vtgate) start_vtgate ;;
  *) start_mysql "$1"; start_vttablet "$1" ;;
  esac
}

restart_tablet() { end KILL "$PIDS/vttablet_$1.pid"; start_vttablet "$1"; }
restart_mysql() { # vtorc would do the last step where it runs
  end KILL "$(tablet_dir "$1")/mysql.pid"
  start_mysql "$1"
  resume_replication "$1"
}

end_servers() { # end_servers SIGNAL NAME|UID...: vttablets before their MySQL, whose loss they would log
  local signal=$1 server files first=() second=(); shift
  for server in "$@"; do
    files=$(pid_files "$server")
    first+=("${files%% *}")
    [ "$files" = "${files#* }" ] || second+=("${files#* }")
  done
  end "$signal" "${first[@]}"
  end "$signal" "${second[@]}"
}

command=${1:-}
[ -z "$command" ] || shift
case $command in
up)
  read -r low high </proc/sys/net/ipv4/ip_local_port_range
  if ((PORT + 3000 > low && PORT <= high)); then
    echo "ports $PORT to $((PORT + 2999)): the kernel gives those from $low to $high to outgoing connections, so that one may be taken now and then" >&2
  fi
  end_pids KILL $(running)
  remove
  rm -rf "$LOG"
  mkdir -p "$LOG" "$PIDS" "$TABLETS" "$DATA/backups"
  my_cnf >"$EXTRA_MY_CNF"
  start_etcd
  start_vtctld vtctld
  add_cell
  for server in "${OTHERS[@]}"; do start_server "$server"; done
  ;;
shards)
  (($# >= 2)) || usage
  keyspace=$1 uids=() primaries=()
  shift
  for shard in "$@"; do
    IFS=, read -ra list <<<"${shard#*=}"
    for uid in "${list[@]}"; do
      [ ! -e "$TABLETS/$uid" ] || { echo "tablet uid $uid belongs to $(<"$TABLETS/$uid")" >&2; exit 1; }
      echo "$keyspace ${shard%%=*}" >"$TABLETS/$uid"
    done
    uids+=("${list[@]}")
    primaries+=("$keyspace/${shard%%=*}=${list[0]}")
  done
  vtctl GetKeyspace "$keyspace" >/dev/null 2>&1 || create_keyspace "$keyspace" >/dev/null
  each make_tablet "${uids[@]}"
  each promote "${primaries[@]}"
  ;;
uids)
  (($# == 1)) || usage
  exec 9>"$DATA/uids.lock"
  flock 9
  next=$(cat "$DATA/uids.next" 2>/dev/null) || next=100
  for ((tries = 0, found = 0; found < $1; tries++)); do
    ((tries < 80)) || { echo "no $1 times ten free tablet uids between 100 and 899" >&2; exit 1; }
    ls "$TABLETS/${next%0}"? >/dev/null 2>&1 || { echo "$next"; found=$((found + 1)); }
    next=$((next < 890 ? next + 10 : 100)) # those given back last are taken last: vtgate and vtctld may remember them
  done
  echo "$next" >"$DATA/uids.next"
  ;;
stop) end_servers TERM "$@" ;;
kill) end_servers KILL "$@" ;;
start) each start_server "$@" ;;
restart-tablet) each restart_tablet "$@" ;;
restart-mysql) each restart_mysql "$@" ;;
retire)
  (($# == 1)) || usage
  uids=()
  for file in "$TABLETS"/*; do
    [ ! -e "$file" ] || [ "$(cut -d' ' -f1 "$file")" != "$1" ] || uids+=("${file##*/}")
  done
  if ((${#uids[@]})); then
    end_servers KILL "${uids[@]}" # nobody wants the data
    for uid in "${uids[@]}"; do rm -rf "$(tablet_dir "$uid")" "$PIDS/vttablet_$uid.pid" "$TABLETS/$uid"; done
  fi
  delete_keyspace "$1"
  ;;
down)
  end_pids KILL $(running)
  remove
  ;;
running) running ;;
vtctl) vtctl "$@" ;;
template)
  dir=$(mktemp -d "$DATA/template.XXXXXX")
  trap 'rm -rf "$dir"' EXIT
  export VTDATAROOT=$dir EXTRA_MY_CNF=$dir/extra.cnf
  DATA=$dir LOG=$dir
  options
  make_template
  tar -C "$(tablet_dir 1)" -cSf - data innodb
  ;;
*) usage ;;
esac
