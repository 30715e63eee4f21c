//go:build crash

package crash

import (
	"database/sql"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// killed runs the program in copies of folder from, once for every crash point that it comes by, killed there, and
// yields each point as name:nth with the folder that the kill left behind. The points are those of a run that nothing
// interrupts, which has to end with one of exits, and of every run that was killed.
func (p testProgram) killed(from string, exits []int, args ...string) iter.Seq2[string, string] {
	return func(yield func(point, dir string) bool) {
		p.t.Helper()
		whole := p.copyOf(from)
		if r := p.run(whole, "", args...); !slices.Contains(exits, r.exit) {
			p.t.Errorf("%s, not killed: exit %d, want one of %v\n%s%s", strings.Join(args, " "), r.exit, exits, r.stdout, r.stderr)
			return
		}
		already := len(p.hits(from))
		points := pointsOf(p.hits(whole)[already:])
		var unmet []string
		for i := 0; i < len(points); i++ {
			dir, ok := p.killedAt(from, points[i], exits, args)
			if !ok {
				unmet = append(unmet, points[i])
				continue
			}
			for _, point := range pointsOf(p.hits(dir)[already:]) {
				if !slices.Contains(points, point) {
					points = append(points, point)
				}
			}
			if !yield(points[i], dir) {
				return
			}
		}
		// The streams go on beside the run. One that finds them a moment earlier than nearly all others writes a checkpoint
		// more; the two points around that cannot be met at will, only all that come before.
		if len(unmet) > 2 {
			p.t.Errorf("%s: one run came by %v, and many others did not", strings.Join(args, " "), unmet)
		}
	}
}

// killedAt is the folder in which the program was killed at the point, if a number of runs come by it.
func (p testProgram) killedAt(from, point string, exits []int, args []string) (dir string, ok bool) {
	p.t.Helper()
	for range 20 {
		dir := p.copyOf(from)
		r := p.run(dir, point, args...)
		if r.killed {
			return dir, true
		}
		if !slices.Contains(exits, r.exit) {
			p.t.Errorf("%s: not met, but exit %d, want one of %v\n%s%s", point, r.exit, exits, r.stdout, r.stderr)
		}
	}
	p.t.Logf("%s: not met", point)
	return "", false
}

// checkEnd runs apply, which is to lead to what a reshard without a kill leads to.
func (p testProgram) checkEnd(dir, when string, want content, clean map[string]int, kills int) {
	p.t.Helper()
	p.finishes(dir, when)
	p.checkLedger(dir, when, 1)
	p.checkCallsOfLives(dir, when, clean, kills+1)
	if diff := cmp.Diff(want, p.contentOf(dir)); diff != "" {
		p.t.Errorf("%s: what the sandbox holds (-without a kill +got):\n%s", when, diff)
	}
}

// slowCopying lets the copying to shard -80 take some time, however few rows there are. Whether a run finds the copy done
// already, or announces it and waits, is then no matter of luck.
func (p testProgram) slowCopying(dir string) {
	p.t.Helper()
	p.change(filepath.Join(dir, "sandbox/customer/-80.sqlite"), `
CREATE VIEW slow AS WITH RECURSIVE step (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM step WHERE n < 100000) SELECT max(n) FROM step;
CREATE TRIGGER slow_copying BEFORE DELETE ON _sf_copy_state BEGIN SELECT * FROM slow; END`)
}

// change writes to one of the sandbox's files.
func (p testProgram) change(file, statements string) {
	p.t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?mode=rw")
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(p.t.Context(), statements); err != nil {
		p.t.Fatalf("%s: %v", file, err)
	}
}
