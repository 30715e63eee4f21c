package apply

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/keyrange"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
	"shardform/internal/tasks/taskstest"
	"shardform/internal/vitess"
)

var split = addr.Keyspace("customer").WithOperation("0:-80,80-")

// streams is a cluster of one keyspace that is being split; any other call of it panics.
type streams struct {
	vitess.Cluster
	snapshot vitess.Snapshot
	calls    []string
	err      error // of the calls
	lazy     int   // how many looks the streams take to show a change
	pending  func()
}

func layoutOf(names ...string) keyrange.Layout {
	layout, err := keyrange.ParseShards(names)
	if err != nil {
		panic(err)
	}
	return layout
}

// newStreams is the keyspace while rows are copied by a workflow; serving says what is switched: "", "reads", "writes".
func newStreams(workflow, serving string) *streams {
	c := &streams{}
	c.snapshot = vitess.Snapshot{Keyspace: "customer", Exists: true, Cells: []string{"zone1"}}
	sources, targets := layoutOf("0"), layoutOf("-80", "80-")
	partitions := map[vitess.TabletType]vitess.Partition{vitess.Primary: {Shards: sources}, vitess.Replica: {Shards: sources}, vitess.Rdonly: {Shards: sources}}
	if serving != "" {
		partitions[vitess.Rdonly] = vitess.Partition{Shards: targets}
	}
	if serving == "writes" {
		partitions[vitess.Replica], partitions[vitess.Primary] = vitess.Partition{Shards: targets}, vitess.Partition{Shards: targets}
	}
	c.snapshot.Serving = []vitess.CellServing{{Cell: "zone1", Partitions: partitions}}
	for i, s := range append(sources, targets...) {
		c.snapshot.Shards = append(c.snapshot.Shards, vitess.Shard{Shard: s, PrimaryServing: (i == 0) == (serving != "writes"), PrimaryAlias: "zone1-1"})
	}
	c.snapshot.Workflows = []vitess.Workflow{{
		Name: workflow, Type: vitess.TypeReshard, SourceKeyspace: "customer", Sources: sources, Targets: targets,
		Streams: []vitess.Stream{
			{ID: 1, Target: "-80", Source: "0", State: vitess.StateCopying, Position: "p", RowsCopied: 5, CopyTables: []string{"t"}},
			{ID: 1, Target: "80-", Source: "0", State: vitess.StateRunning, Position: "p", RowsCopied: 5},
		},
	}}
	return c
}

// say gives the streams a state and a message.
func (c *streams) say(state, message string) *streams {
	for i := range c.snapshot.Workflows[0].Streams {
		c.snapshot.Workflows[0].Streams[i].State, c.snapshot.Workflows[0].Streams[i].Message = state, message
	}
	return c
}

func (c *streams) Snapshot(context.Context, string) (*vitess.Snapshot, error) {
	if c.lazy--; c.lazy < 0 && c.pending != nil {
		c.pending()
		c.pending = nil
	}
	s := c.snapshot
	return &s, nil
}

func (c *streams) StopWorkflow(_ context.Context, keyspace, workflow, message string) error {
	c.calls = append(c.calls, "stop "+keyspace+"."+workflow)
	c.pending = func() { c.say(vitess.StateStopped, message) }
	return c.err
}

func (c *streams) StartWorkflow(_ context.Context, keyspace, workflow string) error {
	c.calls = append(c.calls, "start "+keyspace+"."+workflow)
	c.pending = func() { c.say(vitess.StateRunning, "") }
	return c.err
}

// begun records a reshard that copies by workflow sf_1.
func (f *fixture) begun(edit func(*state.Operation)) state.Operation {
	f.Helper()
	op := state.Operation{Address: split, Digest: strings.Repeat("a", 64), Cluster: "main", Keyspace: "customer", State: automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING}
	var containers []state.Container
	for _, step := range []string{"create", "copy", "switch_rdonly", "switch_primary"} {
		c := state.Container{Address: split.WithContainer(step)}
		c.Tasks = []state.Task{{Address: c.Address.WithTask(step), Name: "reshard_" + step, Parameters: map[string]string{"workflow": "sf_1"}}}
		if step == "switch_primary" {
			c.Tasks = append([]state.Task{{Address: c.Address.WithTask("approve"), Name: "reshard_approval"}}, c.Tasks...)
		}
		containers = append(containers, c)
	}
	if edit != nil {
		edit(&op)
	}
	if err := f.store.Update(f.Context(), func(w state.Writer) (err error) {
		op, err = w.CreateOperation(op, containers)
		return err
	}); err != nil {
		f.Fatal(err)
	}
	return op
}

func (f *fixture) with(c *streams) Options {
	o := f.options()
	o.Clusters = func(_ context.Context, name string) (vitess.Cluster, error) {
		if name != "main" {
			return nil, errors.New("no cluster " + name)
		}
		return c, nil
	}
	o.Run = ""
	return o
}

func TestPauseAndResume(t *testing.T) {
	f := newFixture(t)
	f.begun(nil)
	c := newStreams("sf_1", "")
	unlock, err := f.store.Lock(t.Context(), state.Holder{User: "apply"}, 0) // an apply is running
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unlock() }()
	for _, step := range []struct {
		do      func(context.Context, addr.Address, Options) (*PauseResult, error)
		at      addr.Address
		already bool
		calls   string
	}{
		{Resume, split, true, ""},
		{Pause, addr.Keyspace("customer"), false, "stop customer.sf_1"},
		{Pause, split, true, "stop customer.sf_1"},
		{Resume, split.WithContainer("copy"), false, "stop customer.sf_1, start customer.sf_1"},
		{Resume, split, true, "stop customer.sf_1, start customer.sf_1"},
	} {
		c.lazy = 3
		result, err := step.do(t.Context(), step.at, f.with(c))
		if err != nil || *result != (PauseResult{Operation: split, Workflow: "sf_1", Already: step.already}) || strings.Join(c.calls, ", ") != step.calls {
			t.Fatalf("%+v, %v, calls %v; want already %v, calls %s", result, err, c.calls, step.already, step.calls)
		}
	}
	want := "run_started 0:-80,80-|workflow_paused 0:-80,80-|run_ended|run_started 0:-80,80-|workflow_resumed 0:-80,80-|run_ended"
	if got := strings.Join(f.ledger(), "|"); got != want {
		t.Errorf("ledger %s", got)
	}
	f.view(func(r state.Reader) error {
		runs, err := r.Runs()
		if len(runs) != 2 || runs[0].Exit != 0 || runs[0].Ended.IsZero() {
			t.Errorf("runs %+v", runs)
		}
		return err
	})
}

func TestWhatIsNotOnlyCopyingIsNotPausedOrResumed(t *testing.T) {
	midFlight := newStreams("sf_1", "reads").say(vitess.StateStopped, vitess.CutoverMessage)
	midFlight.snapshot.Serving[0].Partitions[vitess.Primary] = vitess.Partition{Shards: layoutOf("0"), Disabled: []string{"0"}}
	none := newStreams("sf_1", "")
	none.snapshot.Workflows = nil
	partial := newStreams("sf_1", "").say(vitess.StateStopped, "")
	for i := range partial.snapshot.Workflows[0].Streams {
		s := &partial.snapshot.Workflows[0].Streams[i]
		s.Position, s.RowsCopied = "", 0
	}
	twice := newStreams("sf_1", "")
	twice.snapshot.Workflows = append(twice.snapshot.Workflows, newStreams("theirs", "").snapshot.Workflows...)
	for name, tt := range map[string]struct {
		cluster *streams
		found   string
		resumes bool // resuming is not refused
	}{
		"no workflow":             {none, "found: no workflow", false},
		"another one":             {newStreams("theirs", ""), "found: workflow theirs", false},
		"a second one":            {twice, "theirs", false},
		"interrupted switch":      {midFlight, "found: an interrupted switch of writes on customer/0", false},
		"frozen":                  {newStreams("sf_1", "writes").say(vitess.StateStopped, "FROZEN"), "writes are switched", false},
		"writes switched":         {newStreams("sf_1", "writes"), "", false},
		"reads switched":          {newStreams("sf_1", "reads"), "reads are switched", true},
		"created in part":         {partial, "created in part only", false},
		"stopped by someone else": {newStreams("sf_1", "").say(vitess.StateStopped, "maintenance"), "stopped by someone else: -80/1: maintenance; 80-/1: maintenance", false},
	} {
		for doing, do := range map[string]func(context.Context, addr.Address, Options) (*PauseResult, error){"pausing": Pause, "resuming": Resume} {
			f := newFixture(t)
			f.begun(nil)
			_, err := do(t.Context(), split, f.with(tt.cluster))
			if len(tt.cluster.calls) != 0 {
				t.Errorf("%s: %s called %v", name, doing, tt.cluster.calls)
			}
			if doing == "resuming" && tt.resumes {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			list := diag.All(err)
			if diag.ExitOf(err) != diag.ExitRefused || len(list) != 1 || !strings.Contains(list[0].Detail, tt.found) || !strings.HasPrefix(list[0].Detail, "expected: ") || list[0].Hint == "" {
				t.Errorf("%s: %s: %+v", name, doing, err)
			}
			if got := f.ledger(); len(got) != 0 {
				t.Errorf("%s: %s wrote %v", name, doing, got)
			}
		}
	}
}

func TestPauseNeedsOneOpenReshard(t *testing.T) {
	f := newFixture(t)
	_, err := Pause(t.Context(), split, f.with(newStreams("sf_1", "")))
	if diag.ExitOf(err) != diag.ExitFailed || !strings.Contains(err.Error(), "no operation is open at "+split.String()) {
		t.Errorf("without a record: %v", err)
	}
	f.begun(func(op *state.Operation) { op.State = automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE })
	if _, err := Pause(t.Context(), split, f.with(newStreams("sf_1", ""))); !strings.Contains(errorText(err), "no operation is open") {
		t.Errorf("of one that has ended: %v", err)
	}
	other := addr.Keyspace("customer").WithOperation("vschema")
	if err := f.store.Update(t.Context(), func(w state.Writer) error {
		_, err := w.CreateOperation(state.Operation{Address: other, Cluster: "main", Keyspace: "customer"}, nil)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := Pause(t.Context(), addr.Keyspace("customer"), f.with(newStreams("sf_1", ""))); diag.ExitOf(err) != diag.ExitRefused || !strings.Contains(err.Error(), "only copying") && !strings.Contains(diag.All(err)[0].Hint, "only copying") {
		t.Errorf("of one that copies nothing: %v", err)
	}
	f.begun(nil)
	if _, err := Pause(t.Context(), addr.Keyspace("customer"), f.with(newStreams("sf_1", ""))); !strings.Contains(errorText(err), "2 operations are open") {
		t.Errorf("of two: %v", err)
	}
	if _, err := Pause(t.Context(), split, f.with(newStreams("sf_1", ""))); err != nil {
		t.Errorf("of one of two: %v", err)
	}
}

func TestAPauseIsJudgedByWhatIsSeen(t *testing.T) {
	f := newFixture(t)
	f.begun(nil)
	lost := newStreams("sf_1", "") // the call did its work, and its answer was lost
	lost.err, lost.lazy = errors.New("unavailable"), 1
	if _, err := Pause(t.Context(), split, f.with(lost)); err != nil {
		t.Errorf("an answer that was lost: %v", err)
	}
	failed := newStreams("sf_1", "")
	failed.err, failed.lazy = errors.New("unavailable"), 100
	if _, err := Pause(t.Context(), split, f.with(failed)); !errors.Is(err, failed.err) {
		t.Errorf("a call that failed: %v", err)
	}
	undone := newStreams("sf_1", "")
	undone.lazy = 1 << 30
	clock := taskstest.NewClock()
	o := f.with(undone)
	o.Clock = clock
	if _, err := Pause(t.Context(), split, o); !diag.IsTemporary(err) || !strings.Contains(err.Error(), "-80/1 Copying, 80-/1 Running") {
		t.Errorf("a call without an effect: %v", err)
	}
	if waited := time.Duration(len(clock.Slept)) * streamsPoll; waited < streamsSettle || waited > 2*streamsSettle {
		t.Errorf("waited %s for the effect", waited)
	}
	f.view(func(r state.Reader) error {
		runs, err := r.Runs()
		exits := map[int]int{}
		for _, run := range runs {
			exits[run.Exit]++
		}
		if len(runs) != 3 || exits[0] != 1 || exits[1] != 2 {
			t.Errorf("runs %+v", runs)
		}
		return err
	})
}
