package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shardform/internal/keyrange"
)

// echoTasks is a plan file of n echo tasks in one container.
func echoTasks(n int) string {
	var b strings.Builder
	b.WriteString("operation \"bulk\" {\n  container \"all\" {\n")
	for i := range n {
		fmt.Fprintf(&b, "    task \"echo\" \"t%d\" {\n      parameters = {\n        text = \"this is the text of task %d\"\n      }\n    }\n", i, i)
	}
	b.WriteString("  }\n}\n")
	return b.String()
}

func writeFile(tb testing.TB, dir, name, text string) string {
	tb.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func BenchmarkLoadEchoTasks(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			path := writeFile(b, b.TempDir(), "bulk.hcl", echoTasks(n))
			opts := Options{Tasks: testTasks()}
			b.ReportAllocs()
			for b.Loop() {
				got, diags := Load(path, opts)
				if diags.HasErrors() {
					b.Fatal(diags)
				}
				if len(got.Operations[0].Containers[0].Tasks) != n {
					b.Fatal("tasks are missing")
				}
			}
		})
	}
}

// BenchmarkLoadShards loads a keyspace whose layout is written out: 32,768 shards take about ten times as long as a tenth.
func BenchmarkLoadShards(b *testing.B) {
	for _, n := range []int{4096, 32768} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			layout, err := keyrange.Even(n)
			if err != nil {
				b.Fatal(err)
			}
			text := "cluster \"main\" {\n  vtctld = [\"localhost:15999\"]\n}\nkeyspace \"customer\" {\n  shards = [\n"
			text += "    \"" + strings.Join(layout.Names(), "\",\n    \"") + "\",\n  ]\n}\n"
			path := writeFile(b, b.TempDir(), "shards.hcl", text)
			for b.Loop() {
				if got, diags := Load(path, Options{}); len(diags) > 0 || len(got.Keyspaces[0].Shards) != n {
					b.Fatal(diags)
				}
			}
		})
	}
}
