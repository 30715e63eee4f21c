package reshard

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/vitess"
)

func TestWayBackIsDecidedFromWhatTheClusterShows(t *testing.T) {
	const (
		w       = "vtctldclient Reshard --workflow W --target-keyspace customer "
		cancel  = w + "cancel"
		graph   = "vtctldclient GetSrvKeyspaces customer"
		rebuild = "vtctldclient RebuildKeyspaceGraph customer"
		control = "vtctldclient SetShardTabletControl --disable-query-service=false customer/"
	)
	half := func(at string) func(*rig) {
		return func(r *rig) {
			r.faults = []fault{{method: "SwitchTraffic", at: at}}
			r.SwitchTraffic(r.t.Context(), vitess.SwitchTraffic{Workflow: r.request.Workflow, Types: []vitess.TabletType{vitess.Primary}, MaxLag: time.Minute, ReverseReplication: true})
		}
	}
	for name, c := range map[string]struct {
		before string
		edit   func(*rig)
		text   string
		want   []string
	}{
		"nothing begun":        {"create", nil, "nothing was begun", nil},
		"copying":              {"copy", nil, "nothing is switched: workflow W and all rows copied to -80,80- are deleted", []string{cancel}},
		"copied":               {"switch_rdonly", nil, "nothing is switched", []string{cancel}},
		"some reads":           {"switch_replica", nil, "RDONLY reads are switched: they are switched back in every cell first", []string{w + "reversetraffic --tablet-types rdonly", graph, cancel, control + "-80 rdonly", control + "80- rdonly", rebuild}},
		"all reads":            {"switch_primary", nil, "RDONLY and REPLICA reads are switched", []string{w + "reversetraffic --tablet-types rdonly,replica", graph, cancel, control + "-80 rdonly", control + "-80 replica", control + "80- rdonly", control + "80- replica", rebuild}},
		"writes stopped":       {"switch_primary", half("stopped"), "WRITES ARE STOPPED on customer/-: the switch of writes is finished first, forward", []string{w + "switchtraffic --tablet-types primary --max-replication-lag-allowed 720h"}},
		"writes switched":      {"complete", nil, "writes are switched: reads are switched back, then writes; then workflow W and all rows on -80,80- are deleted", []string{w + "reversetraffic --tablet-types rdonly,replica", w + "reversetraffic --tablet-types primary", cancel}},
		"no reverse":           {"complete", func(r *rig) { r.removeWorkflow(r.request.Workflow + "_reverse") }, "blocked: writes are switched and the reverse streams do not run", []string{w + "show"}},
		"the workflow is gone": {"complete", func(r *rig) { r.removeWorkflow(r.request.Workflow) }, "workflow W is gone, as a failed reversal leaves it", []string{strings.Replace(w, " W ", " W_reverse ", 1) + "switchtraffic --tablet-types rdonly,replica", strings.Replace(w, " W ", " W_reverse ", 1) + "switchtraffic --tablet-types primary"}},
		"gone, reverse stopped": {"complete", func(r *rig) {
			r.removeWorkflow(r.request.Workflow)
			r.workflow(r.request.Workflow + "_reverse").stopped = true
		}, "blocked: writes are switched and the reverse streams do not run", []string{strings.Replace(w, " W ", " W_reverse ", 1) + "show"}},
		"switched by hand and back": {"complete", (*rig).switchBackByHand, "nothing is switched", []string{cancel}},
		"finished":                  {"confirm", nil, "finished: there is no reverse stream any more; -80,80- becomes - again by a new reshard", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.upTo(c.before)
			if c.edit != nil {
				c.edit(r)
			}
			snapshot, err := r.Snapshot(t.Context(), "customer")
			if err != nil {
				t.Fatal(err)
			}
			text, commands := WayBackCommands(snapshot.View(r.request.Segment))
			for i := range commands {
				commands[i] = strings.ReplaceAll(commands[i], r.request.Workflow, "W")
			}
			if !strings.Contains(strings.ReplaceAll(text, r.request.Workflow, "W"), c.text) {
				t.Errorf("text %q, want %q", text, c.text)
			}
			if diff := cmp.Diff(c.want, commands); diff != "" {
				t.Error(diff)
			}
		})
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
