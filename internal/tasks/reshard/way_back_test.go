package reshard

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/vitess"
)

func TestWayBackIsDecidedFromWhatTheClusterShows(t *testing.T) {
	const (
		w       = "vtctldclient Reshard --workflow W --target-keyspace customer "
		reverse = "vtctldclient Reshard --workflow W_reverse --target-keyspace customer "
		remove  = "workflow W and all rows copied to -80,80- are deleted"
		clear   = "; then tablet controls that are left on the shards are cleared"
		writes  = "writes are switched: reads are switched back, then writes; then workflow W and all rows on -80,80- are deleted" + clear
		lost    = "writes are switched and workflow W is gone, as a failed reversal leaves it: reads, then writes, go back to - by its reverse streams, W_reverse; then the workflow that this makes again and all rows on -80,80- are deleted"
		broken  = "writes are switched and the reverse streams do not run, so the old shards lack what was written since"
	)
	control := func(kind string) string {
		return "vtctldclient SetShardTabletControl --disable-query-service=false customer/- " + kind
	}
	stopReverse := func(r *rig) { r.workflow(r.request.Workflow + "_reverse").stopped = true }
	for name, c := range map[string]struct {
		before string
		edit   func(*rig)
		want   Way
	}{
		"nothing begun":      {"create", nil, Way{Case: "nothing was begun", Blocked: "nothing was begun: there is no workflow to take back"}},
		"half created":       {"create", creation("streams"), Way{Case: "nothing is switched: " + remove}},
		"copying":            {"copy", nil, Way{Case: "nothing is switched: " + remove}},
		"copied":             {"switch_rdonly", nil, Way{Case: "nothing is switched: " + remove}},
		"half deleted":       {"switch_rdonly", deletion("streams"), Way{Case: "nothing is switched: " + remove}},
		"some reads":         {"switch_replica", nil, Way{Case: "RDONLY reads are switched: they are switched back in every cell first; " + remove + clear, Back: Back{Reads: reads[:1], Controls: true}}},
		"reads in one cell":  {"switch_rdonly", traffic("cell", false, vitess.Rdonly), Way{Case: "RDONLY reads are switched: they are switched back in every cell first; " + remove + clear, Back: Back{Reads: reads[:1], Controls: true}}},
		"all reads":          {"switch_primary", nil, Way{Case: "RDONLY and REPLICA reads are switched: they are switched back in every cell first; " + remove + clear, Back: Back{Reads: reads, Controls: true}}},
		"reads back by hand": {"switch_primary", readsBack, Way{Case: "nothing is switched: " + remove + clear, Back: Back{Controls: true}}},
		"writes stopped": {"switch_primary", traffic("stopped", false, vitess.Primary),
			Way{Case: "writes are stopped on -: the switch that was interrupted is finished first, forward; then " + writes, Back: Back{Reads: reads, Writes: true, Controls: true, Count: true}}},
		"writes stopped on the way back": {"complete", both(readsBack, traffic("stopped", true, vitess.Primary)),
			Way{Case: "writes are stopped on -80,80-: the switch that was interrupted is finished first, backward; then nothing is switched: " + remove + clear, Back: Back{Writes: true, Controls: true, Count: true}}},
		"writes switched": {"complete", nil, Way{Case: writes, Back: Back{Reads: reads, Writes: true, Controls: true, Count: true}}},
		"writes switched, reads not": {"switch_rdonly", traffic("", false, vitess.Primary),
			Way{Case: "writes are switched and reads are not: writes are switched back; then workflow W and all rows on -80,80- are deleted" + clear, Back: Back{Writes: true, Controls: true, Count: true}}},
		"no reverse streams":      {"complete", func(r *rig) { r.removeWorkflow(r.request.Workflow + "_reverse") }, Way{Case: "writes are switched", Blocked: broken, Cure: []string{w + "show"}}},
		"reverse streams stopped": {"complete", stopReverse, Way{Case: "writes are switched", Blocked: broken, Cure: []string{w + "show", reverse + "show", reverse + "start"}}},
		"reverse streams in error": {"complete", func(r *rig) { r.workflow(r.request.Workflow + "_reverse").errorMessage = "duplicate key" },
			Way{Case: "writes are switched", Blocked: broken, Cure: []string{w + "show", reverse + "show"}}},
		"the workflow is gone":            {"complete", func(r *rig) { r.removeWorkflow(r.request.Workflow) }, Way{Case: lost, Back: Back{Reads: reads, Writes: true, Lost: true, Controls: true, Count: true}}},
		"gone, and reverse stopped":       {"complete", both(stopReverse, func(r *rig) { r.removeWorkflow(r.request.Workflow) }), Way{Case: "writes are switched", Blocked: broken, Cure: []string{reverse + "show", reverse + "start"}}},
		"switched by hand and back":       {"complete", (*rig).switchBackByHand, Way{Case: "nothing is switched: " + remove}},
		"only frozen reverse streams":     {"complete", both((*rig).switchBackByHand, func(r *rig) { r.removeWorkflow(r.request.Workflow) }), Way{Case: "nothing is switched: workflow W is gone, and its reverse streams W_reverse are deleted"}},
		"deleted behind switched reads":   {"switch_primary", deletion(""), Way{Case: "the workflow is gone and traffic is on both sides", Blocked: "the workflow was deleted while traffic was switched, and -80,80- serves some of it without rows: nothing switches it back any more", Cure: []string{control("rdonly"), control("replica"), "vtctldclient RebuildKeyspaceGraph customer"}}},
		"deleted in the middle of writes": {"switch_primary", both(traffic("created", false, vitess.Primary), deletion("")), Way{Case: "the workflow is gone and traffic is on both sides", Blocked: "the workflow was deleted while traffic was switched, and -80,80- serves some of it without rows: nothing switches it back any more", Cure: []string{control("rdonly"), control("replica"), control("primary"), "vtctldclient RebuildKeyspaceGraph customer"}}},
		"being finished":                  {"complete", func(r *rig) { r.removeShard("-") }, Way{Case: "finishing", Blocked: "it is being finished: shards of - are deleted already", Cure: []string{w + "show", reverse + "show"}}},
		"finished":                        {"confirm", nil, Way{Case: "finished", Blocked: "finished: there is no reverse stream any more; -80,80- becomes - again by a new reshard, for which - needs tablets with empty databases"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.upTo(c.before)
			if c.edit != nil {
				c.edit(r)
			}
			v := r.view()
			got := WayBack(v)
			if diff := cmp.Diff(got, WayBack(r.view())); diff != "" {
				t.Errorf("equal views, other ways: %s", diff)
			}
			if got.Blocked == "" && !got.Covers(got.Back) {
				t.Error("a way back does not cover itself")
			}
			plain := func(text string) string { return strings.ReplaceAll(text, r.request.Workflow, "W") }
			got.Case, got.Blocked = plain(got.Case), plain(got.Blocked)
			for i := range got.Cure {
				got.Cure[i] = plain(got.Cure[i])
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAWayBackCoversWhatIsLeftOfIt(t *testing.T) {
	whole := Back{Reads: reads, Writes: true, Controls: true, Gone: []string{"-80"}}
	for _, left := range []Back{{}, {Reads: reads[1:]}, {Writes: true}, {Writes: true, Lost: true}, {Controls: true, Gone: []string{"-80"}}, whole} {
		if !whole.Covers(left) {
			t.Errorf("%+v does not cover %+v", whole, left)
		}
	}
	for _, more := range []Back{{Reads: reads}, {Writes: true}, {Controls: true}, {Gone: []string{"80-"}}} {
		if (Back{Reads: reads[:1], Gone: []string{"-80"}}).Covers(more) {
			t.Errorf("less than %+v covers it", more)
		}
	}
}

func TestControlsAreClearedOnceAShardAndTypeAlsoWhereTheShardIsGone(t *testing.T) {
	c := newFakeCluster("-", "80-")
	snapshot, _ := c.Snapshot(t.Context(), "customer")
	got := ControlsCommands(snapshot, []vitess.Control{
		{Cell: "zone1", Type: vitess.Replica, Shard: "80-"}, {Cell: "zone2", Type: vitess.Replica, Shard: "80-"}, {Cell: "zone1", Type: vitess.Rdonly, Shard: "80-"},
		{Cell: "zone1", Type: vitess.Rdonly, Shard: "-80"},
	})
	want := []string{
		"vtctldclient CreateShard customer/-80", "vtctldclient SetShardTabletControl --disable-query-service=false customer/-80 rdonly", "vtctldclient DeleteShards --recursive customer/-80",
		"vtctldclient SetShardTabletControl --disable-query-service=false customer/80- rdonly", "vtctldclient SetShardTabletControl --disable-query-service=false customer/80- replica",
		"vtctldclient RebuildKeyspaceGraph customer",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := ControlsCommands(snapshot, nil); got != nil {
		t.Errorf("commands for nothing: %q", got)
	}
}
