//go:build e2e

package e2e

import (
	"net"
	"os"
	"slices"
	"strconv"
	"testing"
)

// The test bed itself: whatever is killed comes back in place, without a row lost.
func TestServersComeBackInPlace(t *testing.T) {
	t.Parallel()
	c := clusterWithOwnVtctld(t)
	k := newKeyspace(t, c, fixture{name: "bed", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 1000})
	primary, replica := k.uids["0"][0], k.uids["0"][1]
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"restart-mysql", func() { c.script(t, "restart-mysql", strconv.Itoa(primary)) }},
		{"restart-tablet", func() { c.script(t, "restart-tablet", strconv.Itoa(primary)) }},
		{"kill and start a tablet", func() {
			c.script(t, "kill", strconv.Itoa(replica))
			c.script(t, "start", strconv.Itoa(replica))
		}},
		{"kill and start vtctld", func() {
			c.script(t, "kill", c.vtctldName)
			if connection, err := net.Dial("tcp", c.vtctld); err == nil {
				connection.Close()
				t.Error("vtctld takes connections although it was killed")
			}
			c.script(t, "start", c.vtctldName)
		}},
		{"reparent", func() { k.reparent(t, "0", replica) }},
	} {
		load := k.load(t)
		load.mayFail = true
		step.do()
		load.waitForCommits(t, 20)
		load.finish(t)
		k.compare(t, "0")
		t.Logf("%s: every row is there", step.name)
	}
	if got := k.uids["0"]; !slices.Equal(got, []int{replica, primary}) {
		t.Errorf("tablets after the reparent: %v", got)
	}
}

// The three ways in which scenarios break off a run, one after another on one reshard.
func TestInterruptedRunsResume(t *testing.T) {
	t.Parallel()
	k := newKeyspace(t, runningCluster(t), fixture{name: "broken", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 1000, alone: true})
	k.addShards(t, "-80", "80-")
	plan := k.plan(t, k.to("-80", "80-"))

	crashing := *plan
	crashing.cluster = k.withFailpoints(t)
	if got := crashing.start(t, []string{"SHARDFORM_FAILPOINT=rpc_ReshardCreate_after"}, "apply", "--auto-approve").wait(t); got.exit == 0 {
		t.Fatalf("the apply was to crash\n%s", got)
	}
	if workflows := k.workflows(t); len(workflows) != 1 || workflows[0].Type != "Reshard" || len(workflows[0].Streams) != 2 {
		t.Errorf("workflows after the create: %+v", workflows)
	}
	if got, want := k.shards(t), []string{"-80", "0", "80-"}; !slices.Equal(got, want) {
		t.Errorf("shards after the create: %v, expected %v", got, want)
	}

	process := plan.start(t, nil, "apply", "--auto-approve")
	process.waitForText(t, "has copied all tables")
	process.signal(os.Kill)
	if got := process.wait(t); got.exit != -1 {
		t.Fatalf("the apply was to be killed\n%s", got)
	}

	plan.loseState(t)
	plan.apply(t)
	if got := k.workflows(t); len(got) > 0 {
		t.Errorf("workflows after the end: %+v", got)
	}
	k.compare(t, "-80", "80-")
	plan.noChanges(t)
}
