#!/bin/sh
# Generates the packages below this folder from the definitions in it. Needs protoc (Debian: protobuf-compiler) and the
# Go module proxy, for the plugin of services, which is no dependency of the module.
set -eu
cd "$(dirname "$0")"
plugins=$(mktemp -d)
trap 'rm -rf "$plugins"' EXIT
go build -o "$plugins/protoc-gen-go" google.golang.org/protobuf/cmd/protoc-gen-go
GOBIN="$plugins" go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
vitess=$(go list -m -f '{{.Dir}}' vitess.io/vitess)
PATH="$plugins:$PATH" protoc -I . -I "$vitess/proto" \
	--go_out=. --go_opt=module=shardform/internal/pb \
	--go-grpc_out=. --go-grpc_opt=module=shardform/internal/pb \
	automation.proto automationservice.proto vtworkerdata.proto vtworkerservice.proto
