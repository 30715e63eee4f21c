//go:build e2e

package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// alternations is how often each side reshards.
const alternations = 5

// BenchmarkReshard holds `shardform apply` against by_hand.sh, in turns, on fresh keyspaces that are all alike, while rows
// are written and read through vtgate. It prints how long each run took from its start to its end, waits included, the
// longest time between two commits and the longest read, and the median of the ratios of two neighbours. How long a run
// takes fails nothing, a row that is lost does. With -short there is one run of each.
func BenchmarkReshard(b *testing.B) {
	for _, rows := range []int64{20_000, 500_000} {
		b.Run(strconv.FormatInt(rows, 10), func(b *testing.B) { benchmarkReshard(b, rows) })
	}
}

func benchmarkReshard(b *testing.B, rows int64) {
	fresh := func(t *testing.T, name string) *keyspace {
		k := newKeyspace(t, runningCluster(t), fixture{name: name, shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: rows})
		k.addShards(t, "-80", "80-")
		k.waitForReplica(t)
		return k
	}
	alternate(b, rows, &contender{name: "hand", fresh: fresh, reshard: reshardByHand}, &contender{name: "shardform", fresh: fresh, reshard: reshardByProgram})
}

// alternate lets two contenders reshard in turns and prints what both took, and the ratio of the program to the other.
func alternate(b *testing.B, rows int64, other, program *contender) {
	b.Helper()
	times := alternations
	if testing.Short() {
		times = 1
	}
	var ratios []float64
	for i := range times {
		turn := []*contender{other, program}
		if i%2 == 1 { // who comes second may find the machine warmer
			slices.Reverse(turn)
		}
		for _, c := range turn {
			name := fmt.Sprintf("bench_%d_%s_%d", rows, c.name, i+1) // vtgate remembers keyspaces of an earlier name
			for again := 1; !c.run(b, name); again++ {
				if again == 5 {
					b.Fatalf("%s: no run of five came to its end", c.name)
				}
				name += "_again"
			}
		}
		ratios = append(ratios, program.elapsed[i]/other.elapsed[i])
	}
	for _, c := range []*contender{other, program} {
		b.Logf("%d rows, %s: median %.2f s of %.2f; longest time between two commits %.2f s of %.2f; longest read from a primary %.2f s, from a replica %.2f s",
			rows, c.name, median(c.elapsed), c.elapsed, slices.Max(c.commits), c.commits, slices.Max(c.primary), slices.Max(c.replica))
		b.ReportMetric(median(c.elapsed), c.name+"-s")
		b.ReportMetric(slices.Max(c.commits), c.name+"-commit-gap-s")
		b.ReportMetric(slices.Max(c.primary), c.name+"-primary-read-s")
		b.ReportMetric(slices.Max(c.replica), c.name+"-replica-read-s")
	}
	b.Logf("%d rows: median ratio of shardform to %s %.3f of %.2f", rows, other.name, median(ratios), ratios)
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(0, "ns/op") // not what is measured
}

// contender is one of the two ways to reshard, and what each of its runs took, in seconds.
type contender struct {
	name             string
	fresh            func(t *testing.T, name string) *keyspace                          // with rows in 0, and with the shards -80 and 80-
	reshard          func(t *testing.T, k *keyspace) (took time.Duration, steps string) // from 0 to -80,80-; 0: it did not come to its end, for the reason in steps
	elapsed          []float64
	commits          []float64 // the longest time between two commits
	primary, replica []float64 // the longest read from a primary, and from a replica, 0 where there is none
}

// run measures one reshard of a new keyspace, and reports whether it came to its end.
func (c *contender) run(b *testing.B, name string) (ended bool) {
	b.Helper()
	asTest(b, name, func(t *testing.T) {
		k := c.fresh(t, name)
		load := k.denseLoad(t)
		load.mayFail = true // now and then vtgate does not hold a query back during the PRIMARY switch; that is told, not failed
		load.waitForCommits(t, 20)
		busy := loadAverage(t)
		took, steps := c.reshard(t, k)
		load.finish(t)
		if took == 0 {
			b.Logf("%s: not measured: %s", name, steps)
			return
		}
		ended = true
		k.compare(t, "-80", "80-")
		w, primary, replica := &load.writer, load.reads[0], &reader{}
		if len(load.reads) > 1 {
			replica = load.reads[1]
		}
		c.elapsed = append(c.elapsed, took.Seconds())
		c.commits = append(c.commits, w.gap.Seconds())
		c.primary = append(c.primary, primary.longest.Seconds())
		c.replica = append(c.replica, replica.longest.Seconds())
		b.Logf("%s: %.2f s; longest time between two commits %.2f s; longest read from a primary %.2f s, from a replica %.2f s; "+
			"errors of writes %d, of reads %d and %d; load average before %s\n  %s", name, took.Seconds(), w.gap.Seconds(),
			primary.longest.Seconds(), replica.longest.Seconds(), len(w.failed), len(primary.failed), len(replica.failed), busy, steps)
	})
	return ended
}

// asTest runs f as a test of its own: the helpers want one, and at its end the keyspace is retired.
func asTest(b *testing.B, name string, f func(t *testing.T)) {
	b.Helper()
	skip := flag.Lookup("test.skip").Value.String()
	wanted := func(pattern, _ string) (bool, error) { return pattern != skip, nil } // -run and -skip do not speak of it
	if !testing.RunTests(wanted, []testing.InternalTest{{Name: name, F: f}}) {
		b.FailNow()
	}
}

// waitForReplica waits until the source's replica has all that was seeded: streams copy from it where they can.
func (k *keyspace) waitForReplica(t *testing.T) {
	t.Helper()
	db := k.database(t, k.name, k.uids["0"][1])
	waitFor(t, "the replica to have every row", func(ctx context.Context) (bool, error) {
		var orders int64
		err := db.QueryRowContext(ctx, "select count(*) from corder").Scan(&orders)
		return orders == k.rows, err
	})
}

func reshardByHand(t *testing.T, k *keyspace) (took time.Duration, steps string) {
	cmd := exec.CommandContext(t.Context(), "./by_hand.sh", k.vtctld, k.name, "0", "-80,80-")
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(k.vitess, "bin")+":"+os.Getenv("PATH"))
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	took = time.Since(start)
	if err != nil {
		t.Fatalf("by_hand.sh: %v\n%s%s", err, stdout.String(), stderr.String())
	}
	return took, strings.ReplaceAll(strings.TrimSpace(stdout.String()), "\n", ", ")
}

// stepDone is how the program tells that a step is done.
var stepDone = regexp.MustCompile(`/([^/ ]+): done after ([^:\s]+)`)

func reshardByProgram(t *testing.T, k *keyspace) (took time.Duration, steps string) {
	plan := k.plan(t, k.to("-80", "80-"))
	start := time.Now()
	got := plan.apply(t)
	took = time.Since(start)
	var list []string
	for _, m := range stepDone.FindAllStringSubmatch(got.stderr, -1) {
		list = append(list, m[1]+": "+m[2])
	}
	plan.noChanges(t)
	return took, strings.Join(list, ", ")
}

// loadAverage is how busy the machine has been, over one, five and fifteen minutes.
func loadAverage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

// median of an odd number of values.
func median(values []float64) float64 {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}
