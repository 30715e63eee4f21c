// shardform reshards Vitess keyspaces from reviewed plan files. See README.md.
package main

import (
	"os"

	"shardform/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Environ(), cli.ProcessStreams()))
}
