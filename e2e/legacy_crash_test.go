//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

// The program is killed in the middle of SplitClone and in the middle of each migration, where its command is at work and
// dies with it. The same apply is run again until it is done.
func TestLegacyKilledMidwayAndRunAgain(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		name string
		plan func(t *testing.T, c cluster, k *keyspace) *planDir
		// looks: what was done is seen to be, and what is half done; a task of an operation is only sent again
		looks bool
	}{
		{"killed_keyspace", func(t *testing.T, c cluster, k *keyspace) *planDir { return c.plan(t, k.legacyLayout("-80", "80-")) }, true},
		{"killed_operation", func(t *testing.T, c cluster, k *keyspace) *planDir { return c.split(t, k.name) }, false},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			c := legacyClusterWithOwnVtworker(t)
			k := newLegacyKeyspace(t, c, way.name, 2000)
			load := k.load(t)
			load.mayFail = true
			proxy := newProxy(t, c)
			plan := way.plan(t, *proxy.behind(c), k)
			killedMidway(t, k, load, proxy, plan)
			if way.looks {
				plan.saysWritesAreStopped(t)
			}
			plan.apply(t)
			load.waitForCommits(t, 50)
			load.finish(t)
			k.serves(t, serving{Primary: []string{"-80", "80-"}, Replica: []string{"-80", "80-"}, Rdonly: []string{"-80", "80-"}})
			k.compare(t, "-80", "80-")
			plan.noChanges(t)
			plan.doneOnce(t)
			if n := proxy.reached()["MigrateServedTypes:replica"]; way.looks && n != 1 {
				t.Errorf("vtctld was told %d times to move replica, which it had done the first time", n)
			}
			if names := proxy.unused(); len(names) > 0 {
				t.Errorf("calls that were waited for and never came: %v", names)
			}
		})
	}
}

// killedMidway runs apply and kills it in the middle of the clone and of each migration.
func killedMidway(t *testing.T, k *keyspace, load *load, proxy *proxy, plan *planDir) {
	t.Helper()
	all, next := []string{"0"}, []string{"-80", "80-"}
	now := serving{Primary: all, Replica: all, Rdonly: all}

	// after the schema and before the clone, so that the clone is slow
	arrived, _ := proxy.holdNth("CopySchemaShard", 2)
	run := plan.start(t, nil, "apply", "--auto-approve")
	run.reaches(t, "the second CopySchemaShard", arrived)
	run.kill(t)
	undo := k.slowInserts(t, "-80", "customer", 5*time.Millisecond)
	run = plan.start(t, nil, "apply", "--auto-approve")
	db := k.mysql(t, "-80")
	waitFor(t, "some customers to be copied", func(context.Context) (bool, error) { return count(t, db, "select count(*) from customer") > 0, nil })
	run.kill(t)
	t.Logf("killed when %d customers of %d were copied", count(t, db, "select count(*) from customer"), k.rows)
	undo()
	k.serves(t, now)

	// the old shard is told not to serve it, and no new shard serves it: vtctld waits for a tablet that does not answer
	arrived, proceed := proxy.hold("MigrateServedTypes:rdonly")
	run = plan.start(t, nil, "apply", "--auto-approve")
	run.reaches(t, "MigrateServedTypes rdonly", arrived)
	thaw := k.freeze(t, fmt.Sprintf("vttablet_%d", k.uids["-80"][1]))
	proceed()
	waitFor(t, "the old shard to be told not to serve RDONLY", func(context.Context) (bool, error) {
		return slices.Contains(k.serving(t).Disabled, "RDONLY 0"), nil
	})
	run.kill(t)
	thaw()
	t.Logf("killed in the middle of MigrateServedTypes rdonly; serving: %+v", k.serving(t))

	// the new shards serve it, and vtctld waits before it tells the old tablets
	arrived, proceed = proxy.hold("MigrateServedTypes:replica")
	run = plan.start(t, nil, "apply", "--auto-approve")
	run.reaches(t, "MigrateServedTypes replica", arrived)
	proceed()
	waitFor(t, "the new shards to serve REPLICA", func(context.Context) (bool, error) { return slices.Equal(k.serving(t).Replica, next), nil })
	run.kill(t)
	t.Logf("killed in the middle of MigrateServedTypes replica; serving: %+v", k.serving(t))

	// writes are stopped, and the new shards cannot catch up
	arrived, proceed = proxy.hold("MigrateServedTypes:master")
	run = plan.start(t, nil, "apply", "--auto-approve")
	run.reaches(t, "MigrateServedTypes master", arrived)
	unlock := k.lockTable(t, k.uids["-80"][0], "customer", "write")
	load.waitForCommits(t, 30) // which the new shards do not have
	proceed()
	waitFor(t, "writes to be stopped", func(context.Context) (bool, error) { return k.writesStopped(t, all), nil })
	run.kill(t)
	t.Logf("killed in the middle of MigrateServedTypes master; serving: %+v", k.serving(t))
	unlock()
}
