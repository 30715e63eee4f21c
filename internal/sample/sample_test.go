package sample

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func numbers(n int) (cells []int) {
	for i := range n {
		cells = append(cells, i)
	}
	return cells
}

func number(n int) string { return fmt.Sprint(n) }

func TestTheSameSeedTakesTheSameCells(t *testing.T) {
	first, again := pick(7, "TestX", 0.1, numbers(200), number), pick(7, "TestX", 0.1, numbers(200), number)
	if !slices.Equal(first, again) {
		t.Errorf("seed 7 takes %v and then %v", first, again)
	}
	for what, other := range map[string][]int{
		"another seed": pick(8, "TestX", 0.1, numbers(200), number),
		"another test": pick(7, "TestY", 0.1, numbers(200), number),
	} {
		if slices.Equal(first, other) {
			t.Errorf("%s takes the same cells: %v", what, first)
		}
	}
}

func TestASampleHasTheShareInOrder(t *testing.T) {
	for _, c := range []struct {
		cells, want int
		share       float64
	}{{200, 20, 0.1}, {5, 1, 0.01}, {5, 2, 0.3}, {5, 5, 1}, {0, 0, 0.5}} {
		taken := pick(1, "TestX", c.share, numbers(c.cells), number)
		if len(taken) != c.want || !slices.IsSorted(taken) || len(slices.Compact(slices.Clone(taken))) != len(taken) {
			t.Errorf("%g of %d cells are %v, want %d different ones in order", c.share, c.cells, taken, c.want)
		}
	}
}

// A cell that no seed takes is never tested.
func TestEveryCellIsTakenByAboutAsManySeeds(t *testing.T) {
	count := make([]int, 50)
	for seed := range uint64(1000) {
		for _, cell := range pick(seed, "TestX", 0.2, numbers(50), number) {
			count[cell]++
		}
	}
	for cell, n := range count {
		if n < 130 || n > 270 { // 200 is expected, with a standard deviation of 13
			t.Errorf("cell %d is taken by %d of 1000 seeds, want about 200", cell, n)
		}
	}
}

func TestFlagsAndTheLoggedCommand(t *testing.T) {
	defer func(a bool, s uint64) { *all, *seed = a, s }(*all, *seed)
	*all = true
	if taken := Of(t, 0.1, numbers(100), number); len(taken) != 100 {
		t.Errorf("-sample.all takes %d of 100 cells", len(taken))
	}
	*all, *seed = false, 7
	log := &logged{TB: t}
	taken := Of(log, 0.1, numbers(100), number)
	if want := pick(7, t.Name(), float64(len(taken))/100, numbers(100), number); !slices.Equal(taken, want) {
		t.Errorf("-sample.seed=7 takes %v, want %v", taken, want)
	}
	if len(log.lines) != 1 || !strings.HasPrefix(log.lines[0], fmt.Sprintf("%d of 100 cells", len(taken))) ||
		!strings.HasSuffix(log.lines[0], "-run '^TestFlagsAndTheLoggedCommand$' shardform/internal/sample -sample.seed=7") {
		t.Errorf("logged: %q", log.lines)
	}
	*seed = 0
	log = &logged{TB: t}
	taken = Of(log, 0.1, numbers(100), number)
	var s uint64
	if _, err := fmt.Sscan(log.lines[0][strings.LastIndex(log.lines[0], "=")+1:], &s); err != nil || s == 0 {
		t.Fatalf("no seed is logged: %q", log.lines)
	}
	*seed = s
	if again := Of(t, 0.1, numbers(100), number); !slices.Equal(taken, again) {
		t.Errorf("the seed logged, %d, takes %v, and the run took %v", s, again, taken)
	}
}

func TestASampleOfAPackagesTests(t *testing.T) {
	defer func(s uint64) { *seed = s }(*seed)
	*seed = 7
	tests := []string{"TestA", "TestB", "TestC", "TestD", "TestE", "TestF", "TestG", "TestH", "TestI", "TestJ"}
	var log strings.Builder
	taken := Tests(&log, 0.5, tests)
	if len(taken) == 0 || len(taken) > 5 || !slices.IsSorted(taken) {
		t.Errorf("half of ten tests are %v", taken)
	}
	if want := fmt.Sprintf("%d of 10 tests, the same again: %s -sample.seed=7\n", len(taken), buildOf().command("", testing.Short())); log.String() != want {
		t.Errorf("logged %q, want %q", log.String(), want)
	}
}

func TestTheCommandHasHowTheBinaryWasBuilt(t *testing.T) {
	got := build{pkg: "shardform", tags: "failpoints,pairs", raced: true}.command("^TestX$", true)
	if want := "go test -race -short -tags failpoints,pairs -run '^TestX$' shardform"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// logged keeps what is logged.
type logged struct {
	testing.TB
	lines []string
}

func (l *logged) Logf(format string, args ...any) {
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}
