// Package pb keeps the protocol definitions that vitess.io/vitess no longer ships; the generated code lies below it.
package pb

//go:generate sh -c "go build -o protoc-gen-go.bin google.golang.org/protobuf/cmd/protoc-gen-go && protoc --plugin=protoc-gen-go=protoc-gen-go.bin --go_out=. --go_opt=module=shardform/internal/pb automation.proto && rm protoc-gen-go.bin"
