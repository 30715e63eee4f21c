// Command bench measures what shardform's speed and size are judged by, each against a baseline that is measured beside
// it in the same run, and compares the ratios with those recorded in docs/contributing/benchmarks.md. It is run in the
// root of the repository, by `make bench`, and fails only where something cannot be measured, never for a slow result.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	cold := flag.Bool("cold", false, "measure a build with an empty build cache too, which takes minutes")
	write := flag.Bool("write", false, "record the results in "+page)
	flag.Parse()
	if err := run(*cold, *write); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(cold, write bool) error {
	content, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("%w: run it in the root of the repository", err)
	}
	recorded, err := readPage(string(content))
	if err != nil {
		return err
	}
	on := machine() // the load before this run is part of it
	fmt.Println(on)
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	results, err := measure(dir, cold)
	if err != nil {
		return err
	}
	if err := printTable(os.Stdout, results, recorded); err != nil {
		return err
	}
	if !write {
		return nil
	}
	return os.WriteFile(page, []byte(recorded.with(on, results)), 0o644)
}
