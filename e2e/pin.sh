#!/usr/bin/env bash
# Pins what setup.sh fetches to what Debian's mirror and the Go module proxy offer now: writes the pin file of the kind of cluster
# (SHARDFORM_E2E_VITESS) for this machine's architecture. Run `make e2e` before committing it; setup.sh then fetches the new ones.
# usage: pin.sh
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")"
eval "$(./cluster.sh env)"
say() { echo "e2e pin: $*"; }
die() { echo "e2e pin: $*" >&2; exit 1; }
. ./packages.sh

dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
chmod 755 "$dir" # apt reads its index as another user
say "reading the package index of Debian $E2E_SUITE"
apt_update "$dir"
mapfile -t names < <(package_names)
offered "${names[@]}" >"$dir/deb"
[ "$(wc -l <"$dir/deb")" = "${#names[@]}" ] || die "of ${#names[@]} packages the index of Debian $E2E_SUITE has $(wc -l <"$dir/deb")"

say "resolving the modules of Vitess $E2E_VITESS_VERSION"
mkdir "$dir/vitess"
(
  cd "$dir/vitess" || exit 1 # set -e has no effect in front of ||
  vitess_module any
  sort go.sum >"$dir/go.sum.vitess"
  # shellcheck disable=SC2086 # a list of words
  go list -deps $(printf 'vitess.io/vitess/go/cmd/%s ' $E2E_PROGRAMS) >/dev/null || exit 1
  go mod download -json "vitess.io/vitess@$E2E_VITESS_VERSION" \
    | awk -v module="vitess.io/vitess $E2E_VITESS_VERSION" -F'"' '$2 == "Sum" { print module, $4 } $2 == "GoModSum" { print module "/go.mod", $4 }' >>go.sum
  sort -u go.sum | comm -13 "$dir/go.sum.vitess" - >"$dir/go"
) || die "the modules of Vitess $E2E_VITESS_VERSION cannot be resolved"

{
  echo "# What e2e/setup.sh fetches for a $SHARDFORM_E2E_VITESS cluster on $ARCHITECTURE, with SHA-256 sums; \`make e2e-pin\` writes this file."
  echo "# Packages of Debian $E2E_SUITE, and the Go modules that Vitess $E2E_VITESS_VERSION's own go.sum lacks."
  sed 's/^/deb /' "$dir/deb"
  sed 's/^/go /' "$dir/go"
} >"$dir/pins"
if [ -e "$PINS" ] && cmp -s "$dir/pins" "$PINS"; then
  say "$PINS is up to date"
else
  install -m 644 "$dir/pins" "$PINS"
  say "wrote $PINS: $(wc -l <"$dir/deb") packages, $(wc -l <"$dir/go") lines of go.sum; run \`make e2e\` before committing it"
fi
