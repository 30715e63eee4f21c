#!/usr/bin/env bash
# Gets everything that the end-to-end tests need, once, into a cache directory outside the checkout (docs/contributing/e2e.md). What
# that is, vitess-modern.sh says, and vitess-legacy.sh with SHARDFORM_E2E_VITESS=legacy:
#   vitess-VERSION/bin      Vitess's programs, built from the Go module proxy
#   servers[-legacy]/root   MySQL or MariaDB, and etcd, as Debian packages, unpacked beside the system with their own libc
#   ...-template            the files of an empty database: copying them starts a tablet in a quarter of the time
# and, when root, the user who runs them: mysqld refuses to be root. What is there already and is what the pin file says is kept.
# Runs doctor.sh first, and fails with the reason where something cannot be had.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")"
./doctor.sh
eval "$(./cluster.sh env)"

say() { echo "e2e setup: $*"; }
die() { echo "e2e setup: $*" >&2; exit 1; }
. ./packages.sh

user() {
  [ "$(id -u)" = 0 ] || return 0
  id "$E2E_USER" >/dev/null 2>&1 || useradd --system --shell /bin/sh --home-dir "$E2E_DATA" --no-create-home "$E2E_USER" \
    || die "creating user $E2E_USER, who runs MySQL, failed"
  install -d -o "$E2E_USER" -m 755 "$E2E_DATA"
  runuser -u "$E2E_USER" -- test -x "$E2E_DATA" \
    || die "user $E2E_USER cannot reach $E2E_CACHE: set SHARDFORM_E2E_CACHE to a directory that everyone can read"
}

vitess() {
  local program missing=()
  for program in $E2E_PROGRAMS; do [ -x "$E2E_VITESS/bin/$program" ] || missing+=("$program"); done
  ((${#missing[@]})) || return 0
  say "building Vitess $E2E_VITESS_VERSION: ${missing[*]} (some minutes)"
  mkdir -p "$E2E_VITESS/bin"
  (
    cd "$E2E_VITESS" || exit 1 # set -e has no effect in front of ||
    vitess_module
    cp go.sum go.sum.pinned
    rm -rf bin.part
    mkdir bin.part
    # all at once, so that one links while another compiles
    go build -ldflags='-s -w' -o bin.part/ "${missing[@]/#/vitess.io/vitess/go/cmd/}" || exit 1
    added=$(sort -u go.sum | comm -13 go.sum.pinned -)
    [ -z "$added" ] || die "modules are needed whose hashes nobody has pinned; \`make e2e-pin\` pins them in $PINS:
$added"
    mv bin.part/* bin/
  ) || die "building Vitess $E2E_VITESS_VERSION failed"
}

# cached tells whether the unpacked servers are the pinned ones, or were taken in their place from a mirror that had moved on from
# just these pins.
cached() { # cached DIRECTORY
  [ -e "$1/ready" ] && [ -e "$1/packages.txt" ] || return 1
  pinned deb | cmp -s - "$1/packages.txt" || pinned deb | cmp -s - "$1/ready"
}

# servers unpacks the database and etcd from a suite of Debian with all the libraries they need.
servers() {
  local root=$E2E_SERVERS dir=${E2E_SERVERS%/root}
  if cached "$dir"; then
    pinned deb | cmp -s - "$dir/packages.txt" || say "warning: the servers are not the pinned versions, which the mirror no longer had: $dir/packages.txt lists what they are; \`make e2e-pin\` moves the pins"
    return 0
  fi
  say "fetching ${E2E_PACKAGES%% *} and etcd as Debian packages"
  rm -rf "$dir.new"
  mkdir -p "$dir.new/root"
  fetch_packages "$dir.new"
  rm -rf "$dir" "$E2E_TEMPLATE" # an older server may refuse the files of a newer one
  mv "$dir.new" "$dir"
  local deb
  for deb in "$dir"/debs/*.deb; do dpkg-deb -x "$deb" "$root"; done

  # each program runs with the loader and the libraries that came with it
  local loader libraries machine program
  loader=$(ls "$root"/{usr/,}lib/*/ld-linux-*.so.* 2>/dev/null | head -1) || true
  [ -n "$loader" ] || die "the packages in $dir/debs have no loader: libc6 is missing"
  machine=$(basename "$(dirname "$loader")") # such as x86_64-linux-gnu
  libraries=$root/usr/lib/$machine:$root/lib/$machine:$root/usr/lib/mysql/private
  for program in $E2E_WRAPPED usr/bin/etcd usr/bin/etcdctl; do
    [ -x "$root/$program" ] || die "the packages in $dir/debs have no $program"
    mv "$root/$program" "$root/$program.real"
    printf '#!/bin/sh\nexec %s --library-path %s %s "$@"\n' "$loader" "$libraries" "$root/$program.real" >"$root/$program"
    chmod 755 "$root/$program"
  done
  rm -f "$root/usr/bin/mysqld_safe" # mysqlctl prefers it, and it knows nothing of the loader
  "$root/usr/sbin/mysqld" --version || die "the unpacked mysqld does not run"
  "$root/usr/bin/etcd" --version | sed -n 1p || die "the unpacked etcd does not run"
  rm -rf "$dir"/{debs,lists,archives}
  pinned deb >"$dir/ready" # the pins by which packages.txt came about
}

template() {
  local dir=$E2E_TEMPLATE new
  [ ! -e "$dir" ] || return 0
  say "making an empty database"
  new=$(mktemp -d "$E2E_CACHE/new.XXXXXX")
  ./cluster.sh template >"$new/template.tar" || die "making an empty database failed"
  tar -C "$new" -xSf "$new/template.tar" || die "unpacking the empty database failed"
  rm "$new/template.tar"
  chmod -R a+rX "$new" # it is empty, and another user may run the servers
  mv -T "$new" "$dir" 2>/dev/null || rm -rf "$new" # another setup was first
}

umask 022
mkdir -p "$E2E_CACHE" "$E2E_DATA"
exec 9>"$E2E_CACHE/setup.lock"
flock -n 9 || { say "waiting for another setup in $E2E_CACHE"; flock 9; }
user
servers
vitess
template
say "ready in $E2E_CACHE"
