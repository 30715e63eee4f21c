package main

import (
	"bufio"
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the baseline of the quickstart
)

// result is one thing measured. Both values are the smallest of several: whatever else a machine does only adds.
type result struct {
	name     string
	value    float64 // seconds, or bytes
	baseline string  // what it is measured against
	base     float64 // the baseline's value, in the unit of value
	size     bool    // bytes
}

func (r result) ratio() float64 { return r.value / r.base }

// quickstartRows is how many rows the quickstart reshards.
const quickstartRows = 23_000

func measure(dir string, cold bool) ([]result, error) {
	b := builds{dir: dir}
	results, err := b.sizes()
	if err != nil {
		return nil, err
	}
	steps := []func() ([]result, error){b.startUp, b.quickstart, applyEchoTasks, planEchoTasks}
	if cold {
		steps = append(steps, b.cold)
	}
	for _, step := range steps {
		more, err := step()
		if err != nil {
			return nil, err
		}
		results = append(results, more...)
	}
	return results, nil
}

// builds is the program and a hello world of Go beside it, built into dir in the same way.
type builds struct{ dir string }

func (b builds) program() string { return filepath.Join(b.dir, "shardform") }
func (b builds) hello() string   { return filepath.Join(b.dir, "hello") }

func (b builds) helloSource() string { return filepath.Join(b.dir, "hello.go") }

// sizes builds both programs, and both again without symbols.
func (b builds) sizes() ([]result, error) {
	source := "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello\") }\n"
	if err := os.WriteFile(b.helloSource(), []byte(source), 0o644); err != nil {
		return nil, err
	}
	results := []result{{name: "program, stripped"}, {name: "program"}} // those that are not stripped are used again
	for i, flags := range []string{"-s -w", ""} {
		r := &results[i]
		r.baseline, r.size = "hello world, built alike", true
		for _, build := range []struct {
			out, source string
			size        *float64
		}{{b.program(), ".", &r.value}, {b.hello(), b.helloSource(), &r.base}} {
			if _, err := timed(exec.Command("go", "build", "-buildvcs=false", "-ldflags", flags, "-o", build.out, build.source)); err != nil {
				return nil, err
			}
			info, err := os.Stat(build.out)
			if err != nil {
				return nil, err
			}
			*build.size = float64(info.Size())
		}
	}
	return results, nil
}

func (b builds) startUp() ([]result, error) {
	r := result{name: "start-up: `shardform version`", baseline: "hello world"}
	for range 40 {
		if err := r.least(
			func() (float64, error) { return timed(exec.Command(b.program(), "version")) },
			func() (float64, error) { return timed(exec.Command(b.hello())) },
		); err != nil {
			return nil, err
		}
	}
	return []result{r}, nil
}

// quickstart times the README's first command, and the plan after it, which has nothing to do.
func (b builds) quickstart() ([]result, error) {
	baseline := fmt.Sprintf("%d rows inserted in SQLite", quickstartRows)
	apply, plan := result{name: "quickstart", baseline: baseline}, result{name: "plan without changes", baseline: baseline}
	for i := range 10 {
		dir := filepath.Join(b.dir, "quickstart"+strconv.Itoa(i))
		for _, name := range []string{"customer.csv", "customer.sql", "customer.vschema.json"} {
			if err := copyFile(filepath.Join(dir, "quickstart", name), filepath.Join("examples/quickstart", name)); err != nil {
				return nil, err
			}
		}
		file := filepath.Join(dir, "quickstart.hcl")
		if err := copyFile(file, "examples/quickstart.hcl"); err != nil {
			return nil, err
		}
		insert := func() (float64, error) { return insertRows(filepath.Join(dir, "bare.sqlite")) }
		if err := apply.least(func() (float64, error) { return timed(exec.Command(b.program(), "apply", "--auto-approve", file)) }, insert); err != nil {
			return nil, err
		}
		if err := plan.least(func() (float64, error) { return timed(exec.Command(b.program(), "plan", "--detailed-exitcode", file)) }, insert); err != nil {
			return nil, err // also where there are changes: exit code 2
		}
	}
	return []result{apply, plan}, nil
}

// insertRows times quickstartRows rows inserted into a new database in one transaction.
func insertRows(file string) (seconds float64, err error) {
	if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
		return 0, err
	}
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	begun := time.Now()
	if _, err := db.Exec("create table t (id integer primary key, name text, amount integer)"); err != nil {
		return 0, err
	}
	tx, err := db.Begin()
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // after the commit there is nothing left to roll back
	insert, err := tx.Prepare("insert into t values (?, ?, ?)")
	if err != nil {
		return 0, err
	}
	for i := range quickstartRows {
		if _, err := insert.Exec(i, "a name of some length", i); err != nil {
			return 0, err
		}
	}
	if err := tx.Commit(); err != nil {
		return 0, err
	}
	return time.Since(begun).Seconds(), nil
}

// cold times builds that have nothing compiled, but every module at hand.
func (b builds) cold() ([]result, error) {
	r := result{name: "build, empty cache", baseline: "hello world, empty cache"}
	build := func(cache, out, source string) func() (float64, error) {
		return func() (float64, error) {
			cmd := exec.Command("go", "build", "-buildvcs=false", "-o", out, source)
			cmd.Env = append(os.Environ(), "GOCACHE="+filepath.Join(b.dir, cache))
			return timed(cmd)
		}
	}
	err := r.least(build("cache", b.program(), "."), build("cache-hello", b.hello(), b.helloSource()))
	return []result{r}, err
}

func applyEchoTasks() ([]result, error) {
	apply := func(tasks string) result {
		return result{name: "apply of " + tasks + " echo tasks, a task", baseline: "a bare bbolt commit"}
	}
	small, large := apply("1000"), apply("10000")
	err := benchmark("./internal/apply", "^BenchmarkApplyEchoTasks$", 5,
		reading{"BenchmarkApplyEchoTasks/1000", "µs/task", "µs/commit", 1e-6, &small},
		reading{"BenchmarkApplyEchoTasks/10000", "µs/task", "µs/commit", 1e-6, &large})
	return []result{small, large}, err
}

func planEchoTasks() ([]result, error) {
	parse := result{name: "plan of 100000 echo tasks", baseline: "HCL's parser on that file"}
	tenth := result{name: "plan of 100000 echo tasks", baseline: "plan of 10000"}
	const name = "BenchmarkPlanEchoTasks/100000"
	err := benchmark("./internal/cli", "^BenchmarkPlanEchoTasks$/^100000$", 3,
		reading{name, "s/plan", "s/parse", 1, &parse},
		reading{name, "s/plan", "s/plan-of-tenth", 1, &tenth})
	return []result{parse, tenth}, err
}

// reading is how a benchmark of go test tells a result: by two of its metrics.
type reading struct {
	benchmark   string
	value, base string  // units of the metrics
	unit        float64 // of both, in seconds
	result      *result
}

// benchmark runs benchmarks of this module count times, and reads the results from what they print.
func benchmark(pkg, pattern string, count int, readings ...reading) error {
	cmd := exec.Command("go", "test", "-run", "^$", "-bench", pattern, "-benchtime", "1x", "-count", strconv.Itoa(count), "-timeout", "60m", pkg)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		name, metrics := parseBenchmark(lines.Text())
		for _, r := range readings {
			if name != r.benchmark {
				continue
			}
			if err := r.result.least(
				func() (float64, error) { return metric(metrics, name, r.value, r.unit) },
				func() (float64, error) { return metric(metrics, name, r.base, r.unit) },
			); err != nil {
				return err
			}
		}
	}
	for _, r := range readings {
		if r.result.base == 0 {
			return fmt.Errorf("%s printed nothing of %s\n%s", cmd, r.benchmark, out)
		}
	}
	return nil
}

// parseBenchmark reads a line like "BenchmarkX/10-2  1  123 ns/op  4.5 µs/task"; name is "" for other lines.
func parseBenchmark(line string) (name string, metrics map[string]float64) {
	fields := strings.Fields(line)
	if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
		return "", nil
	}
	name = fields[0]
	if i := strings.LastIndexByte(name, '-'); i >= 0 { // GOMAXPROCS, which is left out where it is 1
		if _, err := strconv.Atoi(name[i+1:]); err == nil {
			name = name[:i]
		}
	}
	metrics = map[string]float64{}
	for i := 2; i+1 < len(fields); i += 2 {
		if value, err := strconv.ParseFloat(fields[i], 64); err == nil {
			metrics[fields[i+1]] = value
		}
	}
	return name, metrics
}

func metric(metrics map[string]float64, name, unit string, seconds float64) (float64, error) {
	value := metrics[unit]
	if value <= 0 {
		return 0, fmt.Errorf("%s reports no %s", name, unit)
	}
	return value * seconds, nil
}

// least measures both sides once more and keeps the smallest of each.
func (r *result) least(value, base func() (float64, error)) error {
	for _, side := range []struct {
		measure func() (float64, error)
		kept    *float64
	}{{value, &r.value}, {base, &r.base}} {
		measured, err := side.measure()
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if *side.kept == 0 || measured < *side.kept {
			*side.kept = measured
		}
	}
	return nil
}

// timed runs a command to its end.
func timed(cmd *exec.Cmd) (seconds float64, err error) {
	begun := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return time.Since(begun).Seconds(), nil
}

func copyFile(to, from string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}
