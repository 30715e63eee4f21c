//go:build crash

package crash

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestStateLostDuringReshard deletes the state file of a reshard that was killed, at every failpoint: the next run goes on
// from what the cluster shows. Only the old shard may be left, without traffic, where nothing says any more whose it is: plan
// names it, and --adopt deletes it.
func TestStateLostDuringReshard(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seeded(tinyPlan)
	p.slowCopying(seed)
	want, clean := p.splitCleanly(seed)
	check := func(p program, dir string) (left bool) {
		p.loseState(dir)
		said := p.finishes(dir)
		if left = len(p.contentOf(dir).Rows["-/customer"]) > 0; left {
			if !strings.Contains(said, "vtctldclient DeleteShards --recursive customer/-") {
				p.t.Errorf("shard - is left over and plan does not say how it is deleted\n%s", said)
			}
			p.expect(0, dir, append(applying, "--adopt", split)...)
		}
		p.checkCalls(dir, clean, 2)
		p.checkContent(dir, want)
		return left
	}
	p.each(kills{from: seed, args: applying, exits: []int{0}, share: 0.4}, func(p program, failpoint, dir string) { check(p, dir) })
	p.subtest("before the old shard is deleted", func(p program) {
		if dir, ok := p.killedAt("rpc_DeleteShards_before", kills{from: seed, args: applying, exits: []int{0}}); !ok || !check(p, dir) {
			p.t.Error("the old shard was not left over")
		}
	})
}

// TestStateLostDuringRevert deletes the state file of an apply that was killed, at every failpoint, while it undid a reshard.
// As long as there is a workflow to undo nobody knows whose it is: it is left alone until --adopt says so. What is left to
// clear after that is cleared all the same.
func TestStateLostDuringRevert(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seeded(tinyPlan)
	p.slowCopying(seed)
	for _, stage := range stages {
		p.subtest(stage.name, func(p program) {
			p.t.Parallel()
			begun, already, want, calls := p.reverted(seed, stage.until)
			check := func(p program, dir string) (refused bool) {
				p.loseState(dir)
				before := p.contentOf(dir)
				if refused = len(before.Open) > 0; refused {
					if r := p.expect(1, dir, applying...); !strings.Contains(r.stderr, "shardform apply --adopt "+split) {
						p.t.Errorf("apply does not say how somebody else's reshard is adopted\n%s%s", r.stdout, r.stderr)
					}
					if after := p.contentOf(dir); !slices.Equal(after.Open, before.Open) || !slices.Equal(after.Topo, before.Topo) {
						p.t.Errorf("it was not adopted, and is changed:\n%s", cmp.Diff(before, after))
					}
					p.expect(0, dir, append(applying, "--adopt", split)...)
				}
				p.finishes(dir)
				p.checkContent(dir, want)
				p.checkRepeated(p.callsSince(dir, already), calls)
				return refused
			}
			p.each(kills{from: begun, args: applying, exits: []int{0}, share: 0.2}, func(p program, failpoint, dir string) { check(p, dir) })
			p.subtest("before the workflow is deleted", func(p program) {
				if dir, ok := p.killedAt("rpc_WorkflowDelete_before", kills{from: begun, args: applying, exits: []int{0}}); !ok || !check(p, dir) {
					p.t.Error("the workflow was not there any more")
				}
			})
		})
	}
}
