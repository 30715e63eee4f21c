//go:build e2e

package e2e

import "testing"

// vtctld dies while it deletes a workflow, and leaves it locked.
func TestVtctldKilledWhileItDeletesAWorkflow(t *testing.T) {
	t.Parallel()
	c := clusterWithOwnVtctld(t)
	k := newKeyspace(t, c, fixture{name: "locked", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 1000, alone: true})
	load := k.load(t)
	load.mayFail = true
	sources, targets := []string{"0"}, []string{"-80", "80-"}
	k.addShards(t, targets...)
	proxy := newProxy(t, c)
	plan := proxy.behind(c).plan(t, k.to(targets...))
	plan.apply(t, "--until", "keyspace.locked/0:-80,80-/copy")

	arrived, proceed := proxy.hold("WorkflowDelete")
	plan.write(t, k.to(sources...))
	run := plan.start(t, nil, "apply", "--auto-approve")
	k.killVtctldIn(t, run, "WorkflowDelete", arrived, proceed, k.uids["-80"][0], "_vt.post_copy_action") // which nothing reads before it has the lock
	k.unlocks(t, run.wait(t), "WorkflowDelete", "writes are served by locked/0;")
	plan.apply(t)
	k.isBack(t, load, sources, targets)
	plan.noChanges(t)
}
