//go:build e2e

package e2e

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// replicaRace is what vtgate answers when reads are switched back, by whomever, and it learns of that from the topology before
// it learns from the old shards' replicas that they are in service again: for some milliseconds. Going forward it cannot
// happen, as the replicas of target shards are in service all the time.
const replicaRace = "no healthy tablet available for"

// isBack checks that a reshard was taken back whole: the old shards serve every type, nothing of it is left on the cluster or
// on the targets, the serving graph can be rebuilt, and every row is there. It ends the load.
func (k *keyspace) isBack(t *testing.T, load *load, shards, targets []string) {
	t.Helper()
	load.waitForCommits(t, 20)
	killed := load.mayFail
	load.mayFail = true
	load.finish(t)
	for _, r := range load.reads {
		for _, err := range r.failed {
			if !killed && !strings.Contains(err.Error(), replicaRace) {
				t.Errorf("reader of %s: %v: reads have to go on all the time", r.target, err)
			}
		}
	}
	if workflows := k.workflows(t); len(workflows) > 0 {
		t.Errorf("workflows are left: %+v", workflows)
	}
	want := serving{Primary: shards, Replica: shards, Rdonly: shards} // and no control at all
	if diff := cmp.Diff(want, k.serving(t), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("what %s serves (-want +got):\n%s", k.name, diff)
	}
	k.vtctl(t, "RebuildKeyspaceGraph", k.name)
	if diff := cmp.Diff(want, k.serving(t), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("what %s serves behind RebuildKeyspaceGraph (-want +got):\n%s", k.name, diff)
	}
	for _, target := range targets {
		if n := count(t, k.mysql(t, target), "select count(*) from information_schema.tables where table_schema = database()"); n != 0 {
			t.Errorf("%s/%s has %d tables: what was copied is to be deleted", k.name, target, n)
		}
	}
	k.compare(t, shards...)
}

// says checks that plan says something, and gives all that it says.
func (p *planFolder) says(t *testing.T, texts ...string) answer {
	t.Helper()
	got := p.run(t, "plan")
	for _, text := range texts {
		if !strings.Contains(got.stdout, text) {
			t.Errorf("plan does not say %q\n%s", text, got)
		}
	}
	return got
}

// rollback runs `rollback ADDR --auto-approve`, which has to exit 0.
func (p *planFolder) rollback(t *testing.T, address string) {
	t.Helper()
	if got := p.run(t, "rollback", address, "--auto-approve"); got.exit != 0 {
		t.Fatalf("rollback %s: want exit code 0\n%s", address, got)
	}
}

// A keyspace begins the same reshard again and again, and takes it back from everywhere on its way: by the layout, reverted,
// and by rollback.
func TestWaysBackFromEverywhere(t *testing.T) {
	c := runningCluster(t)
	k := newKeyspace(t, c, fixture{name: "ways", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 2000})
	sources, targets := []string{"0"}, []string{"-80", "80-"}
	k.addShards(t, targets...)
	proxy := newProxy(t, c)
	forward, back := k.to(targets...), k.to(sources...)
	forward.reshard = `switch { timeout = "3m" }`
	back.reshard = forward.reshard
	plan := proxy.behind(c).plan(t, forward)
	const segment = "keyspace.ways/0:-80,80-"
	apply := []string{"apply", "--auto-approve"}
	to := switching{losing: sources, winning: targets}
	from := func(name string, way func(t *testing.T, load *load)) {
		if !t.Run(name, func(t *testing.T) { way(t, k.load(t)) }) {
			t.Fatal("the ways back that follow begin where this one ends")
		}
	}

	from("the middle of the copy, reverted", func(t *testing.T, load *load) {
		release := k.holdCopies(t, targets...)
		run := plan.start(t, nil, apply...)
		k.waitForCopying(t, targets...)
		run.kill(t)
		plan.write(t, back)
		plan.says(t, "nothing is switched: workflow sf_", segment+"/delete")
		plan.apply(t)
		release()
		k.isBack(t, load, sources, targets)
		plan.noChanges(t)
	})
	from("behind the copy, rolled back", func(t *testing.T, load *load) {
		plan.write(t, forward)
		plan.apply(t, "--until", segment+"/verify")
		plan.rollback(t, "keyspace.ways")
		k.isBack(t, load, sources, targets)
		plan.waits(t, 4, segment+"/hold/approve") // what the plan files want is held
		plan.write(t, back)
		plan.noChanges(t)
		plan.apply(t) // which lets go of what was held
	})
	from("the switch of some reads, reverted", func(t *testing.T, load *load) {
		plan.write(t, forward)
		plan.apply(t, "--until", segment+"/switch_rdonly")
		k.serves(t, serving{Primary: sources, Replica: sources, Rdonly: targets})
		plan.write(t, back)
		plan.says(t, "RDONLY reads are switched: they are switched back in every cell first", segment+"/reverse_reads", segment+"/clear_controls")
		plan.apply(t)
		k.isBack(t, load, sources, targets)
		plan.noChanges(t)
	})
	from("the switch of all reads, rolled back", func(t *testing.T, load *load) {
		plan.write(t, forward)
		plan.apply(t, "--until", segment+"/switch_replica")
		k.serves(t, serving{Primary: sources, Replica: targets, Rdonly: targets})
		plan.rollback(t, segment)
		k.isBack(t, load, sources, targets)
		plan.approve(t, plan.waits(t, 4, segment+"/hold/approve")) // the next one begins by that
	})
	from("inside the switch of writes, the program killed, reverted", func(t *testing.T, load *load) {
		load.mayFail = true
		arrived, goOn := proxy.hold("WorkflowSwitchTraffic:PRIMARY")
		run := plan.start(t, nil, apply...)
		letGo := k.stopInside(t, run, load, to, arrived, goOn)
		run.kill(t)
		letGo()
		plan.write(t, back)
		plan.apply(t)
		k.isBack(t, load, sources, targets)
		plan.noChanges(t)
	})
	from("inside the switch of writes, vtctld killed, rolled back", func(t *testing.T, load *load) {
		load.mayFail = true
		plan.write(t, forward)
		arrived, goOn := proxy.hold("WorkflowSwitchTraffic:PRIMARY")
		run := plan.start(t, nil, apply...)
		letGo := k.stopInside(t, run, load, to, arrived, goOn)
		k.killVtctld(t)
		run.kill(t)
		letGo()
		k.startVtctld(t)
		plan.saysWritesAreStopped(t)
		plan.rollback(t, segment)
		k.isBack(t, load, sources, targets)
		plan.write(t, back)
		plan.noChanges(t)
		plan.apply(t)
	})
	from("behind the journal of the switch of writes, vtctld killed, reverted", func(t *testing.T, load *load) {
		load.mayFail = true
		plan.write(t, forward)
		arrived, goOn := proxy.hold("WorkflowSwitchTraffic:PRIMARY")
		run := plan.start(t, nil, apply...)
		k.killBehindJournal(t, run, to, arrived, goOn)
		run.kill(t)
		plan.saysWritesAreStopped(t)
		before := proxy.succeeded()
		plan.write(t, back)
		plan.apply(t)
		for _, name := range []string{"WorkflowSwitchTraffic:PRIMARY", "WorkflowSwitchTraffic:PRIMARY:back"} {
			if n := proxy.succeeded()[name] - before[name]; n != 1 {
				t.Errorf("%s was done %d times: the switch is to be finished first, then taken back", name, n)
			}
		}
		k.isBack(t, load, sources, targets)
		plan.noChanges(t)
	})
	from("behind the switch of writes, rolled back", func(t *testing.T, load *load) {
		plan.write(t, forward)
		plan.apply(t, "--until", segment+"/switch_primary")
		k.serves(t, serving{Primary: targets, Replica: targets, Rdonly: targets})
		load.waitForCommits(t, 100) // by the new shards
		plan.rollback(t, segment)
		k.isBack(t, load, sources, targets)
		plan.write(t, back)
		plan.noChanges(t)
		plan.apply(t)
	})
	from("behind the switch of writes, reverted, killed on the way", func(t *testing.T, load *load) {
		load.mayFail = true
		plan.write(t, forward)
		plan.apply(t, "--until", segment+"/switch_primary")
		load.waitForCommits(t, 100)
		plan.write(t, back)
		arrived, goOn := proxy.hold("WorkflowSwitchTraffic:PRIMARY:back")
		run := plan.start(t, nil, apply...)
		k.killBehindJournal(t, run, switching{losing: targets, winning: sources}, arrived, goOn)
		run.kill(t)
		plan.saysWritesAreStopped(t)
		crashing := *plan
		crashing.cluster = *proxy.behind(c.withFailpoints(t))
		for _, failpoint := range []string{"rpc_WorkflowDelete_before", "rpc_WorkflowDelete_after", "rpc_SetShardTabletControl_after", "rpc_RebuildKeyspaceGraph_before"} {
			got := crashing.start(t, []string{"SHARDFORM_FAILPOINT=" + failpoint}, apply...).wait(t)
			t.Logf("%s: exit code %d", failpoint, got.exit)
			if got.exit != -1 && got.exit != 0 { // what a clean reversal does not need is not done
				t.Fatalf("%s: expected to be killed there, or to finish\n%s", failpoint, got)
			}
		}
		plan.apply(t)
		k.isBack(t, load, sources, targets)
		plan.noChanges(t)
	})

	from("a pause, which goes on", func(t *testing.T, load *load) {
		release := k.holdCopies(t, targets...)
		plan.write(t, forward)
		run := plan.start(t, nil, apply...)
		k.waitForCopying(t, targets...)
		settings := k.streamSettings(t, targets)
		if got := plan.run(t, "pause", segment); got.exit != 0 {
			t.Fatalf("pause beside a running apply: want exit code 0\n%s", got)
		}
		if got := run.wait(t); got.exit != 5 || !strings.Contains(got.String(), "shardform resume "+segment) {
			t.Errorf("an apply whose workflow is paused: want exit code 5 and the command that goes on\n%s", got)
		}
		paused := func(w workflow) bool {
			return !slices.ContainsFunc(w.Streams, func(s stream) bool { return s.State != "Stopped" || s.Message != "paused by shardform" })
		}
		if workflows := k.workflows(t); len(workflows) != 1 || !paused(workflows[0]) {
			t.Errorf("workflows behind the pause: %+v", workflows)
		}
		if got := plan.run(t, apply...); got.exit != 5 {
			t.Errorf("another apply: want exit code 5\n%s", got)
		}
		if got := plan.run(t, "resume", segment); got.exit != 0 {
			t.Fatalf("resume: want exit code 0\n%s", got)
		}
		k.waitForCopying(t, targets...)
		if diff := cmp.Diff(settings, k.streamSettings(t, targets)); diff != "" {
			t.Errorf("pause and resume have changed where the streams copy from (-before +behind):\n%s", diff)
		}
		release()
		plan.apply(t, "--until", segment+"/switch_rdonly")
		load.waitForCommits(t, 20)
		load.finish(t)
	})
	from("a reshard that the state has lost", func(t *testing.T, load *load) {
		plan.loseState(t)
		plan.write(t, back)
		if got := plan.run(t, apply...); got.exit == 0 || !strings.Contains(got.String(), "--adopt "+segment) {
			t.Errorf("going back on a reshard that nobody knows: want a refusal and --adopt\n%s", got)
		}
		if workflows := k.workflows(t); len(workflows) != 1 {
			t.Errorf("workflows behind the refusal: %+v", workflows)
		}
		k.serves(t, serving{Primary: sources, Replica: sources, Rdonly: targets})
		plan.apply(t, "--adopt", segment)
		k.isBack(t, load, sources, targets)
		plan.noChanges(t)
	})
	if names := proxy.unused(); len(names) > 0 {
		t.Errorf("calls that were waited for and never came: %v", names)
	}
}

// streamSettings are where the streams on the shards copy from, as the tablets have it.
func (k *keyspace) streamSettings(t *testing.T, shards []string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, shard := range shards {
		var settings string
		const query = "select group_concat(concat_ws('/', id, workflow, cell, tablet_types) order by id) from _vt.vreplication"
		if err := k.mysql(t, shard).QueryRowContext(t.Context(), query).Scan(&settings); err != nil {
			t.Fatal(err)
		}
		found[shard] = settings
	}
	return found
}

// Behind finish the way back is a new reshard. The tablets of before still have their rows, and are refused by name.
func TestReshardBackAfterFinishNeedsEmptyTablets(t *testing.T) {
	c := runningCluster(t)
	k := newKeyspace(t, c, fixture{name: "finished", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 2000, alone: true})
	load := k.load(t)
	k.addShards(t, "-80", "80-")
	plan := k.plan(t, k.to("-80", "80-"))
	plan.apply(t)
	load.waitForCommits(t, 50)
	plan.write(t, k.to("0"))
	if got := plan.run(t, "apply", "--auto-approve"); got.exit != 1 || !strings.Contains(got.String(), "target shard 0 does not exist") {
		t.Errorf("a reshard to a shard that was deleted: want exit code 1\n%s", got)
	}

	// its old tablet is started again, which makes the shard's record again
	old := k.uids["0"][0]
	k.restartTablet(t, old)
	if n := count(t, k.mysql(t, "0"), "select count(*) from customer"); n != k.rows {
		t.Errorf("the old tablet has %d customers, expected %d", n, k.rows)
	}
	k.vtctl(t, "PlannedReparentShard", "finished/0", "--new-primary", tabletAlias(old))
	got := plan.run(t, "apply", "--auto-approve")
	for _, text := range []string{"target shard 0 is not empty", tabletAlias(old), "is not empty: corder, customer", "DROP TABLE `corder`, `customer`"} {
		if got.exit != 1 || !strings.Contains(got.String(), text) {
			t.Errorf("a reshard to a tablet with old rows: want exit code 1 and a complaint about %s\n%s", text, got)
		}
	}
	if workflows := k.workflows(t); len(workflows) > 0 {
		t.Errorf("workflows behind the refusal: %+v", workflows)
	}
	k.serves(t, serving{Primary: []string{"-80", "80-"}, Replica: []string{"-80", "80-"}, Rdonly: []string{"-80", "80-"}})

	k.retireTablets(t, "0")
	k.vtctl(t, "DeleteShards", "--recursive", "--force", "finished/0")
	k.addShards(t, "0")
	plan.apply(t)
	load.waitForCommits(t, 20)
	load.finish(t)
	k.compare(t, "0")
	plan.noChanges(t)
}

// A layout that is edited to a third value takes the open reshard back while writes are where they were, and finishes it
// first when they have moved, soak and all.
func TestLayoutEditedToAThirdHalfWay(t *testing.T) {
	c := runningCluster(t)
	k := newKeyspace(t, c, fixture{name: "edited", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 2000, alone: true})
	load := k.load(t)
	first, second, third := []string{"-80", "80-"}, []string{"-c0", "c0-"}, []string{"-40", "40-"}
	load.mayFail = true      // the switch to the second layout finds primaries of the first: vtgate takes them for a switch that goes on
	k.addShards(t, first...) // so the third's come when they are needed
	plan := k.plan(t, k.to(first...))
	plan.apply(t, "--until", "keyspace.edited/0:-80,80-/switch_replica")
	k.addShards(t, second...)
	soaking := k.to(second...)
	soaking.reshard = `soak = "1h"`
	plan.write(t, soaking)
	plan.says(t, "keyspace.edited/0:-80,80-/reverse_reads", "keyspace.edited/0:-80,80-/delete", "keyspace.edited/0:-c0,c0-/create")
	plan.waits(t, 0, "keyspace.edited/0:-c0,c0-/soak")
	k.serves(t, serving{Primary: second, Replica: second, Rdonly: second})

	for _, target := range first {
		if n := count(t, k.mysql(t, target), "select count(*) from information_schema.tables where table_schema = database()"); n != 0 {
			t.Errorf("%s/%s has %d tables: what was copied is to be deleted", k.name, target, n)
		}
	}
	k.retireTablets(t, first...)
	k.vtctl(t, "DeleteShards", "--recursive", "edited/-80", "edited/80-") // GetWorkflows waits for a dead primary that has a record

	plan.write(t, k.to(third...)) // which has no soak
	plan.waits(t, 0, "keyspace.edited/0:-c0,c0-/soak")
	if got := k.shards(t); !slices.Contains(got, "0") || len(k.workflows(t)) != 2 {
		t.Errorf("shards %v and workflows %+v: an edit skips no soak", got, k.workflows(t))
	}
	// an hour goes by
	if _, err := k.mysql(t, "0").ExecContext(t.Context(), "update _vt.vreplication_log set created_at = created_at - interval 1 hour"); err != nil {
		t.Fatal(err)
	}
	if got := plan.apply(t); !strings.Contains(got.stdout, "this plan does not reach the layout wanted") {
		t.Errorf("apply finishes the open reshard and does not say that another is wanted\n%s", got)
	}
	k.retireTablets(t, "0")
	k.addShards(t, third...)
	plan.apply(t)
	load.waitForCommits(t, 20)
	load.finish(t)
	k.compare(t, third...)
	if got := k.shards(t); slices.Contains(got, "0") || slices.Contains(got, "-c0") {
		t.Errorf("shards: %v: those of the two reshards that were finished are to be deleted", got)
	}
	plan.noChanges(t)
}

// restartTablet starts a vttablet that lost its records again, and waits until they are back.
func (k *keyspace) restartTablet(t *testing.T, uid int) {
	t.Helper()
	k.script(t, "restart-tablet", strconv.Itoa(uid))
	waitFor(t, tabletAlias(uid)+" to be in the topology again", func(context.Context) (bool, error) {
		_, err := k.tryVtctl(t, "GetTablet", tabletAlias(uid))
		return err == nil, err
	})
}
