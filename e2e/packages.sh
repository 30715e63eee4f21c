# How the Debian packages of a cluster, and the sources of Vitess, are found, pinned and fetched. Read by setup.sh and pin.sh after
# `eval "$(./cluster.sh env)"`; it needs say and die.
#
# A pin file has one line per package and per Go module that Vitess's own go.sum does not name:
#   deb NAME VERSION SHA256 PATH-ON-THE-MIRROR
#   go MODULE VERSION[/go.mod] HASH                 (as in go.sum)

ARCHITECTURE=$(dpkg --print-architecture 2>/dev/null || uname -m)
PINS=${SHARDFORM_E2E_PINS:-$PWD/pins-$SHARDFORM_E2E_VITESS-$ARCHITECTURE.txt}
APT_HELPER=${APT_HELPER:-/usr/lib/apt/apt-helper}
KEYRINGS=${KEYRINGS:-/usr/share/keyrings}

# mirror prints the URL of the Debian mirror, the system's unless SHARDFORM_E2E_MIRROR names another; nothing if there is none.
mirror() {
  local found=${SHARDFORM_E2E_MIRROR:-}
  [ -n "$found" ] || found=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -E '^(deb |URIs:)' \
    | grep -oE 'https?://[^ ]+/debian/?( |$)' | tr -d ' ' | head -1) || true
  echo "${found%/}"
}

keyring() { ls "$KEYRINGS"/debian-archive-keyring.* 2>/dev/null | head -1; }

# pinned prints the pins of a kind, deb or go, without the kind.
pinned() { sed -n "s/^$1 //p" "$PINS"; } # pinned KIND

# apt_update reads the suite's package index into a directory, verified by the archive's signature, and sets APT, the options by
# which apt-get and apt-cache use that index. What the system has installed does not count.
apt_update() { # apt_update DIRECTORY
  local dir=$1 keyring
  keyring=$(keyring) || die "no Debian keyring in $KEYRINGS: apt-get install debian-archive-keyring"
  mkdir -p "$dir"/{lists/partial,archives/partial}
  [ "$(id -u)" != 0 ] || ! id _apt >/dev/null 2>&1 || chown _apt "$dir"/{lists/partial,archives/partial}
  echo "deb [signed-by=$keyring] $(mirror) $E2E_SUITE main" >"$dir/sources.list"
  : >"$dir/status"
  APT=(-o "Dir::Etc::sourcelist=$dir/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$dir/lists"
    -o "Dir::State::status=$dir/status" -o "Dir::Cache=$dir" -o "Dir::Cache::archives=$dir/archives" -o APT::Get::List-Cleanup=0
    -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
  apt-get "${APT[@]}" update -q -o APT::Update::Error-Mode=any >"$dir/apt.log" 2>&1 \
    || { tail -5 "$dir/apt.log" >&2; die "the package index of Debian $E2E_SUITE cannot be read from $(mirror)"; }
}

# package_names prints the packages that the programs and all their libraries are in, as the index of apt_update has them: the
# system's own libraries may be older or newer.
package_names() {
  # shellcheck disable=SC2086 # a list of words
  { apt-cache "${APT[@]}" depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances $E2E_PACKAGES \
    | grep -E '^[a-z0-9]' | grep -vE '^(debconf|cdebconf|perl|dpkg|init-system|adduser|passwd|systemd)' || true
    printf '%s\n' etcd-server etcd-client
  } | sort -u
}

# offered prints what the index of apt_update offers of the packages, in the form of pins without the kind.
offered() { # offered NAME...
  apt-cache "${APT[@]}" show --no-all-versions "$@" | awk '
    /^Package:/ { name = $2 } /^Version:/ { version = $2 } /^Filename:/ { path = $2 } /^SHA256:/ { hash = $2 }
    /^$/ { if (name) print name, version, hash, path; name = "" }
    END { if (name) print name, version, hash, path }' | sort -u
}

# fetch_packages gets the packages into DIRECTORY/debs, and the list of those that it got into DIRECTORY/packages.txt: exactly
# the pinned files if the mirror has them all, otherwise what it offers now. A file whose version is pinned has the pinned hash,
# any other is verified by the archive's signature.
fetch_packages() { # fetch_packages DIRECTORY
  local dir=$1 name version hash path file missing=() request=()
  [ -e "$PINS" ] || die "no pins for $ARCHITECTURE ($PINS): \`make e2e-pin\` writes them"
  mkdir -p "$dir/debs"
  [ "$(id -u)" != 0 ] || ! id _apt >/dev/null 2>&1 || chown _apt "$dir/debs"
  while read -r name version hash path; do request+=("$(mirror)/$path" "$dir/debs/${path##*/}"); done < <(pinned deb)
  ((${#request[@]})) || die "$PINS pins no package"
  "$APT_HELPER" download-file "${request[@]}" >"$dir/download.log" 2>&1 || true # what is missing is found below
  while read -r name version hash path; do
    file=$dir/debs/${path##*/}
    if [ -e "$file" ]; then
      verify "$file" "$hash" "$name $version"
    else
      missing+=("$name")
    fi
  done < <(pinned deb)
  if ((${#missing[@]} == 0)); then
    pinned deb >"$dir/packages.txt"
    return
  fi
  fetch_offered "$dir"
}

verify() { # verify FILE SHA256 WHAT
  local got
  got=$(sha256sum "$1")
  [ "${got%% *}" = "$2" ] || die "$3 from $(mirror) is not the file that was pinned: SHA-256 ${got%% *}, expected $2 ($PINS).
  Another file under the same version is a broken download or mirror, or an attack. Run this again; if it stays, find out why before \`make e2e-pin\`"
}

# fetch_offered is fetch_packages where the mirror has moved on. It takes all packages from the index, as old and new ones may not
# fit together.
fetch_offered() { # fetch_offered DIRECTORY
  local dir=$1 now name version hash path was changed=() names=()
  local -A pin
  apt_update "$dir"
  mapfile -t names < <(package_names)
  now=$(offered "${names[@]}")
  while read -r name version hash path; do pin[$name]="$version $hash"; done < <(pinned deb)
  while read -r name version hash path; do
    was=${pin[$name]:-}
    [ "$was" = "$version $hash" ] && continue
    [ "${was%% *}" != "$version" ] \
      || die "the index of Debian $E2E_SUITE has another SHA-256 for $name $version than $PINS: $hash, expected ${was#* }. Find out why before \`make e2e-pin\`"
    was=${was%% *}
    changed+=("$name ${was:-(not pinned)} -> $version")
  done <<<"$now"
  if [ "${SHARDFORM_E2E_STRICT:-}" = 1 ]; then
    die "Debian $E2E_SUITE at $(mirror) has moved on from the pinned versions (${#changed[@]} packages):
$(printf '  %s\n' "${changed[@]}")
  SHARDFORM_E2E_STRICT=1 forbids others: \`make e2e-pin\` moves the pins to them"
  fi
  say "warning: Debian $E2E_SUITE at $(mirror) has moved on from the pinned versions (${#changed[@]} packages). Taking what it offers now,
  verified by the archive's signature; \`make e2e-pin\` moves the pins:"
  printf '  %s\n' "${changed[@]}"
  rm -f "$dir"/debs/*.deb
  (cd "$dir/debs" && apt-get "${APT[@]}" download -q "${names[@]}" >"$dir/download.log" 2>&1) \
    || { grep -E '^(E|W|Err)' "$dir/download.log" >&2 || tail -5 "$dir/download.log" >&2; die "the packages of ${E2E_PACKAGES%% *} or etcd cannot be fetched from $(mirror)"; }
  echo "$now" >"$dir/packages.txt"
}

# vitess_module prepares the current directory as a Go module that requires Vitess, with a go.sum that has Vitess's own lines and the
# pinned ones, so that what is built is what the release was built from. With "any" as its argument a Vitess that is not pinned is
# taken as well.
vitess_module() { # vitess_module [any]
  local download module sum
  export GOWORK=off GOFLAGS=-mod=mod CGO_ENABLED=0
  download=$(go mod download -json "vitess.io/vitess@$E2E_VITESS_VERSION") \
    || die "Vitess $E2E_VITESS_VERSION cannot be fetched from the Go module proxy: $(sed -n 's/^\t"Error": "\(.*\)",*$/\1/p' <<<"$download")"
  module=$(sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p' <<<"$download")
  sum=$(sed -n 's/^\t"Sum": "\(.*\)",*$/\1/p' <<<"$download")
  [ "${1:-}" = any ] || grep -qxF "go vitess.io/vitess $E2E_VITESS_VERSION $sum" "$PINS" \
    || die "vitess.io/vitess $E2E_VITESS_VERSION from the Go module proxy has the hash $sum, which $PINS does not pin. Find out why before \`make e2e-pin\`"
  { cat "$module/go.sum"; [ "${1:-}" = any ] || pinned go; } | sort -u >go.sum
  "go_mod_$SHARDFORM_E2E_VITESS" "$module" >go.mod
}

go_mod_modern() { printf 'module e2e\n\ngo 1.26\n\nrequire vitess.io/vitess %s\n' "$E2E_VITESS_VERSION"; }

# go_mod_legacy builds from a copy of the module's source: the programs look for files of it when they run, and another user
# may not be able to reach the module cache. Some modules are newer than those it was built from: those do not compile with
# a Go of today, or cannot be had any more.
go_mod_legacy() { # go_mod_legacy MODULE-DIRECTORY
  rm -rf src
  mkdir src
  cp -r --no-preserve=mode "$1"/{go,config,resources,go.mod,go.sum} src/ || die "copying the source of Vitess from $1 failed"
  cat <<END
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
END
}
