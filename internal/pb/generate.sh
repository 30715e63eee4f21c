#!/bin/sh
# Generates the packages below this directory from the definitions in it. Needs protoc (Debian: protobuf-compiler).
set -eu
cd "$(dirname "$0")"
command -v protoc >/dev/null || { echo "protoc is missing: apt-get install protobuf-compiler" >&2; exit 1; }
protoc -I . -I "$(go list -m -f '{{.Dir}}' vitess.io/vitess)/proto" \
	--plugin="$(go tool -n protoc-gen-go)" --go_out=. --go_opt=module=shardform/internal/pb \
	--plugin="$(go tool -n protoc-gen-go-grpc)" --go-grpc_out=. --go-grpc_opt=module=shardform/internal/pb \
	automation.proto automationservice.proto vtworkerdata.proto vtworkerservice.proto
# Not which protoc it was: what is generated is the same for each.
sed -i '/^\/\/ .*protoc  *v[0-9.]*$/d' ./*/*.pb.go
