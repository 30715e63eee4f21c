//go:build e2e

package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

// The program, and vtctld under it, are killed at every point of one reshard where something has happened that nobody has
// recorded, or is about to. Each time the same apply is run again.
func TestKilledAtEveryStepAndRunAgain(t *testing.T) {
	t.Parallel()
	c := clusterWithOwnVtctld(t)
	k := newKeyspace(t, c, fixture{name: "killed", shards: []string{"-80", "80-"}, tables: tables{vindex: "xxhash"}, rows: 3000})
	load := k.load(t)
	load.mayFail = true
	k.addShards(t, "-")
	proxy := newProxy(t, c)
	wanted := k.to("-")
	wanted.reshard = `copy { config = { vstream_packet_size = "4000" } }
switch { timeout = "3m" }` // transactions of some 80 rows, and time to hold a switch
	plan := proxy.behind(c).plan(t, wanted)
	crashing := *plan
	crashing.cluster = *proxy.behind(c.withFailpoints(t))
	to := switching{losing: []string{"-80", "80-"}, winning: []string{"-"}}
	all := serving{Primary: to.losing, Replica: to.losing, Rdonly: to.losing}

	dies := func(failpoint string) {
		t.Helper()
		got := crashing.start(t, []string{"SHARDFORM_FAILPOINT=" + failpoint}, "apply", "--auto-approve").wait(t)
		if got.exit != -1 {
			t.Fatalf("%s: expected to be killed there\n%s", failpoint, got)
		}
		t.Logf("killed at %s", failpoint)
	}
	killed := func(run *process, where string) {
		t.Helper()
		run.kill(t)
		t.Logf("killed %s", where)
	}
	shows := func(count int, want serving) {
		t.Helper()
		if workflows := k.workflows(t); len(workflows) != count {
			t.Errorf("%d workflows, expected %d: %+v", len(workflows), count, workflows)
		}
		k.serves(t, want)
	}

	release := k.holdCopies(t, "-")
	dies("rpc_ReshardCreate_before")
	shows(0, all)
	dies("rpc_ReshardCreate_after")
	shows(1, all)

	run := plan.start(t, nil, "apply", "--auto-approve")
	k.waitForCopying(t, "-")
	undo := k.slowInserts(t, "-", "corder", 2*time.Millisecond)
	release()
	db := k.mysql(t, "-")
	waitFor(t, "some orders to be copied", func(context.Context) (bool, error) { return count(t, db, "select count(*) from corder") > 0, nil })
	killed(run, "in the middle of the copy")
	if state, rows := k.copyStates(t)["-"], count(t, db, "select count(*) from corder"); rows >= k.rows || !slices.Contains(state.Left, "corder") || !slices.Contains(state.States, "Copying") {
		t.Errorf("%d of %d orders are copied, streams: %+v: that is not the middle of a copy", rows, k.rows, state)
	}
	shows(1, all)
	undo()

	arrived, proceed := proxy.hold("VDiffCreate")
	run = crashing.start(t, []string{"SHARDFORM_FAILPOINT=rpc_VDiffCreate_after"}, "apply", "--auto-approve")
	run.reaches(t, "VDiffCreate", arrived)
	unlock := k.lockTable(t, k.uids["-"][0], "corder", "write")
	proceed()
	if got := run.wait(t); got.exit != -1 { // nobody would know of it, had it not a name that the program finds again
		t.Fatalf("after VDiffCreate: expected to be killed there\n%s", got)
	}
	run = plan.start(t, nil, "apply", "--auto-approve")
	k.waitForVDiff(t, "started")
	run.waitForText(t, "VDiff is started")
	killed(run, "while a VDiff was running")
	k.waitForVDiff(t, "started")
	unlock()
	shows(1, all)

	dies("rpc_WorkflowSwitchTraffic_before")
	shows(1, all)
	all.Rdonly = to.winning
	dies("rpc_WorkflowSwitchTraffic_after")
	shows(1, all)
	dies("rpc_WorkflowSwitchTraffic_before")
	shows(1, all)
	all.Replica = to.winning
	dies("rpc_WorkflowSwitchTraffic_after")
	shows(1, all)
	dies("rpc_WorkflowSwitchTraffic_after") // the dry run
	shows(1, all)
	dies("rpc_WorkflowSwitchTraffic_before:2")
	shows(1, all)

	// the program dies while writes are stopped; then both do, before the point of no return and after it
	arrived, proceed = proxy.hold("WorkflowSwitchTraffic:PRIMARY")
	run = plan.start(t, nil, "apply", "--auto-approve")
	unblock := k.stopInside(t, run, load, to, arrived, proceed)
	killed(run, "while writes were stopped")
	unblock()

	arrived, proceed = proxy.hold("WorkflowSwitchTraffic:PRIMARY")
	run = plan.start(t, nil, "apply", "--auto-approve")
	unblock = k.stopInside(t, run, load, to, arrived, proceed)
	k.killVtctld(t)
	killed(run, "with vtctld, while writes were stopped")
	unblock()
	k.startVtctld(t)
	plan.saysWritesAreStopped(t)

	arrived, proceed = proxy.hold("WorkflowSwitchTraffic:PRIMARY")
	run = plan.start(t, nil, "apply", "--auto-approve")
	k.killAfterJournal(t, run, to, arrived, proceed)
	killed(run, "with vtctld, after the journal")
	plan.saysWritesAreStopped(t)
	dies("rpc_SetShardIsPrimaryServing_after") // one of two sources
	plan.saysWritesAreStopped(t)
	all.Primary = to.winning
	dies("rpc_WorkflowSwitchTraffic_after")
	shows(2, all)

	dies("rpc_MoveTablesComplete_before")
	shows(2, all)
	dies("rpc_MoveTablesComplete_after")
	shows(0, all)
	dies("rpc_DeleteShards_before")
	dies("rpc_DeleteShards_after")
	if got, want := k.shards(t), []string{"-", "80-"}; !slices.Equal(got, want) {
		t.Errorf("shards: %v, expected %v: half of the deletion", got, want)
	}
	dies("rpc_DeleteShards_before")
	dies("rpc_DeleteShards_after")
	dies("checkpoint_run_ended_before")

	plan.apply(t)
	load.waitForCommits(t, 50)
	load.finish(t)
	shows(0, all)
	if got := k.shards(t); !slices.Equal(got, to.winning) {
		t.Errorf("shards: %v, expected %v", got, to.winning)
	}
	k.compare(t, "-")
	plan.noChanges(t)
	plan.doneOnce(t)
	for name, most := range map[string]int{
		"ReshardCreate": 1, "VDiffCreate": 1, "WorkflowSwitchTraffic:RDONLY": 1, "WorkflowSwitchTraffic:REPLICA": 1,
		"WorkflowSwitchTraffic:PRIMARY": 1, "MoveTablesComplete": 1, "DeleteShards": 2,
	} {
		if n := proxy.succeeded()[name]; n != most {
			t.Errorf("vtctld did %s %d times, expected %d", name, n, most)
		}
	}
	if names := proxy.unused(); len(names) > 0 {
		t.Errorf("calls that were waited for and never came: %v", names)
	}
}

// saysWritesAreStopped checks that plan and status begin with that.
func (p *planDir) saysWritesAreStopped(t *testing.T) {
	t.Helper()
	for _, command := range []string{"plan", "status"} {
		if got := p.run(t, command); !strings.HasPrefix(got.stdout, "WRITES ARE STOPPED on ") {
			t.Errorf("%s does not begin with WRITES ARE STOPPED\n%s", command, got)
		}
	}
}
