//go:build e2e

package e2e

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The state file is lost after each container of one reshard: each time the plan shows what the cluster has done already,
// and the next apply, without a record of anything, resumes there.
func TestLostStateAtEachStage(t *testing.T) {
	t.Parallel()
	k := newKeyspace(t, runningCluster(t), fixture{name: "lost", shards: []string{"0"}, rows: 2000})
	k.tables.vindex = "xxhash"
	load := k.load(t)
	k.addShards(t, "-80", "80-")
	plan := k.plan(t, k.to("-80", "80-"))
	for _, stage := range []struct {
		until string
		found string // the last container that is shown as found, if any
	}{
		{"preflight", ""},
		{"vschema", ""},
		{"create", "copy"},
		{"copy", "copy"},
		{"verify", "copy"}, // nothing on the cluster shows that rows were counted
		{"switch_rdonly", "switch_rdonly"},
		{"switch_replica", "switch_replica"},
		{"switch_primary", "switch_primary"},
	} {
		plan.apply(t, "--until", "keyspace.lost/0:-80,80-/"+stage.until)
		plan.loseState(t)
		got := plan.run(t, "plan", "--detailed-exitcode")
		if got.exit != 2 {
			t.Errorf("plan after %s: want exit code 2\n%s", stage.until, got)
		}
		want := splitMarks(stage.found)
		if stage.until == "preflight" {
			want["vschema"] = "~"
		}
		if diff := cmp.Diff(want, marks(got.stdout)); diff != "" {
			t.Errorf("marks of the containers after %s (-want +got):\n%s\n%s", stage.until, diff, got)
		}
	}
	plan.apply(t, "--until", "keyspace.lost/0:-80,80-/finish")
	plan.loseState(t)
	plan.noChanges(t)
	plan.apply(t)
	load.finish(t)
	k.compare(t, "-80", "80-")
}
