#!/usr/bin/env bash
# The reshard that shardform does, by vtctldclient: what the benchmark holds shardform against (see docs/contributing/e2e.md). It polls
# a copy every 0.5 s and a VDiff every second, as such scripts do, and sleeps nowhere else.
# usage: by_hand.sh SERVER KEYSPACE SOURCE[,SOURCE]... TARGET[,TARGET]...      SERVER is vtctld's gRPC address
# Says on standard output how long each step took. vtctldclient has to be on the PATH.
set -euo pipefail
(($# == 4)) || { sed -n 's/^# usage: //p' "$0" >&2; exit 2; }
server=$1 keyspace=$2 sources=$3 targets=$4 workflow=by_hand

vtctl() { vtctldclient --server "$server" --action-timeout 10m "$@"; }
reshard() { vtctl Reshard --workflow $workflow --target-keyspace "$keyspace" "$@"; }
vdiff() { vtctl VDiff --workflow $workflow --target-keyspace "$keyspace" "$@"; }
now() { echo "${EPOCHREALTIME/[.,]/}"; } # microseconds
begun=$(now)
done_with() {
  local at
  at=$(now)
  printf '%s: %d.%03d s\n' "$1" $(((at - begun) / 1000000)) $(((at - begun) / 1000 % 1000))
  begun=$at
}

copied() { # every stream runs, has no table left, and has begun: before that it says Running as well, without a position
  local show
  show=$(reshard show --include-logs=false)
  ! grep -q '"state": "Error"' <<<"$show" || { echo "$show" >&2; exit 1; }
  grep -q '"state": "Running"' <<<"$show" && ! grep -qE '"state": "(Init|Copying|Stopped)"|"last_pk": |"position": ""' <<<"$show"
}

compared() {
  local show
  show=$(vdiff --format json show "$1")
  ! grep -qE '"State": "(error|stopped)"|"HasMismatch": true' <<<"$show" || { echo "$show" >&2; exit 1; }
  grep -q '"State": "completed"' <<<"$show"
}

reshard create --source-shards "$sources" --target-shards "$targets" --tablet-types REPLICA,PRIMARY --tablet-types-in-preference-order \
  --on-ddl STOP --defer-secondary-keys --auto-start >/dev/null
done_with create
until copied; do sleep 0.5; done
done_with copy
uuid=$(vdiff --format json create | sed -n 's/.*"UUID": "\(.*\)".*/\1/p')
until compared "$uuid"; do sleep 1; done
done_with vdiff
reshard switchtraffic --tablet-types rdonly,replica >/dev/null
done_with 'switch reads'
reshard switchtraffic --tablet-types primary --dry-run >/dev/null
done_with 'dry run'
reshard switchtraffic --tablet-types primary >/dev/null
done_with 'switch writes'
vtctl MoveTables --workflow $workflow --target-keyspace "$keyspace" complete --keep-data >/dev/null
done_with complete
for source in ${sources//,/ }; do vtctl DeleteShards --recursive "$keyspace/$source" >/dev/null; done
done_with 'delete shards'
