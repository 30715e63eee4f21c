//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
)

// A primary is reparented as planned maintenance does it, on a source and on a target, while a reshard is under way.

// reparentOnce makes the replica of a shard its primary.
func (k *keyspace) reparentOnce(t *testing.T, shards ...string) {
	t.Helper()
	for _, shard := range shards {
		k.reparent(t, shard, k.uids[shard][1])
		t.Logf("%s/%s was reparented to tablet %d", k.name, shard, k.uids[shard][0])
	}
}

// reparenting is a keyspace under load whose target shards are there.
func reparenting(t *testing.T, name string) (k *keyspace, load *load, s switching) {
	t.Helper()
	k = newKeyspace(t, runningCluster(t), fixture{name: name, shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 3000})
	load = k.load(t)
	load.mayFail = true
	s = switching{losing: []string{"0"}, winning: []string{"-80", "80-"}}
	k.addShards(t, s.winning...)
	return k, load, s
}

// ends checks that the run finished, or that the next apply does, and compares every row.
func (k *keyspace) ends(t *testing.T, plan *planDir, run *process, load *load, shards []string) {
	t.Helper()
	got := run.wait(t)
	t.Logf("apply:\n%s", got.stderr)
	if got.exit != 0 {
		t.Logf("it ended with exit code %d: the next one is to finish", got.exit)
		plan.apply(t)
	}
	load.waitForCommits(t, 20)
	load.finish(t)
	k.compare(t, shards...)
	plan.noChanges(t)
	plan.doneOnce(t)
	if workflows := k.workflows(t); len(workflows) > 0 {
		t.Errorf("workflows are left: %+v", workflows)
	}
}

func TestPrimariesReparentedDuringTheCopy(t *testing.T) {
	t.Parallel()
	k, load, s := reparenting(t, "moved_copying")
	wanted := k.to(s.winning...)
	wanted.reshard = `copy { config = { vstream_packet_size = "4000" } }`
	plan := k.plan(t, wanted)
	release := k.holdCopies(t, s.winning...)
	run := plan.start(t, nil, "apply", "--auto-approve")
	k.waitForCopying(t, s.winning...)
	k.reparentOnce(t, "0", "-80")
	load.waitForCommits(t, 20)
	if state := k.copyStates(t); !slices.Contains(state["-80"].States, "Copying") {
		t.Errorf("the streams are no longer in the middle of the copy: %+v", state)
	}
	release()
	k.ends(t, plan, run, load, s.winning)
}

// The call is on its way, and both sides have other primaries when it arrives.
func TestPrimariesReparentedRightBeforeTheSwitchOfWrites(t *testing.T) {
	t.Parallel()
	k, load, s := reparenting(t, "moved_before")
	proxy := newProxy(t, k.cluster)
	plan := proxy.behind(k.cluster).plan(t, k.to(s.winning...))
	arrived, proceed := proxy.hold("WorkflowSwitchTraffic:PRIMARY")
	run := plan.start(t, nil, "apply", "--auto-approve")
	run.reaches(t, "the PRIMARY switch", arrived)
	k.reparentOnce(t, "0", "80-")
	proceed()
	k.ends(t, plan, run, load, s.winning)
}

// Writes are stopped, and the server waits for the targets to catch up.
func TestPrimaryOfASourceReparentedInsideTheSwitchOfWrites(t *testing.T) {
	t.Parallel()
	k, load, s := reparenting(t, "moved_inside")
	proxy := newProxy(t, k.cluster)
	wanted := k.to(s.winning...)
	wanted.reshard = `switch { timeout = "2m" }`
	plan := proxy.behind(k.cluster).plan(t, wanted)
	arrived, proceed := proxy.hold("WorkflowSwitchTraffic:PRIMARY")
	run := plan.start(t, nil, "apply", "--auto-approve")
	unblock := k.stopInside(t, run, load, s, arrived, proceed)
	k.reparentOnce(t, "0")
	unblock()
	k.ends(t, plan, run, load, s.winning)
}

// The reparent waits for the same table as the catching up of the targets does: both continue at once when it is released.
func TestPrimaryOfATargetReparentedInsideTheSwitchOfWrites(t *testing.T) {
	t.Parallel()
	k, load, s := reparenting(t, "moved_within")
	proxy := newProxy(t, k.cluster)
	wanted := k.to(s.winning...)
	wanted.reshard = `switch { timeout = "2m" }`
	plan := proxy.behind(k.cluster).plan(t, wanted)
	arrived, proceed := proxy.hold("WorkflowSwitchTraffic:PRIMARY")
	run := plan.start(t, nil, "apply", "--auto-approve")
	unblock := k.stopInside(t, run, load, s, arrived, proceed)
	uids := k.uids["-80"]
	reparented := make(chan error, 1)
	go func() {
		_, err := k.tryVtctl(t, "PlannedReparentShard", k.name+"/-80", "--new-primary", tabletAlias(uids[1]), "--wait-replicas-timeout", "1m")
		reparented <- err
	}()
	db := k.mysql(t, "-80")
	waitFor(t, "the reparent to make the old primary read-only", func(context.Context) (bool, error) {
		return count(t, db, "select count(*) from information_schema.processlist where info like '%super_read_only%' and state like 'Waiting for%'") > 0, nil
	})
	unblock()
	if err := <-reparented; err != nil {
		t.Fatal(err)
	}
	k.uids["-80"] = []int{uids[1], uids[0]}
	k.ends(t, plan, run, load, s.winning)
}

// The streams back run on the source's primary, and read the target's.
func TestPrimariesReparentedDuringTheSoak(t *testing.T) {
	t.Parallel()
	k, load, s := reparenting(t, "moved_soaking")
	wanted := k.to(s.winning...)
	wanted.reshard = gates{soak: "1h"}.reshard()
	plan := k.plan(t, wanted)
	soak := fmt.Sprintf("keyspace.%s/0:-80,80-/soak", k.name)
	before := soakUntil.FindString(plan.waits(t, 0, soak).stdout)
	k.reparentOnce(t, "0", "-80")
	load.waitForCommits(t, 20)
	if after := soakUntil.FindString(plan.waits(t, 0, soak).stdout); after != before || before == "" {
		t.Errorf("the soak %q before the reparents is %q after them", before, after)
	}
	if _, err := k.mysql(t, "0").ExecContext(t.Context(), "update _vt.vreplication_log set created_at = now() - interval 1 day where type = 'Stream Created'"); err != nil {
		t.Fatal(err)
	}
	k.ends(t, plan, plan.start(t, nil, "apply", "--auto-approve"), load, s.winning)
}

// Going back after a reparent needs the streams back on the new primary.
func TestRollbackAfterPrimariesWereReparented(t *testing.T) {
	t.Parallel()
	k, load, s := reparenting(t, "moved_back")
	wanted := k.to(s.winning...)
	wanted.reshard = gates{soak: "1h"}.reshard()
	plan := k.plan(t, wanted)
	plan.waits(t, 0, fmt.Sprintf("keyspace.%s/0:-80,80-/soak", k.name))
	k.reparentOnce(t, "0", "80-")
	load.waitForCommits(t, 20)
	plan.rollback(t, "keyspace."+k.name)
	k.isBack(t, load, s.losing, s.winning)
}
