package reshard

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/diag"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// clearing is a rig whose one step clears the controls of the keyspace, as a plan has it where nothing is open.
func clearing(t *testing.T, before string, edit func(*rig), gone ...string) *rig {
	t.Helper()
	r := newRig(t, "-:-80,80-")
	r.upTo(before)
	edit(r)
	r.request = Request{Cluster: "main", Keyspace: "customer"}
	r.alone = append([]string{}, gone...)
	r.calls = nil
	return r
}

// writesFirst is what leaves controls on a source that goes: writes were switched before reads, and then it was finished.
func writesFirst(r *rig) {
	for _, types := range [][]vitess.TabletType{{vitess.Primary}, reads} {
		traffic("", false, types...)(r)
	}
	if err := r.CompleteWorkflow(r.t.Context(), "customer", r.request.Workflow); err != nil {
		r.t.Fatal(err)
	}
	if err := r.DeleteShard(r.t.Context(), "customer", "-"); err != nil {
		r.t.Fatal(err)
	}
}

// leftovers are keyspaces with controls that a reshard left behind, all of them shown by the server.
var leftoverCases = []struct {
	name, before string
	edit         func(*rig)
	gone         []string
	calls        []string
	layout       []string
}{
	{"reads back by hand and deleted", "switch_primary", both(readsBack, deletion("")), nil, readsOnly[2:], []string{"-"}},
	{"writes back before reads, and deleted", "complete", both(traffic("", true, vitess.Primary), readsBack, deletion("")), nil, readsOnly[2:], []string{"-"}},
	{"deleted behind switched reads", "switch_primary", deletion(""), nil, []string{"ClearTabletControl - RDONLY", "ClearTabletControl - REPLICA", "RebuildKeyspaceGraph"}, []string{"-"}},
	{"deleted in the middle of the switch of writes", "switch_rdonly", both(traffic("created", false, vitess.Primary), deletion("")), nil,
		[]string{"ClearTabletControl - PRIMARY", "RebuildKeyspaceGraph"}, []string{"-"}},
	{"on a shard that is gone", "switch_rdonly", writesFirst, []string{"-"},
		[]string{"CreateShard -", "ClearTabletControl - RDONLY", "ClearTabletControl - REPLICA", "DeleteShard -", "RebuildKeyspaceGraph"}, []string{"-80", "80-"}},
	{"on two shards that are gone", "switch_primary", both(readsBack, deletion(""), func(r *rig) { r.removeShard("-80"); r.removeShard("80-") }), []string{"-80", "80-"},
		[]string{"CreateShard -80", "ClearTabletControl -80 RDONLY", "ClearTabletControl -80 REPLICA", "DeleteShard -80",
			"CreateShard 80-", "ClearTabletControl 80- RDONLY", "ClearTabletControl 80- REPLICA", "DeleteShard 80-", "RebuildKeyspaceGraph"}, []string{"-"}},
}

// isClean wants every type served by the layout everywhere, no control, and no other shard but those with tablets.
func (r *rig) isClean(layout []string) {
	r.t.Helper()
	for _, cell := range r.cells {
		for kind, p := range r.partitions[cell] {
			if !slices.Equal(p.refs, layout) || len(p.disabled) > 0 {
				r.t.Errorf("%s in %s: %+v", kind, cell, p)
			}
		}
	}
	for _, s := range r.shards {
		if s.PrimaryAlias == "" {
			r.t.Errorf("shard %s is left", s.Name)
		}
	}
	if err := r.RebuildKeyspaceGraph(r.t.Context(), ""); err != nil {
		r.t.Error(err)
	}
}

func TestLeftoverControlsAreCleared(t *testing.T) {
	for _, c := range leftoverCases {
		t.Run(c.name, func(t *testing.T) {
			r := clearing(t, c.before, c.edit, c.gone...)
			if err := r.RebuildKeyspaceGraph(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "while a migration is on going") {
				t.Errorf("the server rebuilds: %v", err)
			}
			r.calls = nil
			r.expect("clear_controls", tasks.Absent)
			task, parameters := r.make("clear_controls")
			commands := task.(tasks.Commander).Commands(t.Context(), parameters)
			snapshot, _ := r.Snapshot(t.Context(), "customer")
			if diff := cmp.Diff(ControlsCommands(snapshot, snapshot.LeftoverControls()), commands); diff != "" {
				t.Error(diff)
			}
			output, err := r.task(t.Context(), "clear_controls")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.calls, r.calls); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(commands, commandsOf(r.calls)); diff != "" {
				t.Error("the commands are not the calls", diff)
			}
			if !strings.Contains(output, "no tablet control is left") {
				t.Errorf("output %q", output)
			}
			r.isClean(c.layout)
			r.calls = nil
			r.expect("clear_controls", tasks.Done)
			if _, err := r.task(t.Context(), "clear_controls"); err != nil || len(r.calls) > 0 {
				t.Errorf("a second time: %v, %q", err, r.calls)
			}
		})
	}
}

// commandsOf are the command lines of calls on the topology.
func commandsOf(calls []string) []string {
	var commands []string
	for _, call := range calls {
		words := append(strings.Fields(call), "", "")
		commands = append(commands, map[string]string{
			"CreateShard":          vitess.CommandCreateShard("customer", words[1]),
			"ClearTabletControl":   vitess.CommandClearTabletControl("customer", words[1], vitess.TabletType(words[2])),
			"DeleteShard":          vitess.CommandDeleteShards("customer", words[1]),
			"RebuildKeyspaceGraph": vitess.CommandRebuildKeyspaceGraph("customer"),
		}[words[0]])
	}
	return commands
}

func TestClearingControlsIsRestartableAtEveryCall(t *testing.T) {
	for _, c := range leftoverCases {
		seen := map[string]int{}
		for _, call := range c.calls {
			method, _, _ := strings.Cut(call, " ")
			seen[method]++
			for _, at := range []string{"before", "after"} {
				f := fault{method: method, at: at, nth: seen[method]}
				t.Run(strings.Join([]string{c.name, call, at, "again"}, "/"), func(t *testing.T) {
					r := clearing(t, c.before, c.edit, c.gone...)
					r.faults = []fault{f}
					r.does("clear_controls")
					r.isClean(c.layout)
					if at == "after" && method != "RebuildKeyspaceGraph" && r.count(call) != 1 {
						t.Errorf("done twice: %q", r.calls)
					}
				})
				t.Run(strings.Join([]string{c.name, call, at, "dies"}, "/"), func(t *testing.T) {
					r := clearing(t, c.before, c.edit, c.gone...)
					r.faults = []fault{f}
					if !r.dies() {
						t.Error("did not die")
					}
					r.faults, r.calls = nil, nil
					// The next process knows that this one began.
					task, parameters := r.make("clear_controls")
					o, err := task.(tasks.Observer).Observe(t.Context(), parameters, tasks.Record{Announced: true, Attempts: 1})
					if err != nil || o.State == tasks.Done {
						t.Fatalf("observed %+v, error %v", o, err)
					}
					if _, _, err := task.Run(t.Context(), parameters); err != nil {
						t.Fatal(err)
					}
					if r.count("RebuildKeyspaceGraph") != 1 {
						t.Errorf("calls %q", r.calls)
					}
					o, err = task.(tasks.Observer).Observe(t.Context(), parameters, tasks.Record{Announced: true, Attempts: 1})
					if err != nil || o.State != tasks.Done {
						t.Errorf("observed %+v, error %v", o, err)
					}
					r.isClean(c.layout)
				})
			}
		}
	}
}

func TestAShardThatWasFoundGoneIsTreatedLikeANamedOne(t *testing.T) {
	r := clearing(t, "switch_rdonly", writesFirst) // the plan named none
	r.faults = []fault{{method: "ClearTabletControl", at: "before"}, {method: "DeleteShard", at: "before"}}
	r.does("clear_controls")
	r.isClean([]string{"-80", "80-"})
	if r.count("CreateShard") != 1 {
		t.Errorf("calls %q", r.calls)
	}
}

func TestOnlyAShardThatWasCreatedForTheMomentIsDeleted(t *testing.T) {
	r := clearing(t, "switch_rdonly", writesFirst, "-")
	r.addShard("-", false, 500) // it is back, with tablets
	r.does("clear_controls")
	if r.shard("-") == nil || r.count("DeleteShard")+r.count("CreateShard") > 0 {
		t.Errorf("calls %q", r.calls)
	}

	r = clearing(t, "switch_rdonly", writesFirst, "-")
	r.env.Cluster = func(string) (vitess.Cluster, error) { return &settling{r.fakeCluster}, nil }
	r.fails("clear_controls", diag.ExitRefused, false, "shard customer/- was created for the moment and is in use now", "it is not deleted")
	if r.shard("-") == nil || r.count("DeleteShard") > 0 {
		t.Errorf("calls %q", r.calls)
	}
}

// settling is a cluster on which tablets join a shard as soon as it is there.
type settling struct{ *fakeCluster }

func (s *settling) CreateShard(ctx context.Context, keyspace, shard string) error {
	err := s.fakeCluster.CreateShard(ctx, keyspace, shard)
	s.removeShard(shard)
	s.addShard(shard, false, 500)
	return err
}

func TestAShardThatWouldComeUpServingIsNotCreated(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*rig)
		want string
	}{
		"no shard overlaps it": {func(r *rig) { r.removeShard("-80"); r.partitions["zone1"][vitess.Rdonly].disabled = []string{"-40"} }, "it would come up serving"},
		"only shards that do not serve": {func(r *rig) {
			r.shard("-80").PrimaryServing = false
			r.partitions["zone1"][vitess.Rdonly].disabled = []string{"-40"}
		}, "it would come up serving"},
		"cells serve from it": {func(r *rig) { r.partitions["zone1"][vitess.Replica].refs = []string{"-"} }, "it could not be deleted again"},
		"no name for a shard": {func(r *rig) { r.partitions["zone1"][vitess.Rdonly].disabled = []string{"80-40"} }, "cannot be created"},
	} {
		t.Run(name, func(t *testing.T) {
			r := clearing(t, "switch_rdonly", writesFirst)
			c.edit(r)
			r.fails("clear_controls", diag.ExitRefused, false, c.want)
			if len(r.calls) > 0 {
				t.Errorf("calls %q", r.calls)
			}
		})
	}
}

func TestControlsOfAnOpenReshardAreLeftAlone(t *testing.T) {
	for name, c := range map[string]struct {
		before string
		edit   func(*rig)
	}{
		"reads switched":     {"switch_primary", func(*rig) {}},
		"writes are stopped": {"switch_primary", traffic("stopped", false, vitess.Primary)},
	} {
		t.Run(name, func(t *testing.T) {
			r := clearing(t, c.before, c.edit)
			r.partitions["zone1"][vitess.Rdonly].disabled = append(r.partitions["zone1"][vitess.Rdonly].disabled, "c0-")
			before := slices.Clone(r.partitions["zone1"][vitess.Primary].disabled)
			r.addShard("c0-", false, 500)
			output, err := r.run("clear_controls")
			if err != nil {
				t.Fatal(err)
			}
			if want := []string{"ClearTabletControl c0- RDONLY"}; !slices.Equal(r.calls, want) {
				t.Errorf("calls %q", r.calls)
			}
			if !strings.Contains(output, "not rebuilt while another reshard has moved traffic: - to -80,80-") {
				t.Errorf("output %q", output)
			}
			if !slices.Equal(before, r.partitions["zone1"][vitess.Primary].disabled) || !slices.Contains(r.partitions["zone1"][vitess.Replica].disabled, "-") {
				t.Error("controls of the open reshard were touched")
			}
			r.expect("clear_controls", tasks.Done)
		})
	}
}

// A reshard of other shards that was opened and has moved nothing is no reason not to rebuild.
func TestTheGraphIsRebuiltBesideAReshardThatHasMovedNothing(t *testing.T) {
	r := clearing(t, "switch_rdonly", func(r *rig) {
		r.partitions["zone1"][vitess.Rdonly].disabled = []string{"c0-"}
		r.addShard("c0-", false, 500)
	})
	r.does("clear_controls")
	if want := []string{"ClearTabletControl c0- RDONLY", "RebuildKeyspaceGraph"}; !slices.Equal(r.calls, want) {
		t.Errorf("calls %q", r.calls)
	}
}

func TestControlsOfAWayBackAreClearedBehindItsWorkflow(t *testing.T) {
	r := goingBack(t, "switch_primary", Back{Reads: reads, Controls: true})
	readsBack(r)
	r.calls = nil
	if o := r.expect("clear_controls", tasks.Absent); !strings.Contains(o.Detail, "is there: what it leaves behind is cleared when it is gone") {
		t.Errorf("observed %+v", o)
	}
	r.fails("clear_controls", diag.ExitRefused, false, "are not cleared while its workflow is there")
	if len(r.calls) > 0 {
		t.Errorf("calls %q", r.calls)
	}
}

func TestClearingIsDoneWhereItIsRecordedSoOrNeverBegan(t *testing.T) {
	r := goingBack(t, "switch_rdonly", Back{Controls: true})
	deletion("")(r)
	task, parameters := r.make("clear_controls")
	for _, record := range []tasks.Record{{}, {Announced: true, Attempts: 1, Done: true}} {
		if o, err := task.(tasks.Observer).Observe(t.Context(), parameters, record); err != nil || o.State != tasks.Done {
			t.Errorf("%+v: observed %+v, error %v", record, o, err)
		}
	}
}

// The step of a way back was laid out while the shards were there: somebody deleted them since.
func TestAShardMadeForTheMomentIsDeletedByTheNextProcessToo(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("switch_primary")
	both(readsBack, deletion(""), func(r *rig) { r.removeShard("-80"); r.removeShard("80-") })(r)
	steps := Backward(r.request, Back{Reads: []vitess.TabletType{vitess.Rdonly, vitess.Replica}, Controls: true})
	planned := steps[len(steps)-2].Tasks[0]
	run := func() error {
		task, err := tasks.NewRegistry(Definitions()...).NewTask(planned.Name, r.env)
		if err == nil {
			_, _, err = task.Run(t.Context(), planned.Parameters)
		}
		return err
	}
	r.faults = []fault{{method: "CreateShard", at: "after"}}
	if run() == nil {
		t.Fatal("did not die")
	}
	r.faults = nil
	if err := run(); err != nil {
		t.Fatal(err)
	}
	r.isClean([]string{"-"})
	if r.count("DeleteShard -80") != 1 || r.count("DeleteShard 80-") != 1 {
		t.Errorf("calls %q", r.calls)
	}
}
