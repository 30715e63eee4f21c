//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

// changing are the calls with which a reshard changes the cluster.
var changing = []string{
	"ReshardCreate", "VDiffCreate", "WorkflowSwitchTraffic:RDONLY", "WorkflowSwitchTraffic:REPLICA", "WorkflowSwitchTraffic:PRIMARY", "MoveTablesComplete", "DeleteShards",
}

// finishes runs apply until it succeeds, twice at most: by itself, or the next one.
func (p *planDir) finishes(t *testing.T) {
	t.Helper()
	first := p.run(t, "apply", "--auto-approve")
	if first.exit == 0 {
		t.Log("the apply finished by itself")
		return
	}
	t.Logf("the first apply ended with exit code %d: the next one is to finish", first.exit)
	if second := p.run(t, "apply", "--auto-approve"); second.exit != 0 {
		t.Fatalf("neither apply finished\n--- the first\n%s\n--- the second\n%s", first, second)
	}
}

// Each changing call of a reshard is answered with an error in place of its work, and the next time with an error after
// its work, or not at all. What was done is not done again.
func TestAnswersOfVtctldThatAreLost(t *testing.T) {
	t.Parallel()
	c := runningCluster(t)
	k := newKeyspace(t, c, fixture{name: "lost_answers", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 2000, alone: true})
	load := k.load(t)
	load.mayFail = true // connections of vtgate's to tablets are not what is lost
	from := []string{"0"}
	for i, round := range []struct {
		to     []string
		faults func(p *proxy) []taking // of the first call of each name, of the next, and so on
	}{
		{[]string{"-80", "80-"}, func(*proxy) []taking {
			return []taking{answers(codes.Unavailable), answersAfter(codes.DeadlineExceeded)}
		}},
		{[]string{"-"}, func(p *proxy) []taking { return []taking{answers(codes.DeadlineExceeded), p.loses} }},
		{[]string{"-c0", "c0-"}, func(*proxy) []taking { return []taking{answersAfter(codes.Unavailable)} }},
	} {
		k.addShards(t, round.to...)
		proxy := newProxy(t, c)
		for _, name := range changing {
			for nth, take := range round.faults(proxy) {
				proxy.onNth(name, nth+1, take)
			}
		}
		wanted := k.to(round.to...)
		wanted.reshard = `retry { backoff = "100ms" }`
		plan := proxy.behind(c).plan(t, wanted)
		plan.finishes(t)
		plan.noChanges(t)
		plan.doneOnce(t)
		if names := proxy.unused(); len(names) > 0 {
			t.Errorf("round %d: these calls were to fail and never came: %v", i+1, names)
		}
		want := make(map[string]int)
		for _, name := range changing {
			want[name] = 1
		}
		want["DeleteShards"] = len(from)
		for _, name := range changing {
			if got := proxy.reached()[name]; got != want[name] {
				t.Errorf("round %d: vtctld got %s %d times, expected %d", i+1, name, got, want[name])
			}
		}
		if left := k.shards(t); !slices.Equal(left, round.to) {
			t.Errorf("round %d: shard records: %v, expected %v", i+1, left, round.to)
		}
		k.retireTablets(t, from...)
		from = round.to
	}
	load.waitForCommits(t, 20)
	load.finish(t)
	k.compare(t, from...)
}

// retireTablets stops the tablets of shards that were deleted, as finish says to.
func (k *keyspace) retireTablets(t *testing.T, shards ...string) {
	t.Helper()
	var uids []string
	for _, shard := range shards {
		for _, uid := range k.uids[shard] {
			uids = append(uids, strconv.Itoa(uid))
		}
		delete(k.uids, shard)
	}
	k.script(t, append([]string{"kill"}, uids...)...)
}

// vtctld dies in the middle of calls that a tablet delays, so that half of their work is done, and is started again. In the switch of
// writes it leaves the workflow locked: the run says so, and the printed command ends it.
func TestVtctldKilledInCreateAndSwitch(t *testing.T) {
	t.Parallel()
	c := clusterWithOwnVtctld(t)
	k := newKeyspace(t, c, fixture{name: "killed_switch", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 2000, alone: true})
	load := k.load(t)
	load.mayFail = true
	k.addShards(t, "-80", "80-")
	proxy := newProxy(t, c)
	wanted := k.to("-80", "80-")
	wanted.reshard = `switch { timeout = "3m" }`
	plan := proxy.behind(c).plan(t, wanted)
	delayed := k.uids["-80"][0]
	createArrived, proceedCreate := proxy.hold("ReshardCreate")
	vdiffArrived, proceedVDiff := proxy.hold("VDiffCreate")
	arrived, proceed := proxy.hold("WorkflowSwitchTraffic:PRIMARY")
	run := plan.start(t, nil, "apply", "--auto-approve")
	// the table that each call writes on every target
	k.killVtctldIn(t, run, "ReshardCreate", createArrived, proceedCreate, delayed, "_vt.vreplication")
	k.killVtctldIn(t, run, "VDiffCreate", vdiffArrived, proceedVDiff, delayed, "_vt.vdiff")
	unblock := k.stopInside(t, run, load, switching{losing: []string{"0"}, winning: []string{"-80", "80-"}}, arrived, proceed)
	k.killVtctld(t)
	unblock()
	k.script(t, "start", k.vtctldName)
	t.Log("vtctld was killed in the PRIMARY switch and started again")
	k.unlocks(t, run.wait(t), "WorkflowSwitchTraffic", "W")
	k.finishesAfterUnlock(t, plan, load, proxy)
}

// The same in the call that completes the workflow.
func TestVtctldKilledInComplete(t *testing.T) {
	t.Parallel()
	c := clusterWithOwnVtctld(t)
	k := newKeyspace(t, c, fixture{name: "killed_complete", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 2000, alone: true})
	load := k.load(t)
	load.mayFail = true
	k.addShards(t, "-80", "80-")
	proxy := newProxy(t, c)
	plan := proxy.behind(c).plan(t, k.to("-80", "80-"))
	arrived, proceed := proxy.hold("MoveTablesComplete")
	run := plan.start(t, nil, "apply", "--auto-approve")
	// nothing reads this table before the workflow is locked
	k.killVtctldIn(t, run, "MoveTablesComplete", arrived, proceed, k.uids["-80"][0], "_vt.post_copy_action")
	k.unlocks(t, run.wait(t), "MoveTablesComplete", "writes are served by "+k.name+"/-80,80-;")
	k.finishesAfterUnlock(t, plan, load, proxy)
}

// finishesAfterUnlock checks that the next apply ends the split to -80,80- without a row lost or a task done twice.
func (k *keyspace) finishesAfterUnlock(t *testing.T, plan *planDir, load *load, proxy *proxy) {
	t.Helper()
	plan.apply(t)
	load.waitForCommits(t, 20)
	load.finish(t)
	k.compare(t, "-80", "80-")
	plan.noChanges(t)
	plan.doneOnce(t)
	if workflows := k.workflows(t); len(workflows) > 0 {
		t.Errorf("workflows are left: %+v", workflows)
	}
	t.Logf("calls that vtctld got: %v", proxy.reached())
}

// waiting is who waits for a lock on a table.
const waiting = "from information_schema.processlist where info like concat('%', ?, '%') and state like 'Waiting for table%'"

// waitForWaiter waits until somebody waits for a lock on a table of a tablet's MySQL.
func (k *keyspace) waitForWaiter(t *testing.T, uid int, table string) {
	t.Helper()
	db := k.database(t, k.name, uid)
	waitFor(t, fmt.Sprintf("a call to wait for %s on tablet %d", table, uid), func(context.Context) (bool, error) {
		return count(t, db, "select count(*) "+waiting, table) > 0, nil
	})
}

// killWaiter ends what waits for a lock on a table of a tablet's MySQL.
func (k *keyspace) killWaiter(t *testing.T, uid int, table string) {
	t.Helper()
	db := k.database(t, k.name, uid)
	id := count(t, db, "select coalesce(max(id), 0) "+waiting, table)
	if _, err := db.ExecContext(t.Context(), fmt.Sprintf("kill %d", id)); err != nil {
		t.Fatalf("killing what waits for %s on tablet %d: %v", table, uid, err)
	}
}

// The databases that a copy is between die, and the writer's primary moves, while the copy is under way.
func TestTabletsFailWhileRowsAreCopied(t *testing.T) {
	t.Parallel()
	c := runningCluster(t)
	k := newKeyspace(t, c, fixture{name: "failing", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 4000})
	load := k.load(t)
	load.mayFail = true
	targets := []string{"-80", "80-"}
	k.addShards(t, targets...)
	wanted := k.to(targets...)
	wanted.reshard = `copy { config = { vstream_packet_size = "4000" } }`
	plan := k.plan(t, wanted)

	release := k.holdCopies(t, targets...)
	run := plan.start(t, nil, "apply", "--auto-approve")
	k.waitForCopying(t, targets...)
	undo := k.slowInserts(t, "-80", "corder", 5*time.Millisecond)
	release()
	db := k.mysql(t, "-80")
	orders := func() int64 { return count(t, db, "select count(*) from corder") }
	middle := func(what string) {
		t.Helper()
		states, rows := k.copyStates(t), orders()
		if !slices.Contains(states["-80"].Left, "corder") || rows == 0 || rows >= k.rows/3 {
			t.Errorf("%s: %d orders are copied, streams: %+v: that is not the middle of a copy", what, rows, states)
		}
		t.Logf("%s: %d orders are on -80, its streams: %+v", what, rows, states["-80"])
	}
	waitFor(t, "some orders to be copied", func(context.Context) (bool, error) { return orders() > 100, nil })
	k.holdCopies(t, targets...)
	middle("before anything fails")

	replica := k.uids["0"][1] // what is copied from
	c.script(t, "restart-mysql", strconv.Itoa(k.uids["-80"][0]))
	middle("after the restart of the target's MySQL")
	c.script(t, "restart-mysql", strconv.Itoa(replica))
	middle("after the restart of the source's MySQL")
	load.waitForCommits(t, 20)
	k.reparent(t, "0", replica)
	load.waitForCommits(t, 20)
	middle("after the reparent of the source")

	undo()
	release()
	if got := run.wait(t); got.exit != 0 {
		t.Logf("the first apply ended with exit code %d: the next one is to finish\n%s", got.exit, got)
		plan.apply(t)
	}
	load.waitForCommits(t, 20)
	load.finish(t)
	k.compare(t, targets...)
	plan.noChanges(t)
	plan.doneOnce(t)
}
