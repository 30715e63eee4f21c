#!/usr/bin/env bash
# Tells whether the end-to-end tests can run here: names everything that is wrong, and what to do about each, before anything is
# downloaded or started. setup.sh runs it first. Exits 1 if something is wrong.
# usage: doctor.sh
# env:   what cluster.sh takes, and
#        SHARDFORM_E2E_MEMORY_MB, SHARDFORM_E2E_DISK_MB  how much has to be free
#        SHARDFORM_E2E_PATIENCE  how many seconds an answer of the mirror or the proxy is waited for; a slow one is no fault
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")"
eval "$(./cluster.sh env)"
. ./packages.sh

MEMORY_MB=${SHARDFORM_E2E_MEMORY_MB:-6000} # for the tests that run at the same time
DATA_MB=4000                               # the databases of those, 140 MB for each tablet
CACHE_MB=3500                              # servers, Vitess's programs and what building them needs

wrong=()
wrong() { wrong+=("$1"$'\n'"    $2"); } # wrong WHAT WHAT-TO-DO

patience=${SHARDFORM_E2E_PATIENCE:-1.2}
questions=$(mktemp -d)
trap 'rm -rf "$questions"' EXIT
ask() { # ask NAME COMMAND...: begins a question to the network, whose answer is read last
  local name=$1; shift
  { local status=0; timeout "$patience" "$@" >"$questions/$name" 2>&1 </dev/null || status=$?; echo $status >"$questions/$name.exit"; } &
}
refused() { # refused NAME: tells whether the command ended in an error of its own
  local status
  status=$(cat "$questions/$1.exit")
  ((status != 0 && status != 124))
}

system() {
  [ "$(uname -s)" = Linux ] || { wrong "this is $(uname -s), not Linux" "run the tests on Debian or a system derived from it"; return; }
  command -v dpkg >/dev/null || { wrong "there is no dpkg: the servers come as Debian packages" "run the tests on Debian or a system derived from it"; return; }
  [ -e "$PINS" ] || wrong "there are no pinned packages for the architecture $ARCHITECTURE ($PINS)" \
    "\`make e2e-pin\` writes them on this machine; amd64 is what is tested"
}

# tools names the commands that are missing by the packages that have them.
tools() {
  local pair command missing=() packages=()
  for pair in apt-get:apt apt-cache:apt dpkg-deb:dpkg flock:util-linux setsid:util-linux tar:tar awk:mawk find:findutils make:make; do
    command=${pair%%:*}
    command -v "$command" >/dev/null || { missing+=("$command"); packages+=("${pair#*:}"); }
  done
  if [ "$(id -u)" = 0 ]; then
    command -v runuser >/dev/null || { missing+=(runuser); packages+=(util-linux); }
    id "$E2E_USER" >/dev/null 2>&1 || command -v useradd >/dev/null || { missing+=(useradd); packages+=(passwd); }
  fi
  keyring >/dev/null || { missing+=("the keys of Debian's archive in $KEYRINGS"); packages+=(debian-archive-keyring); }
  ((${#missing[@]} == 0)) || wrong "missing: $(printf '%s, ' "${missing[@]}" | sed 's/, $//')" \
    "apt-get install$(printf '%s\n' "${packages[@]}" | sort -u | sed 's/^/ /' | tr -d '\n')"
}

go_version() {
  local want have
  want=$(sed -n 's/^go //p' ../go.mod)
  command -v go >/dev/null || { wrong "there is no go on the PATH" "install Go $want or newer"; return; }
  have=$(GOTOOLCHAIN=local go version)
  have=${have#go version go}
  have=${have%%[^0-9.]*}
  if [ "$(printf '%s\n' "$want" "$have" | sort -V | head -1)" != "$want" ] && [ "$(GOTOOLCHAIN= go env GOTOOLCHAIN)" = local ]; then
    wrong "Go $have is older than the $want that go.mod asks for" "install Go $want or newer"
  fi
}

# existing prints the nearest directory above a path, or itself, that exists.
existing() { local dir=$1; until [ -d "$dir" ]; do dir=$(dirname "$dir"); done; echo "$dir"; }

user() {
  local dir
  if [ "$(id -u)" != 0 ]; then
    for dir in "$E2E_CACHE" "$E2E_DATA"; do
      [ -w "$(existing "$dir")" ] || wrong "$(id -un) cannot write to $(existing "$dir"), where $dir is to be" \
        "set SHARDFORM_E2E_CACHE, or SHARDFORM_E2E_DATA, to a directory of your own"
    done
    return
  fi
  if [ "$(id -u "$E2E_USER" 2>/dev/null)" = 0 ]; then
    wrong "SHARDFORM_E2E_USER is $E2E_USER, who is root: MySQL refuses to run as root" "leave it out: setup.sh creates the user vitess"
  elif id "$E2E_USER" >/dev/null 2>&1 && command -v runuser >/dev/null; then
    dir=$(existing "$E2E_DATA")
    runuser -u "$E2E_USER" -- test -x "$dir" || wrong "user $E2E_USER, who runs the servers, cannot reach $dir" \
      "set SHARDFORM_E2E_CACHE to a directory that everyone can read"
  fi
}

complete() { # tells whether setup.sh has nothing to download or build any more
  local program
  [ -e "${E2E_SERVERS%/root}/ready" ] || return 1
  for program in $E2E_PROGRAMS; do [ -x "$E2E_VITESS/bin/$program" ] || return 1; done
}

memory() {
  local free file limit used
  free=$(</proc/meminfo)
  free=${free#*MemAvailable:}
  free=$((${free%%kB*} / 1024))
  for file in /sys/fs/cgroup/memory.max,/sys/fs/cgroup/memory.current /sys/fs/cgroup/memory/memory.limit_in_bytes,/sys/fs/cgroup/memory/memory.usage_in_bytes; do
    [ -r "${file%,*}" ] && [ -r "${file#*,}" ] || continue
    limit=$(<"${file%,*}") used=$(<"${file#*,}")
    [[ $limit =~ ^[0-9]+$ ]] || continue # "max"
    ((limit >= 1 << 50 || (limit - used) >> 20 >= free)) || free=$(((limit - used) >> 20))
  done
  ((free >= MEMORY_MB)) || wrong "$free MB of memory are free, $MEMORY_MB are needed" \
    "end what uses it, or run the tests one at a time with -parallel 1 and SHARDFORM_E2E_MEMORY_MB=3000"
}

disk() {
  local dir need free
  complete && need=$DATA_MB || need=$((DATA_MB + CACHE_MB))
  need=${SHARDFORM_E2E_DISK_MB:-$need}
  for dir in $(printf '%s\n' "$(existing "$E2E_CACHE")" "$(existing "$E2E_DATA")" | sort -u); do
    free=$(df -Pm "$dir" | awk 'NR == 2 { print $4 }')
    ((free >= need)) || { wrong "$free MB are free on the disk of $dir, $need are needed" \
      "make room, or set SHARDFORM_E2E_CACHE or SHARDFORM_E2E_DATA to a directory on another disk"; return; }
  done
}

# ports names who listens on the cluster's ports, but for the servers of an earlier run, which leftover names.
ports() {
  local local_address state inode port pids
  local -A busy=()
  while read -r _ local_address _ state _ _ _ _ _ inode _; do
    [ "$state" = 0A ] || continue
    port=$((16#${local_address##*:}))
    ((port < E2E_PORT || port >= E2E_PORT + 3000)) || busy[$inode]=$port
  done < <(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null)
  ((${#busy[@]})) || return 0
  pids=$(find /proc/[0-9]*/fd -maxdepth 1 -lname 'socket:*' -printf '%h %l\n' 2>/dev/null | sed 's|/proc/\([0-9]*\)/fd socket:\[\([0-9]*\)\]|\1 \2|') || true
  for inode in "${!busy[@]}"; do
    local pid name
    pid=$(awk -v inode="$inode" '$2 == inode { print $1; exit }' <<<"$pids")
    if [ -n "$pid" ]; then
      ! grep -qx "$pid" <<<"${leftover_pids:-}" || continue
      name="process $pid ($(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-60))"
    else
      name="a process of another user"
    fi
    wrong "port ${busy[$inode]} is in use by $name; the cluster's ports are $E2E_PORT to $((E2E_PORT + 2999))" \
      "end it, or set SHARDFORM_E2E_PORT to another first port"
  done
}

leftover() {
  [ -d "$E2E_DATA" ] && command -v flock >/dev/null || return 0
  # who does not exist or is root has left no servers
  [ "$(id -u)" != 0 ] || { id "$E2E_USER" >/dev/null 2>&1 && [ "$(id -u "$E2E_USER")" != 0 ] && command -v runuser >/dev/null; } || return 0
  if [ -e "$E2E_DATA/lock" ] && ! flock -n "$E2E_DATA/lock" true; then
    leftover_pids=$(./cluster.sh running)
    wrong "a run of the tests is using $E2E_DATA" "wait for it, or set SHARDFORM_E2E_DATA and SHARDFORM_E2E_PORT for a second run"
    return
  fi
  leftover_pids=$(./cluster.sh running)
  [ -z "$leftover_pids" ] || wrong "a cluster of an earlier run is up in $E2E_DATA: $(wc -l <<<"$leftover_pids") processes, the first one $(head -1 <<<"$leftover_pids")" \
    "SHARDFORM_E2E_VITESS=$SHARDFORM_E2E_VITESS SHARDFORM_E2E_DATA=$E2E_DATA e2e/cluster.sh down"
}

network() {
  if [ -e "$questions/mirror.exit" ] && refused mirror; then
    wrong "the Debian mirror $(mirror) cannot be read: $(grep -E '^(E|Err)' "$questions/mirror" | tail -1)" \
      "check the network and apt's proxy settings, or set SHARDFORM_E2E_MIRROR to a mirror that can be reached"
  fi
  if [ -e "$questions/proxy.exit" ] && refused proxy; then
    wrong "Vitess $E2E_VITESS_VERSION cannot be had from the Go module proxy: $(tail -1 "$questions/proxy")" "check the network and \`go env GOPROXY\`"
  fi
}

if ! complete && [ "$(uname -s)" = Linux ]; then
  if [ -z "$(mirror)" ]; then
    wrong "no Debian mirror is named in /etc/apt" "set SHARDFORM_E2E_MIRROR to one, such as http://HOST/debian"
  elif [ -x "$APT_HELPER" ]; then
    ask mirror "$APT_HELPER" download-file "$(mirror)/dists/$E2E_SUITE/Release.gpg" "$questions/Release.gpg"
  fi
  ! command -v go >/dev/null || ask proxy env -C "$questions" GOFLAGS=-mod=mod GOWORK=off go list -m "vitess.io/vitess@$E2E_VITESS_VERSION"
fi
system
tools
go_version
user
memory
disk
leftover
ports
wait
network
if ((${#wrong[@]})); then
  echo "e2e doctor: ${#wrong[@]} $( ((${#wrong[@]} == 1)) && echo thing keeps || echo things keep) the tests of a $SHARDFORM_E2E_VITESS cluster from running:" >&2
  printf '  - %s\n' "${wrong[@]}" >&2
  exit 1
fi
echo "e2e doctor: nothing keeps the tests of a $SHARDFORM_E2E_VITESS cluster from running"
