package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"shardform/internal/ui"
)

// invoke runs one command in this process, as main does.
func invoke(tb testing.TB, args ...string) {
	tb.Helper()
	var complaints bytes.Buffer
	if code := Main(args, nil, ui.Streams{In: strings.NewReader(""), Out: io.Discard, Err: &complaints}); code != 0 {
		tb.Fatalf("shardform %s: exit %d\n%s", strings.Join(args, " "), code, complaints.String())
	}
}

// BenchmarkPlanEchoTasks times a whole `plan` of an operation with n echo tasks: plan file in, text out. x-of-tenth is the
// ratio to the same with a tenth of the tasks in the same run: at most 12 is what the project promises, for time and
// for memory allocated. s/parse is what HCL's own parser takes to read the file, the baseline of `make bench`.
func BenchmarkPlanEchoTasks(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			large, tenth := echoPlan(b, n), echoPlan(b, n/10)
			source, err := os.ReadFile(large)
			if err != nil {
				b.Fatal(err)
			}
			var took, allocated [2]float64
			var parsing float64
			for b.Loop() {
				for i, file := range []string{tenth, large} {
					seconds, bytes := measured(func() { invoke(b, "plan", file) })
					took[i], allocated[i] = took[i]+seconds, allocated[i]+bytes
				}
				seconds, _ := measured(func() {
					if _, diags := hclsyntax.ParseConfig(source, large, hcl.InitialPos); diags.HasErrors() {
						b.Fatal(diags)
					}
				})
				parsing += seconds
			}
			b.ReportMetric(took[1]/float64(b.N), "s/plan")
			b.ReportMetric(took[0]/float64(b.N), "s/plan-of-tenth")
			b.ReportMetric(parsing/float64(b.N), "s/parse")
			b.ReportMetric(took[1]/took[0], "x-of-tenth-time")
			b.ReportMetric(allocated[1]/allocated[0], "x-of-tenth-bytes")
		})
	}
}

func measured(f func()) (seconds, bytes float64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	f()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	return took.Seconds(), float64(after.TotalAlloc - before.TotalAlloc)
}

func echoPlan(tb testing.TB, n int) string {
	tb.Helper()
	var b strings.Builder
	b.WriteString("operation \"big\" {\n  container \"all\" {\n")
	for i := range n {
		fmt.Fprintf(&b, "    task \"echo\" \"t%d\" {\n      parameters = {\n        text = \"hello %d\"\n      }\n    }\n", i, i)
	}
	b.WriteString("  }\n}\n")
	name := filepath.Join(tb.TempDir(), "plan.hcl")
	if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
		tb.Fatal(err)
	}
	return name
}

// BenchmarkValidateExample times `validate` of every example: under 200 ms is what the project promises.
func BenchmarkValidateExample(b *testing.B) {
	examples, err := filepath.Glob("../../examples/*.hcl")
	if err != nil || len(examples) == 0 {
		b.Fatal("no examples", err)
	}
	for _, file := range examples {
		b.Run(filepath.Base(file), func(b *testing.B) {
			for b.Loop() {
				invoke(b, "validate", file)
			}
		})
	}
}

// BenchmarkPlanNoChanges times a plan that finds nothing to do on an applied sandbox: under 200 ms is what the project
// promises.
func BenchmarkPlanNoChanges(b *testing.B) {
	file := quickstart(b)
	invoke(b, "apply", "--auto-approve", file)
	for b.Loop() {
		invoke(b, "plan", "--detailed-exitcode", file)
	}
}
