package plan

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

func TestEqualInputsGiveEqualPlans(t *testing.T) {
	make := func() *config.Config {
		cfg := wanted(t, halves...)
		for _, name := range []string{"a", "b", "c"} {
			k := cfg.Keyspaces[0]
			k.Address = addr.Keyspace(name)
			o := echoOperation(name, []string{"x"})
			o.DependsOn = []addr.Address{k.Address}
			cfg.Keyspaces, cfg.Operations = append(cfg.Keyspaces, k), append(cfg.Operations, o)
			cfg.Clusters = append(cfg.Clusters, config.Cluster{Name: name})
			cfg.Order = append(cfg.Order, k.Address, o.Address)
		}
		return cfg
	}
	scene := newScene(t, shardedVSchema, whole, halves)
	want := golden(t, mustMake(t, Inputs{Config: make(), Clusters: scene.clusters}))
	for range 20 {
		cfg := make()
		rand.Shuffle(len(cfg.Keyspaces), func(i, j int) { cfg.Keyspaces[i], cfg.Keyspaces[j] = cfg.Keyspaces[j], cfg.Keyspaces[i] })
		rand.Shuffle(len(cfg.Operations), func(i, j int) { cfg.Operations[i], cfg.Operations[j] = cfg.Operations[j], cfg.Operations[i] })
		rand.Shuffle(len(cfg.Clusters), func(i, j int) { cfg.Clusters[i], cfg.Clusters[j] = cfg.Clusters[j], cfg.Clusters[i] })
		if diff := cmp.Diff(want, golden(t, mustMake(t, Inputs{Config: cfg, Clusters: scene.clusters}))); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
}

func TestAReshardInProgressKeepsItsDigestAndItsContainers(t *testing.T) {
	all := situations(t)
	first := mustMake(t, all["fresh_split"].inputs()).Operations[0]
	for _, name := range []string{"copying_resumed", "reads_switched", "writes_switched", "mid_flight", "shard_left", "workflow_gone"} {
		op := mustMake(t, all[name].inputs()).Operations[0]
		if op.Digest != first.Digest || op.Instance != 1 {
			t.Errorf("%s: digest %s, instance %d; want %s, 1", name, op.Digest, op.Instance, first.Digest)
		}
	}
	for _, name := range []string{"merge", "settings_edited", "copying_by_hand"} {
		if mustMake(t, all[name].inputs()).Operations[0].Digest == first.Digest {
			t.Errorf("%s has the same digest", name)
		}
	}
}

// The vschema is written on the way, so what the cluster has by then is not what the operation was laid out from.
func TestAWrittenVSchemaDoesNotChangeTheDigest(t *testing.T) {
	cfg := wanted(t, halves...)
	cfg.Keyspaces[0].VSchema = shardedVSchema
	first := mustMake(t, Inputs{Config: cfg, Clusters: newScene(t, `{"tables": {"customer": {}}}`, whole, halves).clusters})
	recorded := &memoryState{}
	recorded.record(t, first.Operations[0], progress{done: 2, running: true})
	again := mustMake(t, Inputs{Config: cfg, Clusters: newScene(t, shardedVSchema, whole, halves).clusters, Recorded: recorded})
	if again.Digest != first.Digest {
		t.Errorf("digest %s became %s: %s", first.Digest, again.Digest, again.Operations[0].Reason)
	}
}

func TestAVSchemaEditedDuringAReshardIsComparedWithTheCluster(t *testing.T) {
	cfg := wanted(t, halves...)
	cfg.Keyspaces[0].VSchema = shardedVSchema
	first := mustMake(t, Inputs{Config: cfg, Clusters: newScene(t, `{"tables": {"customer": {}}}`, whole, halves).clusters})
	recorded := &memoryState{}
	recorded.record(t, first.Operations[0], progress{done: 4, running: true})
	edited := strings.Replace(shardedVSchema, `"tables": {`, `"tables": { "more": {"column_vindexes": [{"column": "id", "name": "xxhash"}]},`, 1)
	cfg = wanted(t, halves...)
	cfg.Keyspaces[0].VSchema = edited
	scene := newScene(t, shardedVSchema, whole, halves).workflow(first.Operations[0].Workflow, whole, halves, copyingStream)
	op := mustMake(t, Inputs{Config: cfg, Clusters: scene.clusters, Recorded: recorded}).Operations[0]
	if op.Instance != 2 || !strings.HasPrefix(op.Reason, "configuration changed") {
		t.Errorf("instance %d, %s", op.Instance, op.Reason)
	}
	i := slices.IndexFunc(op.Containers, func(c Container) bool { return c.Address.Last() == "vschema" })
	if i < 0 || op.Containers[i].Action != Change || op.Containers[i].Tasks[0].Diffs[0].Before != scene.snapshot.VSchema {
		t.Errorf("containers: %+v", op.Containers)
	}
}

func TestReasonsTellEditsFromChangesOutside(t *testing.T) {
	splitDone := begun(t, wanted(t, halves...), progress{ended: true})
	vschemaDone := &memoryState{}
	withVSchema := func(text string) *config.Config {
		cfg := wanted(t, whole...)
		cfg.Keyspaces[0].VSchema = text
		return cfg
	}
	empty, one, two := `{}`, `{"tables": {"a": {}}}`, `{"tables": {"b": {}}}`
	vschemaDone.record(t, mustMake(t, Inputs{Config: withVSchema(one), Clusters: newScene(t, empty, whole, nil).clusters}).Operations[0], progress{ended: true})
	tests := map[string]struct {
		wanted   *config.Config
		scene    *scene
		recorded *memoryState
		want     string
	}{
		"layout: nothing recorded": {wanted(t, halves...), newScene(t, shardedVSchema, whole, halves), &memoryState{}, "the cluster serves -, the configuration wants -80,80-"},
		"layout: edited":           {wanted(t, whole...), newScene(t, shardedVSchema, halves, whole), splitDone, "configuration changed: it wants - instead of -80,80-"},
		"layout: changed by hand":  {wanted(t, halves...), newScene(t, shardedVSchema, whole, halves), splitDone, "cluster changed outside shardform: it serves - instead of -80,80-"},
		"layout: both": {wanted(t, "-40", "40-"), newScene(t, shardedVSchema, whole, []string{"-40", "40-"}), splitDone,
			"configuration changed, and cluster changed outside shardform: -80,80- was left serving, now it is -, and -40,40- is wanted"},
		"vschema: edited":          {withVSchema(two), newScene(t, one, whole, nil), vschemaDone, "configuration changed: it wants another vschema"},
		"vschema: changed by hand": {withVSchema(one), newScene(t, two, whole, nil), vschemaDone, "cluster changed outside shardform: its vschema is not the one that was written"},
		"vschema: both": {withVSchema(two), newScene(t, empty, whole, nil), vschemaDone,
			"configuration changed, and cluster changed outside shardform: the vschema is neither the one that was written nor the one wanted"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := mustMake(t, Inputs{Config: test.wanted, Clusters: test.scene.clusters, Recorded: test.recorded})
			if got := p.Operations[0].Reason; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestWhatCannotBePlannedIsReportedTogether(t *testing.T) {
	cfg := wanted(t, halves...)
	add := func(label, name string, change func(*config.Keyspace)) {
		k := cfg.Keyspaces[0]
		k.Address, k.Name = addr.Keyspace(label), name
		change(&k)
		cfg.Keyspaces, cfg.Order = append(cfg.Keyspaces, k), append(cfg.Order, k.Address)
	}
	add("misspelt", "costumer", func(*config.Keyspace) {})
	add("broken", "customer", func(k *config.Keyspace) { k.VSchema = `{"shraded": true}` })
	add("unsharded", "customer", func(k *config.Keyspace) { k.VSchema = `{"tables": {"customer": {}}}` })
	list := complaints(t, Inputs{Config: cfg, Clusters: newScene(t, shardedVSchema, whole, halves).clusters})
	var got []string
	for _, d := range list {
		got = append(got, d.Place.String()+" "+d.Address+": "+d.Summary+" | "+d.Hint)
	}
	want := []string{
		`main.hcl:1:3 keyspace.misspelt: cluster main has no keyspace "costumer" | did you mean "customer"?`,
		`main.hcl:3:3 keyspace.broken: the vschema of keyspace customer is not valid | it is the JSON text that vtctldclient ApplyVSchema takes, for this keyspace alone`,
		`main.hcl:3:3 keyspace.unsharded: the vschema of keyspace customer is not sharded, its layout is | write "sharded": true and give every table a primary vindex`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnreachableClustersAreAllReported(t *testing.T) {
	cfg := wanted(t, halves...)
	second := cfg.Keyspaces[0]
	second.Address = addr.Keyspace("second")
	cfg.Keyspaces, cfg.Order = append(cfg.Keyspaces, second), append(cfg.Order, second.Address)
	down := errors.New("connection refused")
	list := complaints(t, Inputs{Config: cfg, Clusters: func(context.Context, string) (vitess.Reader, error) { return nil, down }})
	if len(list) != 2 || list[0].Address != "keyspace.customer" || list[1].Address != "keyspace.second" || !errors.Is(list, down) {
		t.Errorf("got %v", list)
	}
}

func TestTasksCannotChangeTheClusterWhilePlanning(t *testing.T) {
	r := readOnly{newScene(t, shardedVSchema, whole, halves).reader()}
	_, switched := r.SwitchTraffic(t.Context(), vitess.SwitchTraffic{DryRun: true})
	for i, err := range []error{
		r.ReshardCreate(t.Context(), vitess.ReshardCreate{}), r.StartWorkflow(t.Context(), "k", "w"), r.StopWorkflow(t.Context(), "k", "w", ""),
		r.DeleteWorkflow(t.Context(), "k", "w", false), r.CompleteWorkflow(t.Context(), "k", "w"), r.RemoveStreams(t.Context(), "k", "w"), switched,
		r.VDiffCreate(t.Context(), vitess.VDiffCreate{}), r.VDiffResume(t.Context(), "k", "w", "u"), r.VDiffStop(t.Context(), "k", "w", "u"), r.VDiffDelete(t.Context(), "k", "w", "u"),
		r.ApplyVSchema(t.Context(), "k", "{}"), r.DeleteShard(t.Context(), "k", "-"), r.CreateShard(t.Context(), "k", "-"),
		r.ClearTabletControl(t.Context(), "k", "-", vitess.Replica), r.RebuildKeyspaceGraph(t.Context(), "k"),
	} {
		if err == nil {
			t.Errorf("writer %d did not refuse", i)
		}
	}
	if err := (impatient{stillClock{}}).Sleep(t.Context(), nil, 0); !errors.Is(err, tasks.ErrStopped) {
		t.Errorf("waiting: %v", err)
	}
}

func TestTargetsOfOneSegment(t *testing.T) {
	s := situations(t)["two_segments"]
	in := s.inputs()
	second := mustMake(t, in).Operations[1].Address
	in.Targets = []addr.Address{second.WithContainer("create")}
	p := mustMake(t, in)
	if len(p.Operations) != 1 || p.Operations[0].Address != second || !p.Operations[0].Expansion.First {
		t.Errorf("got %+v", p.Operations)
	}
}

func TestASwitchHalfWayGoesBeforeEverythingElse(t *testing.T) {
	s := situations(t)["mid_flight"]
	o := echoOperation("before", []string{"x"})
	s.wanted.Operations = []config.Operation{o}
	s.wanted.Keyspaces[0].DependsOn = []addr.Address{o.Address}
	s.wanted.Order = []addr.Address{o.Address, s.wanted.Keyspaces[0].Address}
	p := mustMake(t, s.inputs())
	if p.Operations[0].Kind != KindReshard || p.Operations[0].DependsOn != nil || len(p.Alerts) != 1 {
		t.Errorf("first is %s, after %v; alerts %v", p.Operations[0].Address, p.Operations[0].DependsOn, p.Alerts)
	}
}

func TestChecksThatCannotBeMadeAreNotTakenForMissingTablets(t *testing.T) {
	s := newScene(t, shardedVSchema, whole, halves)
	broken := s.reader()
	broken.transactionsUnread = errors.New("vtctld has no answer")
	in := Inputs{Config: wanted(t, halves...), Registry: testRegistry(), Clock: stillClock{},
		Clusters: func(context.Context, string) (vitess.Reader, error) { return broken, nil }}
	_, err := Make(t.Context(), in)
	if err == nil || !strings.Contains(err.Error(), "reading the distributed transactions of customer failed: vtctld has no answer") {
		t.Errorf("got %v", err)
	}
}

func TestWritesThatALeftControlStopsAreAnnounced(t *testing.T) {
	s := newScene(t, shardedVSchema, whole, nil)
	s.disable(vitess.Primary, whole...) // its workflow was deleted behind the journal of the switch
	p := mustMake(t, Inputs{Config: wanted(t, whole...), Clusters: s.clusters})
	if diff := cmp.Diff([]string{"WRITES ARE STOPPED on customer/-"}, p.Alerts); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
}

func TestRowsAndOutputsShowWhatServes(t *testing.T) {
	s := newScene(t, shardedVSchema, halves, whole)
	s.counts = map[string]int64{"80-": 0} // -80 takes too long to be counted
	cfg := wanted(t, whole...)
	rows, err := Rows(t.Context(), mustMake(t, Inputs{Config: cfg, Clusters: s.clusters}), s.clusters)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]TableRows{{"customer", "-80", "customer", 1000, true}, {"customer", "80-", "customer", 0, false}}, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	observed, err := Observed(t.Context(), cfg, s.clusters)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]config.Observed{"customer": {Shards: halves, RowCount: 1000}}, observed); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
}

// What is only shown is not counted where writes are served, unless there is nothing else.
func TestRowsAreCountedOnReplicas(t *testing.T) {
	for name, test := range map[string]struct {
		late []string
		want map[string]int64 // by shard
	}{
		"replicas":               {nil, map[string]int64{"-80": 21, "80-": 31}},
		"one lags":               {[]string{"a-101"}, map[string]int64{"-80": 22, "80-": 31}},
		"all of one shard lag":   {[]string{"a-101", "a-102"}, map[string]int64{"-80": 20, "80-": 31}},
		"a shard without others": {[]string{"a-201"}, map[string]int64{"-80": 21, "80-": 30}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, shardedVSchema, halves, whole)
			reader := s.reader()
			reader.late, reader.counts = map[string]bool{}, map[string]int64{"a-101": 21, "a-102": 22, "a-201": 31}
			for _, alias := range test.late {
				reader.late[alias] = true
			}
			s.snapshot.Tablets = nil
			for _, shard := range s.snapshot.ServingShards() {
				reader.counts[s.snapshot.Shard(shard).PrimaryAlias] = map[string]int64{"-80": 20, "80-": 30}[shard.Name]
				s.snapshot.Tablets = append(s.snapshot.Tablets, vitess.Tablet{Alias: s.snapshot.Shard(shard).PrimaryAlias, Shard: shard.Name, Type: "PRIMARY", Cell: "zone1"})
			}
			for alias, shard := range map[string]string{"a-101": "-80", "a-102": "-80", "a-201": "80-"} {
				s.snapshot.Tablets = append(s.snapshot.Tablets, vitess.Tablet{Alias: alias, Shard: shard, Type: "REPLICA", Cell: "zone1"})
			}
			slices.SortFunc(s.snapshot.Tablets, func(a, b vitess.Tablet) int { return strings.Compare(a.Alias, b.Alias) })
			clusters := func(context.Context, string) (vitess.Reader, error) { return reader, nil }
			rows, err := Rows(t.Context(), mustMake(t, Inputs{Config: wanted(t, whole...), Clusters: clusters}), clusters)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int64{}
			for _, r := range rows {
				got[r.Shard] = r.Rows
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestABlockThatIsGoneIsForgottenAndAnOpenOneSaysSo(t *testing.T) {
	for name, p := range map[string]progress{"ended": {ended: true}, "open": {done: 3, running: true}} {
		recorded := begun(t, wanted(t, halves...), p)
		plan := mustMake(t, Inputs{Config: configuration(), Recorded: recorded})
		want := []Forgotten{{Address: addr.Keyspace("customer").WithOperation("-:-80,80-"), Open: name == "open"}}
		if diff := cmp.Diff(want, plan.Forgotten, comparePlans); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		recorded.operations[0].Forgotten = true
		if plan := mustMake(t, Inputs{Config: configuration(), Recorded: recorded}); !plan.Empty() {
			t.Errorf("%s: forgotten twice", name)
		}
		recorded.operations[0].Forgotten, recorded.operations[0].Plan = false, []byte(`{"kind":"enqueued"}`)
		if plan := mustMake(t, Inputs{Config: configuration(), Recorded: recorded}); !plan.Empty() {
			t.Errorf("%s: what a scheduler's client enqueued is forgotten", name)
		}
	}
}

// An older state is put back after later reshards: its open record still names shards that serve, beside others that serve
// in place of the rest of its sources.
func TestARecordIsForgottenWhereOtherShardsServeInPlaceOfSomeSources(t *testing.T) {
	recorded := &memoryState{}
	before := newScene(t, shardedVSchema, []string{"-40", "40-"}, whole)
	recorded.record(t, mustMake(t, Inputs{Config: wanted(t, whole...), Clusters: before.clusters}).Operations[0], progress{done: 3, running: true})

	now := newScene(t, shardedVSchema, []string{"-40", "40-80", "80-"}, []string{"-80"})
	p := mustMake(t, Inputs{Config: wanted(t, halves...), Clusters: now.clusters, Recorded: recorded})
	if p.HasBlocked() {
		t.Errorf("blocked: %v", p.BlockedErrors())
	}
	expectOutline(t, p, "add keyspace.customer/-40,40-80:-80 [reshard]: add preflight, add create, add copy, add verify, add switch_rdonly, add switch_replica, add switch_primary, add finish, add confirm")
	want := []Forgotten{{Address: addr.Keyspace("customer").WithOperation("-40,40-:-"),
		Reason: "the cluster serves -40,40-80,80- by now, so the reshard from -40,40- to -, which the state has open, was ended or undone without it"}}
	if diff := cmp.Diff(want, p.Forgotten, comparePlans); diff != "" {
		t.Errorf("forgotten (-want +got):\n%s", diff)
	}
}

// An older state is put back whose record waits at its first gate, while the reshard that came after it is under way.
func TestARecordOfWhichNothingIsLeftIsForgottenBesideAnotherReshardOfItsShards(t *testing.T) {
	quarter := []string{"-40", "40-"}
	name := vitess.WorkflowName("customer", segmentOf(t, whole, quarter))
	for stage, scene := range map[string]*scene{
		"copied":         newScene(t, shardedVSchema, whole, quarter).workflow(name, whole, quarter, runningStream),
		"reads switched": newScene(t, shardedVSchema, whole, quarter).workflow(name, whole, quarter, runningStream).serve(vitess.Rdonly, quarter...).disable(vitess.Rdonly, whole...),
	} {
		p := mustMake(t, Inputs{Config: wanted(t, quarter...), Clusters: scene.clusters, Recorded: begun(t, wanted(t, halves...), progress{})})
		if p.HasBlocked() {
			t.Errorf("%s: blocked: %v", stage, p.BlockedErrors())
		}
		if len(p.Operations) != 1 || p.Operations[0].Address != addr.Keyspace("customer").WithOperation("-:-40,40-") || p.Operations[0].Action == Blocked {
			t.Errorf("%s: %q", stage, outline(p))
		}
		want := []Forgotten{{Address: splitAddress, Reason: "the layout wanted is another and nothing of it is left on the cluster"}}
		if diff := cmp.Diff(want, p.Forgotten, comparePlans); diff != "" {
			t.Errorf("%s: forgotten (-want +got):\n%s", stage, diff)
		}
	}
}

// An older state is put back whose record waits at its first gate; since then some of its sources have become one of its targets.
func TestARecordIsForgottenWhereASourceIsDeletedAndAnotherServes(t *testing.T) {
	quarters := []string{"-40", "40-80", "80-c0", "c0-"}
	before := newScene(t, shardedVSchema, quarters, halves)
	recorded := &memoryState{}
	recorded.record(t, mustMake(t, Inputs{Config: wanted(t, halves...), Clusters: before.clusters}).Operations[0], progress{})

	now := newScene(t, shardedVSchema, []string{"-40", "40-80", "80-"}, []string{"-80", "40-"})
	p := mustMake(t, Inputs{Config: wanted(t, "-40", "40-"), Clusters: now.clusters, Recorded: recorded})
	if p.HasBlocked() {
		t.Errorf("blocked: %v", p.BlockedErrors())
	}
	if len(p.Forgotten) != 1 {
		t.Errorf("forgotten: %v", p.Forgotten)
	}
}

// An older state is put back whose record lacks nothing but its end, while a reshard of its targets is under way: that one has
// moved the reads.
func TestARecordIsForgottenWhereAnotherReshardHasBegunFromItsTargets(t *testing.T) {
	quarters := []string{"-80", "80-c0", "c0-"}
	next := []string{"80-c0", "c0-"}
	name := vitess.WorkflowName("customer", segmentOf(t, []string{"80-"}, next))
	back := vitess.WorkflowName("customer", segmentOf(t, halves, whole))
	for stage, c := range map[string]struct {
		scene *scene
		want  []string
	}{
		"forward": {newScene(t, shardedVSchema, halves, next).workflow(name, []string{"80-"}, next, runningStream).
			serve(vitess.Rdonly, quarters...).disable(vitess.Rdonly, "80-"), quarters},
		"the other way": {newScene(t, shardedVSchema, halves, whole).workflow(back, halves, whole, runningStream).
			serve(vitess.Rdonly, whole...).disable(vitess.Rdonly, halves...), whole},
	} {
		p := mustMake(t, Inputs{Config: wanted(t, c.want...), Clusters: c.scene.clusters, Recorded: begun(t, wanted(t, halves...), progress{done: 8})})
		if p.HasBlocked() {
			t.Errorf("%s: blocked: %v", stage, p.BlockedErrors())
		}
		if len(p.Forgotten) != 1 || p.Forgotten[0].Address != splitAddress {
			t.Errorf("%s: forgotten: %v", stage, p.Forgotten)
		}
		if len(p.Operations) != 1 || p.Operations[0].Address == splitAddress {
			t.Errorf("%s: %q", stage, outline(p))
		}
	}
}

func TestExitOfConflicts(t *testing.T) {
	p := mustMake(t, situations(t)["conflict"].inputs())
	if exit := p.BlockedExit(); exit != diag.ExitRefused || !p.HasBlocked() {
		t.Errorf("exit %d, blocked %v", exit, p.HasBlocked())
	}
}

// overtakenReader shows another scene from its second snapshot on.
type overtakenReader struct {
	*fakeReader
	later *fakeReader
	reads *int
}

func (r overtakenReader) Snapshot(ctx context.Context, keyspace string) (*vitess.Snapshot, error) {
	if *r.reads++; *r.reads == 1 {
		return r.fakeReader.Snapshot(ctx, keyspace)
	}
	return r.later.Snapshot(ctx, keyspace)
}

// A run beside plan creates the workflow after plan has read the shards and before it looks into the targets.
func TestPlanThatIsOvertakenIsMadeAgain(t *testing.T) {
	before := newScene(t, shardedVSchema, []string{"-"}, []string{"-80", "80-"})
	for _, target := range []string{"-80", "80-"} {
		before.tables["customer/"+target] = before.tables["customer/-"]
	}
	later := newScene(t, shardedVSchema, []string{"-"}, []string{"-80", "80-"})
	segment := segmentOf(t, []string{"-"}, []string{"-80", "80-"})
	later.workflow(vitess.WorkflowName("customer", segment), []string{"-"}, []string{"-80", "80-"}, copyingStream)

	reads := 0
	p := mustMake(t, Inputs{Config: wanted(t, "-80", "80-"), Clusters: func(context.Context, string) (vitess.Reader, error) {
		return overtakenReader{before.reader(), later.reader(), &reads}, nil
	}})
	if p.HasBlocked() || p.Operations[0].Containers[1].Action == Add {
		t.Errorf("plan: %q, %v", outline(p), p.BlockedErrors())
	}

	// Where nothing changes the refusal stays.
	p = mustMake(t, Inputs{Config: wanted(t, "-80", "80-"), Clusters: func(context.Context, string) (vitess.Reader, error) { return before.reader(), nil }})
	if !p.HasBlocked() {
		t.Errorf("targets with rows are planned: %q", outline(p))
	}
}
