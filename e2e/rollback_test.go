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

// replicaRace is what vtgate answers when reads are switched back, by whatever client, and it learns of that from the topology before
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
				t.Errorf("reader of %s: %v: no read may fail", r.target, err)
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
		t.Errorf("what %s serves after RebuildKeyspaceGraph (-want +got):\n%s", k.name, diff)
	}
	for _, target := range targets {
		if n := count(t, k.mysql(t, target), "select count(*) from information_schema.tables where table_schema = database()"); n != 0 {
			t.Errorf("%s/%s has %d tables: what was copied is to be deleted", k.name, target, n)
		}
	}
	k.compare(t, shards...)
}

// says checks that plan says something, and gives all that it says.
func (p *planDir) says(t *testing.T, texts ...string) answer {
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
func (p *planDir) rollback(t *testing.T, address string) {
	t.Helper()
	if got := p.run(t, "rollback", address, "--auto-approve"); got.exit != 0 {
		t.Fatalf("rollback %s: want exit code 0\n%s", address, got)
	}
}

// rollbackScenario is a keyspace on which the same reshard, 0 to -80,80-, is begun again and again and rolled back from
// somewhere on its way: by reverting the layout, and by `rollback`.
type rollbackScenario struct {
	*keyspace
	proxy            *proxy
	plan             *planDir // behind the proxy
	forward, back    layout
	segment          string
	sources, targets []string
	to               switching
}

func newRollbackScenario(t *testing.T, c cluster, name string) *rollbackScenario {
	t.Helper()
	s := &rollbackScenario{sources: []string{"0"}, targets: []string{"-80", "80-"}, segment: "keyspace." + name + "/0:-80,80-"}
	s.keyspace = newKeyspace(t, c, fixture{name: name, shards: s.sources, tables: tables{vindex: "xxhash"}, rows: 2000})
	s.addShards(t, s.targets...)
	s.forward, s.back = s.keyspace.to(s.targets...), s.keyspace.to(s.sources...)
	s.forward.reshard = `switch { timeout = "3m" }`
	s.back.reshard = s.forward.reshard
	s.to = switching{losing: s.sources, winning: s.targets}
	s.proxy = newProxy(t, c)
	s.plan = s.proxy.behind(c).plan(t, s.forward)
	return s
}

// from runs one rollback under load as a subtest; the next one begins where it ends.
func (s *rollbackScenario) from(t *testing.T, name string, rollback func(t *testing.T, load *load)) {
	t.Helper()
	if !t.Run(name, func(t *testing.T) { durations.measure(t); rollback(t, s.load(t)) }) {
		t.Fatal("the rollbacks that follow begin where this one ends")
	}
}

// done checks that every call that was waited for came.
func (s *rollbackScenario) done(t *testing.T) {
	t.Helper()
	if names := s.proxy.unused(); len(names) > 0 {
		t.Errorf("calls that were waited for and never came: %v", names)
	}
}

func TestRollbackBeforeWritesAreSwitched(t *testing.T) {
	t.Parallel()
	s := newRollbackScenario(t, runningCluster(t), "rollback_reads")
	s.from(t, "the middle of the copy, reverted", func(t *testing.T, load *load) {
		release := s.holdCopies(t, s.targets...)
		run := s.plan.start(t, nil, "apply", "--auto-approve")
		s.waitForCopying(t, s.targets...)
		run.kill(t)
		s.plan.write(t, s.back)
		s.plan.says(t, "nothing is switched: workflow sf_", s.segment+"/delete")
		s.plan.apply(t)
		release()
		s.isBack(t, load, s.sources, s.targets)
		s.plan.noChanges(t)
	})
	s.from(t, "after the copy, rolled back", func(t *testing.T, load *load) {
		s.plan.write(t, s.forward)
		s.plan.apply(t, "--until", s.segment+"/verify")
		s.plan.rollback(t, "keyspace."+s.name)
		s.isBack(t, load, s.sources, s.targets)
		s.plan.waits(t, 4, s.segment+"/hold/approve") // what the plan files want is held
		s.plan.write(t, s.back)
		s.plan.noChanges(t)
		s.plan.apply(t) // which ends the hold
	})
	s.from(t, "the switch of some reads, reverted", func(t *testing.T, load *load) {
		s.plan.write(t, s.forward)
		s.plan.apply(t, "--until", s.segment+"/switch_rdonly")
		s.serves(t, serving{Primary: s.sources, Replica: s.sources, Rdonly: s.targets})
		s.plan.write(t, s.back)
		s.plan.says(t, "RDONLY reads are switched: they are switched back in every cell first", s.segment+"/reverse_reads", s.segment+"/clear_controls")
		s.plan.apply(t)
		s.isBack(t, load, s.sources, s.targets)
		s.plan.noChanges(t)
	})
	s.done(t)
}

func TestRollbackInsideTheSwitchOfWrites(t *testing.T) {
	t.Parallel()
	s := newRollbackScenario(t, clusterWithOwnVtctld(t), "rollback_inside")
	s.from(t, "the switch of all reads, rolled back", func(t *testing.T, load *load) {
		s.plan.write(t, s.forward)
		s.plan.apply(t, "--until", s.segment+"/switch_replica")
		s.serves(t, serving{Primary: s.sources, Replica: s.targets, Rdonly: s.targets})
		s.plan.rollback(t, s.segment)
		s.isBack(t, load, s.sources, s.targets)
		s.plan.approve(t, s.plan.waits(t, 4, s.segment+"/hold/approve")) // the next one begins by that
	})
	s.from(t, "inside the switch of writes, the program killed, reverted", func(t *testing.T, load *load) {
		load.mayFail = true
		arrived, proceed := s.proxy.hold("WorkflowSwitchTraffic:PRIMARY")
		run := s.plan.start(t, nil, "apply", "--auto-approve")
		unblock := s.stopInside(t, run, load, s.to, arrived, proceed)
		run.kill(t)
		unblock()
		s.plan.write(t, s.back)
		s.plan.apply(t)
		s.isBack(t, load, s.sources, s.targets)
		s.plan.noChanges(t)
	})
	s.from(t, "inside the switch of writes, vtctld killed, rolled back", func(t *testing.T, load *load) {
		load.mayFail = true
		s.plan.write(t, s.forward)
		arrived, proceed := s.proxy.hold("WorkflowSwitchTraffic:PRIMARY")
		run := s.plan.start(t, nil, "apply", "--auto-approve")
		unblock := s.stopInside(t, run, load, s.to, arrived, proceed)
		s.killVtctld(t)
		run.kill(t)
		unblock()
		s.startVtctld(t)
		s.plan.saysWritesAreStopped(t)
		s.plan.rollback(t, s.segment)
		s.isBack(t, load, s.sources, s.targets)
		s.plan.write(t, s.back)
		s.plan.noChanges(t)
		s.plan.apply(t)
	})
	s.from(t, "after the journal of the switch of writes, vtctld killed, reverted", func(t *testing.T, load *load) {
		load.mayFail = true
		s.plan.write(t, s.forward)
		arrived, proceed := s.proxy.hold("WorkflowSwitchTraffic:PRIMARY")
		run := s.plan.start(t, nil, "apply", "--auto-approve")
		s.killAfterJournal(t, run, s.to, arrived, proceed)
		run.kill(t)
		s.plan.saysWritesAreStopped(t)
		before := s.proxy.succeeded()
		s.plan.write(t, s.back)
		s.plan.apply(t)
		for _, name := range []string{"WorkflowSwitchTraffic:PRIMARY", "WorkflowSwitchTraffic:PRIMARY:back"} {
			if n := s.proxy.succeeded()[name] - before[name]; n != 1 {
				t.Errorf("%s was done %d times: the switch is to be finished first, then taken back", name, n)
			}
		}
		s.isBack(t, load, s.sources, s.targets)
		s.plan.noChanges(t)
	})
	s.done(t)
}

func TestRollbackAfterTheSwitchOfWrites(t *testing.T) {
	t.Parallel()
	s := newRollbackScenario(t, clusterWithOwnVtctld(t), "rollback_after")
	s.from(t, "after the switch of writes, rolled back", func(t *testing.T, load *load) {
		s.plan.write(t, s.forward)
		s.plan.apply(t, "--until", s.segment+"/switch_primary")
		s.serves(t, serving{Primary: s.targets, Replica: s.targets, Rdonly: s.targets})
		load.waitForCommits(t, 100) // by the new shards
		s.plan.rollback(t, s.segment)
		s.isBack(t, load, s.sources, s.targets)
		s.plan.write(t, s.back)
		s.plan.noChanges(t)
		s.plan.apply(t)
	})
	s.from(t, "after the switch of writes, reverted, killed on the way", func(t *testing.T, load *load) {
		load.mayFail = true
		s.plan.write(t, s.forward)
		s.plan.apply(t, "--until", s.segment+"/switch_primary")
		load.waitForCommits(t, 100)
		s.plan.write(t, s.back)
		arrived, proceed := s.proxy.hold("WorkflowSwitchTraffic:PRIMARY:back")
		run := s.plan.start(t, nil, "apply", "--auto-approve")
		s.killAfterJournal(t, run, switching{losing: s.targets, winning: s.sources}, arrived, proceed)
		run.kill(t)
		s.plan.saysWritesAreStopped(t)
		crashing := *s.plan
		crashing.cluster = *s.proxy.behind(s.withFailpoints(t))
		for _, failpoint := range []string{"rpc_WorkflowDelete_before", "rpc_WorkflowDelete_after", "rpc_SetShardTabletControl_after", "rpc_RebuildKeyspaceGraph_before"} {
			got := crashing.start(t, []string{"SHARDFORM_FAILPOINT=" + failpoint}, "apply", "--auto-approve").wait(t)
			t.Logf("%s: exit code %d", failpoint, got.exit)
			if got.exit != -1 && got.exit != 0 { // what a clean reversal does not need is not done
				t.Fatalf("%s: expected to be killed there, or to finish\n%s", failpoint, got)
			}
		}
		s.plan.apply(t)
		s.isBack(t, load, s.sources, s.targets)
		s.plan.noChanges(t)
	})
	s.done(t)
}

func TestPauseAndRollbackWithoutState(t *testing.T) {
	t.Parallel()
	s := newRollbackScenario(t, runningCluster(t), "rollback_lost")
	s.from(t, "a pause, which is resumed", func(t *testing.T, load *load) {
		release := s.holdCopies(t, s.targets...)
		s.plan.write(t, s.forward)
		run := s.plan.start(t, nil, "apply", "--auto-approve")
		s.waitForCopying(t, s.targets...)
		settings := s.streamSettings(t, s.targets)
		if got := s.plan.run(t, "pause", s.segment); got.exit != 0 {
			t.Fatalf("pause beside a running apply: want exit code 0\n%s", got)
		}
		if got := run.wait(t); got.exit != 5 || !strings.Contains(got.String(), "shardform resume "+s.segment) {
			t.Errorf("an apply whose workflow is paused: want exit code 5 and the command that resumes it\n%s", got)
		}
		paused := func(w workflow) bool {
			return !slices.ContainsFunc(w.Streams, func(s stream) bool { return s.State != "Stopped" || s.Message != "paused by shardform" })
		}
		if workflows := s.workflows(t); len(workflows) != 1 || !paused(workflows[0]) {
			t.Errorf("workflows after the pause: %+v", workflows)
		}
		if got := s.plan.run(t, "apply", "--auto-approve"); got.exit != 5 {
			t.Errorf("another apply: want exit code 5\n%s", got)
		}
		if got := s.plan.run(t, "resume", s.segment); got.exit != 0 {
			t.Fatalf("resume: want exit code 0\n%s", got)
		}
		s.waitForCopying(t, s.targets...)
		if diff := cmp.Diff(settings, s.streamSettings(t, s.targets)); diff != "" {
			t.Errorf("pause and resume have changed where the streams copy from (-before +after):\n%s", diff)
		}
		release()
		s.plan.apply(t, "--until", s.segment+"/switch_rdonly")
		load.waitForCommits(t, 20)
		load.finish(t)
	})
	s.from(t, "a reshard that the state does not know", func(t *testing.T, load *load) {
		s.plan.loseState(t)
		s.plan.write(t, s.back)
		if got := s.plan.run(t, "apply", "--auto-approve"); got.exit == 0 || !strings.Contains(got.String(), "--adopt "+s.segment) {
			t.Errorf("going back on a reshard that nobody knows: want a refusal and --adopt\n%s", got)
		}
		if workflows := s.workflows(t); len(workflows) != 1 {
			t.Errorf("workflows after the refusal: %+v", workflows)
		}
		s.serves(t, serving{Primary: s.sources, Replica: s.sources, Rdonly: s.targets})
		s.plan.apply(t, "--adopt", s.segment)
		s.isBack(t, load, s.sources, s.targets)
		s.plan.noChanges(t)
	})
	s.done(t)
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

// After finish, going back is a new reshard. The old tablets still have their rows, and are refused by name.
func TestReshardBackAfterFinishNeedsEmptyTablets(t *testing.T) {
	t.Parallel()
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
			t.Errorf("a reshard to a tablet with old rows: want exit code 1 and %q\n%s", text, got)
		}
	}
	if workflows := k.workflows(t); len(workflows) > 0 {
		t.Errorf("workflows after the refusal: %+v", workflows)
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
func TestLayoutEditedToAThirdMidway(t *testing.T) {
	t.Parallel()
	c := runningCluster(t)
	k := newKeyspace(t, c, fixture{name: "edited", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 2000, alone: true})
	load := k.load(t)
	first, second, third := []string{"-80", "80-"}, []string{"-c0", "c0-"}, []string{"-40", "40-"}
	load.mayFail = true      // the switch to the second layout finds primaries of the first: vtgate takes them for a switch that is under way
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
