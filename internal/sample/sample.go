// Package sample takes a part of a long test matrix, at random, in tests only. Which part depends on the seed, the test's
// name and the names of the cells alone, so that a run can be repeated. Importing it registers two flags:
//
//	-sample.all       take every cell
//	-sample.seed=N    take the sample of this seed; without it every run takes another
//
// Under the race detector and with -short a sample is smaller.
package sample

import (
	"cmp"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
)

var (
	all  = flag.Bool("sample.all", false, "run every cell of a test matrix, not only a sample")
	seed = flag.Uint64("sample.seed", 0, "take the sample of this seed; 0: a random one, which is logged")
)

// random is the seed of a process that is given none; all of its matrices use the same.
var random = sync.OnceValue(func() uint64 { return 1 + uint64(rand.Uint32()) })

// Of returns the cells of t's matrix that this run takes, in their order: the share of them, rounded up, or all of them
// with -sample.all. The share is more than 0 and at most 1; a quarter of it is taken under the race detector, and a quarter
// with -short. Nothing but its name tells a cell from another. The command that repeats the sample is logged
// if it is not the whole matrix.
func Of[C any](t testing.TB, share float64, cells []C, name func(C) string) []C {
	t.Helper()
	taken, seed := take(t.Name(), share, cells, name)
	if len(taken) < len(cells) {
		top, _, _ := strings.Cut(t.Name(), "/")
		t.Logf("%d of %d cells, the same again: %s -sample.seed=%d", len(taken), len(cells), buildOf().command("^"+top+"$", testing.Short()), seed)
	}
	return taken
}

// Tests returns the tests that a run of their package takes, by the same rules, for a TestMain. The command that repeats the
// sample is written to w if not all of them are taken.
func Tests(w io.Writer, share float64, tests []string) []string {
	taken, seed := take("", share, tests, func(test string) string { return test })
	if len(taken) < len(tests) {
		fmt.Fprintf(w, "%d of %d tests, the same again: %s -sample.seed=%d\n", len(taken), len(tests), buildOf().command("", testing.Short()), seed)
	}
	return taken
}

// take returns the cells of a test's matrix that this run takes, and the seed of the sample.
func take[C any](test string, share float64, cells []C, name func(C) string) ([]C, uint64) {
	if *all {
		return cells, 0
	}
	if buildOf().raced {
		share /= 4
	}
	if testing.Short() {
		share /= 4
	}
	s := *seed
	if s == 0 {
		s = random()
	}
	return pick(s, test, share, cells, name), s
}

// pick returns the share of cells, at least one, whose hashes with the seed and the test's name are the lowest.
func pick[C any](seed uint64, test string, share float64, cells []C, name func(C) string) []C {
	type ranked struct {
		hash  uint64
		index int
	}
	order := make([]ranked, len(cells))
	for i, cell := range cells {
		h := fnv.New64a()
		fmt.Fprintf(h, "%d %q %q", seed, test, name(cell))
		// FNV's high bits hardly change with the last bytes; a generator seeded with the sum spreads them.
		order[i] = ranked{rand.NewPCG(h.Sum64(), 0).Uint64(), i}
	}
	slices.SortFunc(order, func(a, b ranked) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.index, b.index)) })
	order = order[:min(len(order), max(1, int(math.Ceil(share*float64(len(cells))))))]
	slices.SortFunc(order, func(a, b ranked) int { return cmp.Compare(a.index, b.index) })
	taken := make([]C, len(order))
	for i, r := range order {
		taken[i] = cells[r.index]
	}
	return taken
}

// build is what go test was told for this binary.
type build struct {
	pkg, tags string
	raced     bool
}

var buildOf = sync.OnceValue(func() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		panic("a test binary has no build information")
	}
	b := build{pkg: strings.TrimSuffix(info.Path, ".test")}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "-race":
			b.raced = setting.Value == "true"
		case "-tags":
			b.tags = setting.Value
		}
	}
	return b
})

// command runs the tests that match a pattern again as this binary was built; all of them without a pattern.
func (b build) command(run string, short bool) string {
	words := []string{"go test"}
	if b.raced {
		words = append(words, "-race")
	}
	if short {
		words = append(words, "-short")
	}
	if b.tags != "" {
		words = append(words, "-tags "+b.tags)
	}
	if run != "" {
		words = append(words, "-run '"+run+"'")
	}
	return strings.Join(append(words, b.pkg), " ")
}
