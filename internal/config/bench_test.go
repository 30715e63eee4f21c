package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
