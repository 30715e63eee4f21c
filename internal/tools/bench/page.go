package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// page has the last results, between two marks.
const (
	page      = "docs/contributing/benchmarks.md"
	markBegin = "<!-- written by make bench -->\n"
	markEnd   = "<!-- end -->\n"
)

// moved is the change of a ratio, either way, that is worth a look.
const moved = 0.2

// record is the page: what is around the marks, and its rows in their order.
type record struct {
	before, after string
	rows          []recordedRow
}

type recordedRow struct {
	name, baseline, line string
	ratio                float64
}

func readPage(content string) (record, error) {
	before, rest, begins := strings.Cut(content, markBegin)
	table, after, ends := strings.Cut(rest, markEnd)
	if !begins || !ends {
		return record{}, fmt.Errorf("%s: expected the lines %q and, after it, %q", page, strings.TrimSpace(markBegin), strings.TrimSpace(markEnd))
	}
	r := record{before: before, after: after}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 5 {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if ratio, err := strconv.ParseFloat(cells[4], 64); err == nil { // the head of the table has none
			r.rows = append(r.rows, recordedRow{name: cells[0], baseline: cells[2], line: line, ratio: ratio})
		}
	}
	return r, nil
}

// last returns the ratio recorded for a result; 0 if none is.
func (r record) last(of result) float64 {
	for _, row := range r.rows {
		if row.name == of.name && row.baseline == of.baseline {
			return row.ratio
		}
	}
	return 0
}

// with returns the page with these results. A row that was not measured this time stays as it is.
func (r record) with(on string, results []result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s\n%s\n\n| measured | result | baseline | its result | ratio |\n|---|---|---|---|---|\n", r.before, strings.TrimSpace(markBegin), on)
	measured := record{}
	for _, of := range results {
		value, base := of.values()
		line := fmt.Sprintf("| %s | %s | %s | %s | %.2f |\n", of.name, value, of.baseline, base, of.ratio())
		measured.rows = append(measured.rows, recordedRow{name: of.name, baseline: of.baseline, ratio: of.ratio()})
		b.WriteString(line)
	}
	for _, row := range r.rows {
		if measured.last(result{name: row.name, baseline: row.baseline}) == 0 {
			b.WriteString(row.line)
		}
	}
	return b.String() + markEnd + r.after
}

func printTable(w io.Writer, results []result, recorded record) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MEASURED\tRESULT\tBASELINE\tITS RESULT\tRATIO\tLAST\tCHANGE")
	for _, of := range results {
		last, change := "-", "-"
		if ratio := recorded.last(of); ratio > 0 {
			by := of.ratio()/ratio - 1
			last, change = fmt.Sprintf("%.2f", ratio), fmt.Sprintf("%+.0f %%", 100*by)
			if math.Abs(by) > moved {
				change += " !"
			}
		}
		value, base := of.values()
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%.2f\t%s\t%s\n", of.name, value, of.baseline, base, of.ratio(), last, change)
	}
	return table.Flush()
}

// values returns both sides as text.
func (r result) values() (value, base string) {
	text := func(v float64) string {
		if r.size {
			return fmt.Sprintf("%.1f MB", v/1e6)
		}
		d := time.Duration(v * float64(time.Second))
		unit := time.Nanosecond // three digits
		for d/unit >= 1000 {
			unit *= 10
		}
		return d.Round(unit).String()
	}
	return text(r.value), text(r.base)
}

// machine tells what the results depend on besides the program.
func machine() string {
	text := fmt.Sprintf("%s, %s/%s, %d processors", time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range bytes.Lines(info) {
			if name, ok := bytes.CutPrefix(line, []byte("model name\t: ")); ok {
				text += " (" + string(bytes.TrimSpace(name)) + ")"
				break
			}
		}
	}
	text += ", " + runtime.Version()
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		if fields := bytes.Fields(load); len(fields) > 0 {
			text += fmt.Sprintf(", load %s before the run", fields[0])
		}
	}
	return text + "."
}
