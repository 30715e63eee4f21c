//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// timings are how long each test of a run took, in the order in which they ended.
type timings struct {
	mu   sync.Mutex
	list []timing
}

type timing struct {
	test   string
	took   time.Duration
	failed bool
}

// durations are those of this run.
var durations timings

// measure notes how long the test takes from now on, its cleanups so far not included. A test that calls it again is measured
// once, and one that only waits for its subtests not at all.
func (d *timings) measure(t *testing.T) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := t.Name()
	if slices.ContainsFunc(d.list, func(one timing) bool { return one.test == name }) {
		return
	}
	d.list = append(d.list, timing{test: name})
	start := time.Now()
	t.Cleanup(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		at := slices.IndexFunc(d.list, func(one timing) bool { return one.test == name })
		d.list[at].took, d.list[at].failed = time.Since(start), t.Failed()
	})
}

// print writes a table of the tests, the longest first, and how long everything took, starting the servers included.
func (d *timings) print(w io.Writer, total time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.SortStableFunc(d.list, func(a, b timing) int { return cmp.Compare(b.took, a.took) })
	fmt.Fprintln(w, "\nHow long each scenario took (those with t.Parallel ran at the same time as others):")
	var sum time.Duration
	for _, one := range d.list {
		result := ""
		if one.failed {
			result = "  FAILED"
		}
		parent, _, _ := strings.Cut(one.test, "/")
		if parent == one.test || !slices.ContainsFunc(d.list, func(other timing) bool { return other.test == parent }) {
			sum += one.took // otherwise it is in its parent's
		}
		fmt.Fprintf(w, "%8.1f s  %s%s\n", one.took.Seconds(), one.test, result)
	}
	fmt.Fprintf(w, "%8.1f s  all of them one after another\n%8.1f s  this run from its start to its end\n", sum.Seconds(), total.Seconds())
}
