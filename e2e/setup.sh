#!/usr/bin/env bash
# Gets everything that the end-to-end tests need, once, into a cache folder outside the checkout (see docs/e2e.md). What that
# is, vitess-modern.sh says, and vitess-legacy.sh with SHARDFORM_E2E_VITESS=legacy:
#   vitess-VERSION/bin      Vitess's programs, built from the Go module proxy
#   servers[-legacy]/root   MySQL or MariaDB, and etcd, as Debian packages, unpacked beside the system with their own libc
#   ...-template            the files of an empty database: copying them starts a tablet in a quarter of the time
# and, when root, the user who runs them: mysqld refuses to be root. What is there already is left alone.
# Needs Go and Debian's apt and dpkg. Fails with the reason where something cannot be had.
set -euo pipefail
cd "$(dirname "$0")"
eval "$(./cluster.sh env)"

say() { echo "e2e setup: $*"; }
die() { echo "e2e setup: $*" >&2; exit 1; }

user() {
  [ "$(id -u)" = 0 ] || return 0
  id "$E2E_USER" >/dev/null 2>&1 || useradd --system --shell /bin/sh --home-dir "$E2E_DATA" --no-create-home "$E2E_USER" \
    || die "making user $E2E_USER, who runs MySQL, failed"
  install -d -o "$E2E_USER" -m 755 "$E2E_DATA"
  runuser -u "$E2E_USER" -- test -x "$E2E_DATA" \
    || die "user $E2E_USER cannot reach $E2E_CACHE: set SHARDFORM_E2E_CACHE to a folder that everyone can read"
}

vitess() {
  local program missing=()
  for program in $E2E_PROGRAMS; do [ -x "$E2E_VITESS/bin/$program" ] || missing+=("$program"); done
  ((${#missing[@]})) || return 0
  command -v go >/dev/null || die "Go is needed to build Vitess and is not on the PATH"
  say "building Vitess $E2E_VITESS_VERSION: ${missing[*]} (some minutes)"
  mkdir -p "$E2E_VITESS/bin"
  (
    cd "$E2E_VITESS"
    export GOWORK=off GOFLAGS=-mod=mod CGO_ENABLED=0
    module=$(go mod download -json "vitess.io/vitess@$E2E_VITESS_VERSION" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
    [ -n "$module" ] || { go mod download "vitess.io/vitess@$E2E_VITESS_VERSION"; exit 1; }
    # Vitess's own go.sum, so that what is built is what its release was built from
    install -m 644 "$module/go.sum" go.sum
    "go_mod_$SHARDFORM_E2E_VITESS" "$module" >go.mod
    for program in "${missing[@]}"; do
      go build -o "bin/$program.part" "vitess.io/vitess/go/cmd/$program"
      mv "bin/$program.part" "bin/$program"
    done
  ) || die "building Vitess $E2E_VITESS_VERSION failed"
}

go_mod_modern() { printf 'module e2e\n\ngo 1.26\n\nrequire vitess.io/vitess %s\n' "$E2E_VITESS_VERSION"; }

# go_mod_legacy builds from a copy of the module's source: the programs look for files of it when they run, and another user
# may not be able to reach the module cache. Some modules are newer than those it was built from: those do not compile with
# a Go of today, or cannot be had any more.
go_mod_legacy() { # go_mod_legacy MODULE'S-FOLDER
  rm -rf src
  mkdir src
  cp -r --no-preserve=mode "$1"/{go,config,resources,go.mod,go.sum} src/
  cat <<EOF
module e2e

go 1.23

require (
	vitess.io/vitess $E2E_VITESS_VERSION
	golang.org/x/sys v0.30.0
	github.com/daaku/go.zipexe v1.0.2
	github.com/GeertJohan/go.rice v1.0.3
)

replace (
	vitess.io/vitess => ./src
	github.com/skeema/tengo => github.com/planetscale/tengo v0.9.6-ps.v1
)
EOF
}

# servers unpacks the database and etcd from a suite of Debian with all the libraries they need: the system's own may be
# older or newer.
servers() {
  local root=$E2E_SERVERS dir=${E2E_SERVERS%/root}
  [ ! -e "$dir/ready" ] || [ ! -x "$root/usr/bin/etcdctl" ] || return 0 # an older cache has no etcdctl
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || die "the servers come as Debian packages; apt-get or dpkg-deb is missing"
  say "fetching ${E2E_PACKAGES%% *} and etcd as Debian packages"
  rm -rf "$dir"
  mkdir -p "$dir"/{debs,root,lists/partial,archives/partial}
  [ "$(id -u)" != 0 ] || ! id _apt >/dev/null 2>&1 || chown _apt "$dir"/{debs,lists/partial,archives/partial}

  local mirror keyring
  mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -E '^(deb |URIs:)' \
    | grep -oE 'https?://[^ ]+/debian/?( |$)' | tr -d ' ' | head -1) || true
  mirror=${mirror:-http://deb.debian.org/debian}
  keyring=$(ls /usr/share/keyrings/debian-archive-keyring.* 2>/dev/null | head -1) || true
  [ -n "$keyring" ] || die "no Debian keyring in /usr/share/keyrings: install debian-archive-keyring"
  echo "deb [signed-by=$keyring] $mirror $E2E_SUITE main" >"$dir/sources.list"
  : >"$dir/status" # what the system has installed does not count
  local apt=(-o "Dir::Etc::sourcelist=$dir/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$dir/lists"
    -o "Dir::State::status=$dir/status" -o "Dir::Cache=$dir" -o "Dir::Cache::archives=$dir/archives" -o APT::Get::List-Cleanup=0)
  apt-get "${apt[@]}" update -q -o APT::Update::Error-Mode=any >"$dir/apt.log" 2>&1 \
    || { tail -5 "$dir/apt.log" >&2; die "the package list of Debian $E2E_SUITE cannot be read from the mirror"; }

  local packages
  # shellcheck disable=SC2086 # a list of words
  packages=$(apt-cache "${apt[@]}" depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
    --no-enhances $E2E_PACKAGES | grep -E '^[a-z0-9]' \
    | grep -vE '^(debconf|cdebconf|perl|dpkg|init-system|adduser|passwd|systemd)' | sort -u) || true
  grep -qx "${E2E_PACKAGES%% *}" <<<"$packages" || die "Debian $E2E_SUITE has no package ${E2E_PACKAGES%% *} at the mirror"
  # shellcheck disable=SC2086 # a list of words
  (cd "$dir/debs" && apt-get "${apt[@]}" download -q $packages etcd-server etcd-client >"$dir/download.log" 2>&1) \
    || { grep -E '^(E|W|Err)' "$dir/download.log" >&2 || tail -5 "$dir/download.log" >&2; die "the packages of ${E2E_PACKAGES%% *} or etcd cannot be had"; }
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
  touch "$dir/ready"
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
  mv -T "$new" "$dir" 2>/dev/null || rm -rf "$new" # somebody else was first
}

umask 022
mkdir -p "$E2E_CACHE" "$E2E_DATA"
user
servers
vitess
template
say "ready in $E2E_CACHE"
