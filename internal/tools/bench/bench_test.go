package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBenchmarkLinesOfGoTest(t *testing.T) {
	for line, want := range map[string]struct {
		name    string
		metrics map[string]float64
	}{
		"BenchmarkApplyEchoTasks/1000-2   1  2 ns/op  1.08 ratio  612 µs/commit": {"BenchmarkApplyEchoTasks/1000", map[string]float64{"ns/op": 2, "ratio": 1.08, "µs/commit": 612}},
		"BenchmarkApplyEchoTasks/1000 \t 1 \t 2 ns/op":                           {"BenchmarkApplyEchoTasks/1000", map[string]float64{"ns/op": 2}}, // GOMAXPROCS=1
		"ok  	shardform/internal/apply	3.2s":                                     {},
		"cpu: AMD EPYC":                                                          {},
	} {
		name, metrics := parseBenchmark(line)
		if name != want.name || cmp.Diff(want.metrics, metrics) != "" {
			t.Errorf("%q: %q %v", line, name, metrics)
		}
	}
}

func TestResultsAreComparedWithThePageAndWrittenThere(t *testing.T) {
	recorded, err := readPage("# Benchmarks\n\n" + markBegin + markEnd + "\nThe end.\n")
	if err != nil {
		t.Fatal(err)
	}
	first := []result{
		{name: "start-up", baseline: "hello", value: 0.0042, base: 0.0012},
		{name: "build", baseline: "hello", value: 90, base: 10},
		{name: "program", baseline: "hello", value: 39.24e6, base: 1.5e6, size: true},
	}
	content := recorded.with("on a machine", first)
	recorded, err = readPage(content)
	if err != nil {
		t.Fatal(err)
	}
	second := []result{
		{name: "start-up", baseline: "hello", value: 0.0052, base: 0.0012},            // by 24 %
		{name: "program", baseline: "hello", value: 46e6, base: 1.5e6, size: true},    // by 17 %
		{name: "start-up", baseline: "something else", value: 0.0052, base: 0.000012}, // never measured against that
	}
	var table strings.Builder
	if err := printTable(&table, second, recorded); err != nil {
		t.Fatal(err)
	}
	want := `MEASURED  RESULT   BASELINE        ITS RESULT  RATIO   LAST   CHANGE
start-up  5.2ms    hello           1.2ms       4.33    3.50   +24 % !
program   46.0 MB  hello           1.5 MB      30.67   26.16  +17 %
start-up  5.2ms    something else  12µs        433.33  -      -
`
	if diff := cmp.Diff(want, table.String()); diff != "" {
		t.Error(diff)
	}

	wantPage := `# Benchmarks

` + markBegin + `on another machine

| measured | result | baseline | its result | ratio |
|---|---|---|---|---|
| start-up | 5.2ms | hello | 1.2ms | 4.33 |
| program | 46.0 MB | hello | 1.5 MB | 30.67 |
| start-up | 5.2ms | something else | 12µs | 433.33 |
| build | 1m30s | hello | 10s | 9.00 |
` + markEnd + `
The end.
`
	if diff := cmp.Diff(wantPage, recorded.with("on another machine", second)); diff != "" {
		t.Error(diff)
	}
	if _, err := readPage("# Benchmarks\n"); err == nil {
		t.Error("a page without the marks is read")
	}
}
