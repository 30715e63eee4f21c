//go:build crash

package crash

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRollbackKilledThenApplied kills a rollback that was given after the switch of writes at every failpoint, and goes on by
// apply, which resumes a rollback that was begun, or else by the rollback again: no row is lost, and no step is done twice.
func TestRollbackKilledThenApplied(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seeded(withReshard(smallPlan, `soak = "1h"`))
	if r := p.must(seed, applying...); !strings.Contains(r.stdout, "/soak/soak") {
		t.Fatalf("apply does not soak:\n%s", r.stdout)
	}
	if err := os.Remove(filepath.Join(seed, "hits")); err != nil {
		t.Fatal(err)
	}
	rollback := []string{"rollback", "keyspace.customer", "--auto-approve", "--no-color"}
	whole := p.copyOf(seed)
	p.must(whole, rollback...)
	p.checkServedBySource(whole)
	clean := p.calls(whole)
	candidates := p.each(kills{from: seed, args: rollback, exits: []int{0}, share: 0.5, every: true}, func(p program, failpoint, dir string) {
		// Exit 0: it went on, or nothing was begun and the reshard still soaks. Exit 4: it had ended, and is held.
		if r := p.run(dir, applying...); r.exit != 0 && r.exit != 4 {
			p.t.Errorf("the apply after it ends with exit %d\n%s%s", r.exit, r.stdout, r.stderr)
		}
		if !strings.Contains(p.must(dir, "state", "list").stdout, "/delete/delete") {
			p.expect(0, dir, rollback...)
		}
		p.checkServedBySource(dir)
		p.checkRolledBackOnce(dir)
		p.checkCalls(dir, clean, 2)
	})
	if candidates < 15 {
		t.Errorf("a rollback passes only %d failpoints: it has more checkpoints than that", candidates)
	}
}

// checkServedBySource checks that the old shard serves every row again, and that no other has any.
func (p program) checkServedBySource(dir string) {
	p.t.Helper()
	for _, r := range p.rows(dir) {
		want := 0
		if r.Shard == "-" {
			want = smallRows[r.Table]
		}
		if r.Rows != want || r.Serving != (r.Shard == "-") {
			p.t.Errorf("shard %s has %d rows of table %s, want %d; serving %t", r.Shard, r.Rows, r.Table, want, r.Serving)
		}
	}
}

// checkRolledBackOnce checks that the rollback is the second operation and has ended, and that each task of it was recorded
// as done once.
func (p program) checkRolledBackOnce(dir string) {
	p.t.Helper()
	s := p.state(dir)
	if len(s.Operations) != 2 || s.Operations[1].State != "DONE" || s.Operations[1].Error != "" {
		p.t.Errorf("recorded: %+v", s.Operations)
	}
	for address, n := range s.tasksDone() {
		if n != 1 && !strings.HasSuffix(address, "/confirm/confirm") {
			p.t.Errorf("%s was recorded as done %d times", address, n)
		}
	}
}

// TestRollbackKilledThenGivenAgain rolls a reshard back at each of its stages, kills the rollback at every failpoint, and
// gives the same command again: everything is as it was before the reshard, which is held until somebody approves it.
func TestRollbackKilledThenGivenAgain(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seeded(tinyPlan)
	p.slowCopying(seed)
	after, _ := p.splitCleanly(seed)
	rollback := []string{"rollback", split, "--auto-approve", "--no-color"}
	for _, stage := range stages {
		p.subtest(stage.name, func(p program) {
			p.t.Parallel()
			begun := p.atStage(seed, stage.until)
			clean, already := p.copyOf(begun), p.calls(begun)
			p.must(clean, rollback...)
			calls := p.callsSince(clean, already)
			want := p.checkUnsplit(clean, p.contentOf(seed))
			p.each(kills{from: begun, args: rollback, exits: []int{0}, share: 0.2}, func(p program, failpoint, dir string) {
				// One that had ended when it was killed has left nothing to roll back.
				if r := p.run(dir, rollback...); r.exit != 0 && !strings.Contains(r.stderr, "nothing is open at "+split) {
					p.t.Errorf("the rollback given again ends with exit %d\n%s%s", r.exit, r.stdout, r.stderr)
				}
				p.checkContent(dir, want)
				p.checkRepeated(p.callsSince(dir, already), calls)
				p.checkLedger(dir, 2)
				if r := p.expect(4, dir, applying...); !strings.Contains(r.stdout, "approve "+split+"/hold --plan ") {
					p.t.Errorf("an apply after it does not ask for an approval\n%s%s", r.stdout, r.stderr)
				}
				p.checkContent(dir, want)
			})
			p.proceed(clean)
			p.checkContent(clean, after)
		})
	}
}
