package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/keyrange"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
	"shardform/internal/tasks"
	"shardform/internal/tasks/echo"
	"shardform/internal/tasks/reshard"
	"shardform/internal/vitess"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// stillClock stands still and does not wait.
type stillClock struct{}

func (stillClock) Now() time.Time { return noon }

func (stillClock) Sleep(context.Context, <-chan struct{}, time.Duration) error { return nil }

// fakeReader is a cluster of hand-made snapshots. What it is not given is empty.
type fakeReader struct {
	snapshots map[string]*vitess.Snapshot
	tables    map[string][]vitess.TableSchema // by keyspace/shard
	servers   map[string]vitess.Server        // by alias
	filled    map[string]bool                 // by keyspace/shard/table: whether it has rows, where its statistics are wrong
	vdiffs    []vitess.VDiff
	counts    map[string]int64 // by tablet
	late      map[string]bool  // replicas that lag

	transactionsUnread error
}

func (f *fakeReader) Keyspaces(context.Context) ([]string, error) {
	var names []string
	for name := range f.snapshots {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

func (f *fakeReader) Snapshot(_ context.Context, keyspace string) (*vitess.Snapshot, error) {
	if s := f.snapshots[keyspace]; s != nil {
		return s, nil
	}
	return &vitess.Snapshot{Keyspace: keyspace}, nil
}

func (f *fakeReader) Tablets(_ context.Context, keyspace string) ([]vitess.Tablet, error) {
	return f.snapshots[keyspace].Tablets, nil
}

func (f *fakeReader) ValidateKeyspace(context.Context, string, bool) ([]string, error) {
	return nil, nil
}

func (f *fakeReader) Schema(_ context.Context, keyspace, shard string) ([]vitess.TableSchema, error) {
	return f.tables[keyspace+"/"+shard], nil
}

func (f *fakeReader) TableSizes(_ context.Context, keyspace, shard string) ([]vitess.TableSchema, error) {
	return f.tables[keyspace+"/"+shard], nil
}

// TablesWithRows goes by the tables' rows, except for those that are filled though their statistics do not say so.
func (f *fakeReader) TablesWithRows(_ context.Context, keyspace, shard string, among []string) ([]string, error) {
	var names []string
	for _, t := range f.tables[keyspace+"/"+shard] {
		filled, known := f.filled[keyspace+"/"+shard+"/"+t.Name]
		if (among == nil || slices.Contains(among, t.Name)) && (filled || !known && t.Rows > 0) {
			names = append(names, t.Name)
		}
	}
	return names, nil
}

func (f *fakeReader) Servers(_ context.Context, aliases []string) ([]vitess.Server, error) {
	var servers []vitess.Server
	for _, alias := range aliases {
		if s, ok := f.servers[alias]; ok {
			s.Alias = alias
			servers = append(servers, s)
		}
	}
	return servers, nil
}

func (f *fakeReader) VSchema(_ context.Context, keyspace string) (string, error) {
	return f.snapshots[keyspace].VSchema, nil
}

func (f *fakeReader) Workflows(_ context.Context, keyspace string) ([]vitess.Workflow, error) {
	return f.snapshots[keyspace].Workflows, nil
}

func (f *fakeReader) VDiffs(context.Context, string, string) ([]vitess.VDiff, error) {
	return f.vdiffs, nil
}

func (f *fakeReader) VDiff(_ context.Context, _, _, uuid string) (*vitess.VDiff, error) {
	for i := range f.vdiffs {
		if f.vdiffs[i].UUID == uuid {
			return &f.vdiffs[i], nil
		}
	}
	return &vitess.VDiff{UUID: uuid}, nil
}

func (f *fakeReader) StreamsCreated(context.Context, string, *vitess.Workflow) (time.Time, error) {
	return noon.Add(-time.Hour), nil
}

func (f *fakeReader) CountRows(_ context.Context, tablet, _ string) (int64, error) {
	if n, can := f.counts[tablet]; can {
		return n, nil
	}
	return 0, vitess.ErrQueryLimit
}

func (f *fakeReader) ScanKeys(context.Context, string, string, []string, string) (vitess.KeyScan, error) {
	return nil, errors.New("a plan reads no rows")
}

func (f *fakeReader) Position(_ context.Context, tablet string) (string, error) { return tablet, nil }

func (f *fakeReader) Follows(_ context.Context, tablet, position string) (bool, error) {
	return !f.late[tablet], nil
}

func (f *fakeReader) VDiffCreated(context.Context, string, *vitess.Workflow, string) (time.Time, error) {
	return noon, nil
}

func (f *fakeReader) WorkflowLock(context.Context, string, string) (*vitess.Lock, error) {
	return nil, nil
}

func (f *fakeReader) UnresolvedTransactions(context.Context, string) (int, error) {
	return 0, f.transactionsUnread
}

func (f *fakeReader) OnlineDDLs(context.Context, string) ([]string, error) { return nil, nil }

// memoryState is recorded state that plan can read and nobody can write.
type memoryState struct {
	state.Store
	state.Reader
	operations []state.Operation
	approvals  []state.Approval
	containers map[state.OperationID][]state.Container
}

func (s *memoryState) View(_ context.Context, fn func(state.Reader) error) error { return fn(s) }

func (s *memoryState) Approvals() ([]state.Approval, error) { return s.approvals, nil }

func (s *memoryState) Operations() ([]state.Operation, error) { return s.operations, nil }

func (s *memoryState) Containers(id state.OperationID) ([]state.Container, error) {
	return s.containers[id], nil
}

// progress says how far a recorded operation is: done tasks first, then one running (or failed), the rest not started.
type progress struct {
	done    int
	running bool
	failure string
	ended   bool
}

// record writes down an operation of a plan as apply would.
func (s *memoryState) record(t testing.TB, op Operation, p progress) {
	t.Helper()
	raw, err := op.Record()
	if err != nil {
		t.Fatal(err)
	}
	id := state.OperationID(fmt.Sprint(len(s.operations) + 1))
	header := state.Operation{ID: id, Address: op.Address, Instance: op.Instance, Digest: op.Digest, Cluster: op.Cluster, Keyspace: op.Keyspace,
		State: automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING, Created: noon, Plan: raw, Error: p.failure}
	if p.ended {
		header.State, header.Ended = automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE, noon
	}
	var containers []state.Container
	n := 0
	for _, c := range op.Containers {
		recorded := state.Container{Address: c.Address, Concurrency: c.Concurrency}
		for _, task := range c.Tasks {
			r := state.Task{Address: task.Address, Name: task.Name, Parameters: task.Parameters, ID: fmt.Sprint(n + 1), State: automationpb.TaskState_NOT_STARTED}
			for _, name := range task.Sensitive {
				if r.Sensitive == nil {
					r.Sensitive = map[string]string{}
				}
				r.Sensitive[name] = state.HashSensitive(task.Secrets[name])
			}
			switch {
			case n < p.done || p.ended && p.failure == "":
				r.State, r.Started, r.Ended = automationpb.TaskState_DONE, noon, noon
			case n == p.done && p.failure != "":
				r.State, r.Error, r.Started = automationpb.TaskState_DONE, p.failure, noon
			case n == p.done && p.running:
				r.State, r.Started = automationpb.TaskState_RUNNING, noon
			}
			recorded.Tasks = append(recorded.Tasks, r)
			n++
		}
		containers = append(containers, recorded)
	}
	if s.containers == nil {
		s.containers = map[state.OperationID][]state.Container{}
	}
	s.operations = append(s.operations, header)
	s.containers[id] = containers
}

func testRegistry(more ...tasks.Definition) *tasks.Registry {
	return tasks.NewRegistry(slices.Concat([]tasks.Definition{echo.Definition()}, reshard.Definitions(), more)...)
}

// echoOperation is an operation block of containers of echo tasks.
func echoOperation(name string, containers ...[]string) config.Operation {
	o := config.Operation{Address: addr.Operation(name)}
	for i, texts := range containers {
		c := config.Container{Address: o.Address.WithContainer(fmt.Sprintf("c%d", i+1))}
		for j, text := range texts {
			c.Tasks = append(c.Tasks, config.Task{Address: c.Address.WithTask(fmt.Sprintf("t%d", j+1)), Name: "echo", Parameters: map[string]string{"text": text}})
		}
		o.Containers = append(o.Containers, c)
	}
	return o
}

// configuration has the given operations, in this order.
func configuration(operations ...config.Operation) *config.Config {
	cfg := &config.Config{Dir: ".", Operations: operations}
	for _, o := range operations {
		cfg.Order = append(cfg.Order, o.Address)
	}
	return cfg
}

func mustMake(t testing.TB, in Inputs) *Plan {
	t.Helper()
	if in.Registry == nil {
		in.Registry = testRegistry()
	}
	in.Clock = stillClock{}
	p, err := Make(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func complaints(t testing.TB, in Inputs) diag.List {
	t.Helper()
	if in.Registry == nil {
		in.Registry = testRegistry()
	}
	in.Clock = stillClock{}
	p, err := Make(context.Background(), in)
	if err == nil {
		t.Fatalf("made a plan of %d operations, expected complaints", len(p.Operations))
	}
	return diag.All(err)
}

func layoutOf(t testing.TB, names ...string) keyrange.Layout {
	t.Helper()
	shards := make([]keyrange.Shard, len(names))
	for i, name := range names {
		var err error
		if shards[i], err = keyrange.ParseShard(name); err != nil {
			t.Fatal(err)
		}
	}
	return keyrange.NewLayout(shards)
}
