//go:build crash

package crash

import (
	"fmt"
	"slices"
	"strings"

	"shardform/internal/sample"
)

// kills is a command that is killed at the failpoints that it passes, each time in a copy of the same directory.
type kills struct {
	from  string // the directory
	args  []string
	exits []int   // how the command may end if it is not killed
	share float64 // of the failpoints, in a sample
	every bool    // check what is left also where another kill has left the same
}

// each kills the command at every failpoint of the sample and calls check, in a subtest named after the failpoint, with the
// directory that the kill left. check may call Parallel. The failpoints are those of a run that nothing interrupts,
// each as name:nth, and each that is passed by some run that is killed only. It returns how many there are.
func (p program) each(k kills, check func(p program, failpoint, dir string)) (candidates int) {
	p.t.Helper()
	whole := p.copyOf(k.from)
	if r := p.run(whole, k.args...); !slices.Contains(k.exits, r.exit) {
		p.t.Fatalf("%s, not killed, ends with exit %d, want one of %v\n%s%s", strings.Join(k.args, " "), r.exit, k.exits, r.stdout, r.stderr)
	}
	already := len(p.hits(k.from))
	known := numbered(p.hits(whole)[already:])
	candidates = len(known)
	if candidates == 0 && !k.every {
		p.t.Errorf("%s passes no failpoint", strings.Join(k.args, " "))
	}
	taken := sample.Of(p.t, k.share, known, itself)
	missed, seen := 0, map[string]string{} // failpoints by the fingerprint of what a kill there leaves
	for i := 0; i < len(taken); i++ {
		failpoint := taken[i]
		p.subtest(failpoint, func(p program) {
			dir, ok := p.killedAt(failpoint, k)
			if !ok {
				missed++
				return
			}
			for _, other := range numbered(p.hits(dir)[already:]) {
				if !slices.Contains(known, other) {
					known, taken = append(known, other), append(taken, other)
				}
			}
			if !k.every {
				left := p.fingerprint(dir)
				if other, ok := seen[left]; ok {
					p.t.Logf("a kill leaves the same as at %s", other)
					return
				}
				seen[left] = failpoint
			}
			check(p, failpoint, dir)
		})
	}
	// The streams go on beside the run. One that finds them a moment earlier than nearly all others writes a checkpoint
	// more; the two failpoints around that cannot be met at will, only all that come before.
	if missed > 2 {
		p.t.Errorf("%s: one run passed %d failpoints that many others did not pass", strings.Join(k.args, " "), missed)
	}
	return candidates
}

// killedAt is the directory in which the program was killed at the failpoint, if one of a number of runs passes it.
func (p program) killedAt(failpoint string, k kills) (dir string, ok bool) {
	p.t.Helper()
	for range 20 {
		dir := p.copyOf(k.from)
		r := p.armed(failpoint).run(dir, k.args...)
		if r.killed {
			return dir, true
		}
		if !slices.Contains(k.exits, r.exit) {
			p.t.Errorf("not killed, but exit %d, want one of %v\n%s%s", r.exit, k.exits, r.stdout, r.stderr)
		}
	}
	p.t.Log("not passed")
	return "", false
}

// numbered counts the hits of each failpoint: they become name:nth.
func numbered(hits []string) []string {
	failpoints := make([]string, len(hits))
	seen := map[string]int{}
	for i, name := range hits {
		seen[name]++
		failpoints[i] = fmt.Sprintf("%s:%d", name, seen[name])
	}
	return failpoints
}
