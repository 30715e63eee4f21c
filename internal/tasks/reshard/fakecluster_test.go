package reshard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"shardform/internal/keyrange"
	"shardform/internal/tasks/taskstest"
	"shardform/internal/vitess"
)

// fakeCluster is one keyspace of a cluster in memory. It follows the server: what it refuses, the order in which it
// changes things, and the states in which it can be left by a fault.
type fakeCluster struct {
	clock *taskstest.Clock
	calls []string // every changing call, as METHOD or METHOD detail

	keyspace   string
	cells      []string
	shards     []vitess.Shard
	partitions map[string]map[vitess.TabletType]*fakePartition // by cell
	tablets    []vitess.Tablet
	tables     map[string][]vitess.TableSchema // by shard
	vschema    string
	workflows  []*fakeWorkflow
	vdiffs     []*fakeVDiff
	foreign    []vitess.Workflow        // shown as they are
	servers    map[string]vitess.Server // by alias
	filled     map[string]bool          // by shard/table: whether it has rows, where its statistics are wrong
	validation []string
	onlineDDLs []string
	unresolved int

	nextStream int64
	copyTakes  time.Duration
	diffTakes  time.Duration
	pending    time.Duration // how long a VDiff waits before it starts
	mismatch   bool
	lag        func(now time.Time) time.Duration // nil: none
	faults     []fault
	ahead      vitess.ClockAhead // of the clocks of the streams' tablets
	lock       *vitess.Lock      // held by somebody, for every workflow
	*fakeRows
}

// clone is a cluster in the same state that shares nothing which changes. Functions that a test has put in would still be
// about the first one.
func (c *fakeCluster) clone() *fakeCluster {
	if c.lag != nil || c.clock.BeforeSleep != nil || len(c.hooks) > 0 {
		panic("a cluster with functions of a test is not cloned")
	}
	d := *c
	d.fakeRows = c.fakeRows.clone()
	d.clock = &taskstest.Clock{Time: c.clock.Time}
	d.calls, d.shards, d.tablets, d.foreign, d.faults = slices.Clone(c.calls), slices.Clone(c.shards), slices.Clone(c.tablets), slices.Clone(c.foreign), slices.Clone(c.faults)
	d.servers, d.filled = maps.Clone(c.servers), maps.Clone(c.filled)
	d.partitions = map[string]map[vitess.TabletType]*fakePartition{}
	for cell, partitions := range c.partitions {
		d.partitions[cell] = map[vitess.TabletType]*fakePartition{}
		for kind, p := range partitions {
			d.partitions[cell][kind] = &fakePartition{refs: slices.Clone(p.refs), disabled: slices.Clone(p.disabled)}
		}
	}
	d.tables = map[string][]vitess.TableSchema{}
	for shard, tables := range c.tables {
		d.tables[shard] = slices.Clone(tables)
	}
	d.workflows = nil
	for _, w := range c.workflows {
		one := *w
		one.streams = slices.Clone(w.streams)
		d.workflows = append(d.workflows, &one)
	}
	d.vdiffs = nil
	for _, v := range c.vdiffs {
		one := *v
		d.vdiffs = append(d.vdiffs, &one)
	}
	if c.lock != nil {
		lock := *c.lock
		d.lock = &lock
	}
	return &d
}

type fakePartition struct {
	refs     []string
	disabled []string
}

type fakeWorkflow struct {
	name             string
	reverse          bool
	sources, targets []string
	streams          []vitess.Stream // ids, shards, messages; state is made when read
	stopped          bool
	stoppedAt        time.Time
	stoppedMessage   string
	created          time.Time
	noLog            bool // the log of its creation is lost
	copiedAt         time.Time
	errorMessage     string
	stuck            bool // copying makes no progress
	options          vitess.WorkflowOptions
}

type fakeVDiff struct {
	workflow, uuid string
	created        time.Time
	started        time.Time // of its last start
	stopped        bool
	failed         string
	mismatch       bool
	limited        bool
	missing        []string // targets that do not know it
}

// fault makes the nth call of a method fail: before it acts, after it acted, or half way in a way that the method knows.
type fault struct {
	method, at string // at: "before", "after", or a half way of the method
	nth        int    // counts from 1; 0 is 1; -1 is every call
	seen       int
}

func newFakeCluster(sources, targets string) *fakeCluster {
	c := &fakeCluster{
		clock: taskstest.NewClock(), keyspace: "customer", cells: []string{"zone1", "zone2"},
		partitions: map[string]map[vitess.TabletType]*fakePartition{}, tables: map[string][]vitess.TableSchema{},
		vschema: canonical(testVSchema), nextStream: 1, copyTakes: 10 * time.Second, diffTakes: 5 * time.Second, fakeRows: &fakeRows{},
	}
	uid := 100
	for _, name := range append(splitNames(sources), splitNames(targets)...) {
		c.addShard(name, slices.Contains(splitNames(sources), name), uid)
		uid += 10
	}
	for _, source := range splitNames(sources) {
		c.tables[source] = testTables(1000)
	}
	for _, cell := range c.cells {
		c.partitions[cell] = map[vitess.TabletType]*fakePartition{}
		for _, kind := range vitess.ServingTypes {
			c.partitions[cell][kind] = &fakePartition{refs: splitNames(sources)}
		}
	}
	return c
}

const testVSchema = `{"sharded":true,"vindexes":{"xxhash":{"type":"xxhash"}},"tables":{
	"customer":{"column_vindexes":[{"column":"customer_id","name":"xxhash"}]},
	"corder":{"column_vindexes":[{"column":"customer_id","name":"xxhash"}]}}}`

func canonical(text string) string {
	c, err := vitess.CanonicalVSchema(text)
	if err != nil {
		panic(err)
	}
	return c
}

func testTables(rows int64) []vitess.TableSchema {
	table := func(name, columns, create string) vitess.TableSchema {
		key, _, _ := strings.Cut(columns, " ")
		return vitess.TableSchema{
			Name: name, Type: "BASE TABLE", Columns: strings.Fields(columns), PrimaryKey: []string{key}, Rows: rows, Bytes: rows * 100,
			Create: fmt.Sprintf("CREATE TABLE `%s` (%s, PRIMARY KEY (`%s`)) ENGINE=InnoDB", name, create, key),
		}
	}
	return []vitess.TableSchema{
		table("corder", "order_id customer_id text", "`order_id` bigint, `customer_id` bigint, `text` varchar(10)"),
		table("customer", "customer_id text", "`customer_id` bigint, `text` varchar(10)"),
	}
}

func (c *fakeCluster) addShard(name string, serving bool, uid int) {
	shard, err := keyrange.ParseShard(name)
	if err != nil {
		panic(err)
	}
	c.shards = append(c.shards, vitess.Shard{Shard: shard, PrimaryServing: serving, PrimaryAlias: fmt.Sprintf("zone1-%010d", uid)})
	for i, kind := range []string{"PRIMARY", "REPLICA", "RDONLY"} {
		for j, cell := range c.cells {
			if kind == "PRIMARY" && j > 0 {
				continue
			}
			c.tablets = append(c.tablets, vitess.Tablet{Alias: fmt.Sprintf("%s-%010d", cell, uid+i), Shard: name, Type: kind, Cell: cell, Addr: fmt.Sprintf("db%d:3306", uid+i)})
		}
	}
}

func (c *fakeCluster) shard(name string) *vitess.Shard {
	for i := range c.shards {
		if c.shards[i].Name == name {
			return &c.shards[i]
		}
	}
	return nil
}

func (c *fakeCluster) removeShard(name string) {
	c.shards = slices.DeleteFunc(c.shards, func(s vitess.Shard) bool { return s.Name == name })
	c.tablets = slices.DeleteFunc(c.tablets, func(t vitess.Tablet) bool { return t.Shard == name })
	delete(c.tables, name)
}

// hit notes a changing call and says which fault it meets: "" for none.
func (c *fakeCluster) hit(method, detail string) string {
	c.calls = append(c.calls, strings.TrimSpace(method+" "+detail))
	for i := range c.faults {
		f := &c.faults[i]
		if f.method != method {
			continue
		}
		f.seen++
		if f.nth == -1 || f.seen == max(f.nth, 1) {
			return f.at
		}
	}
	return ""
}

// act runs a call that is done at once: fault "before" skips it, "after" loses the answer.
func (c *fakeCluster) act(method, detail string, do func() error) error {
	at := c.hit(method, detail)
	if at == "before" {
		return errInjected
	}
	if err := do(); err != nil {
		return err
	}
	if at != "" {
		return errInjected
	}
	return nil
}

var errInjected = errors.New("injected: the server does not answer")

// count is how often a changing call was made.
func (c *fakeCluster) count(call string) int {
	n := 0
	for _, made := range c.calls {
		if made == call || strings.HasPrefix(made, call+" ") {
			n++
		}
	}
	return n
}

// Snapshot implements vitess.Cluster.
func (c *fakeCluster) Snapshot(_ context.Context, keyspace string) (*vitess.Snapshot, error) {
	if at := c.hitRead("Snapshot"); at {
		return nil, errInjected
	}
	s := &vitess.Snapshot{Keyspace: keyspace, Exists: keyspace == c.keyspace, Cells: c.cells, VSchema: c.vschema, Tablets: slices.Clone(c.tablets)}
	s.Shards = slices.Clone(c.shards)
	slices.SortFunc(s.Shards, func(a, b vitess.Shard) int { return a.Range.Compare(b.Range) })
	for _, cell := range c.cells {
		serving := vitess.CellServing{Cell: cell, Partitions: map[vitess.TabletType]vitess.Partition{}}
		for kind, p := range c.partitions[cell] {
			serving.Partitions[kind] = vitess.Partition{Shards: mustLayout(p.refs), Disabled: slices.Clone(p.disabled)}
		}
		s.Serving = append(s.Serving, serving)
	}
	s.Workflows = c.allWorkflows()
	return s, nil
}

// allWorkflows are all as GetWorkflows tells them, by name.
func (c *fakeCluster) allWorkflows() []vitess.Workflow {
	all := slices.Clone(c.foreign)
	for _, w := range c.workflows {
		all = append(all, c.show(w))
	}
	slices.SortFunc(all, func(a, b vitess.Workflow) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// hitRead is hit for reads, which are not listed.
func (c *fakeCluster) hitRead(method string) bool {
	calls := c.calls
	at := c.hit(method, "")
	c.calls = calls
	return at != ""
}

// layouts has what mustLayout has parsed: every snapshot shows the same few again and again.
var layouts sync.Map

func mustLayout(names []string) keyrange.Layout {
	text := strings.Join(names, ",")
	if l, ok := layouts.Load(text); ok {
		return slices.Clone(l.(keyrange.Layout))
	}
	l, err := layout(text)
	if err != nil {
		panic(err)
	}
	layouts.Store(text, slices.Clone(l))
	return l
}

// show is a workflow as GetWorkflows tells it now.
func (c *fakeCluster) show(w *fakeWorkflow) vitess.Workflow {
	now := c.clock.Time
	shown := vitess.Workflow{Name: w.name, Type: "Reshard", SourceKeyspace: c.keyspace, Options: w.options}
	sources, targets := []string{}, []string{}
	var lag time.Duration
	if c.lag != nil {
		lag = c.lag(now)
	}
	for _, st := range w.streams {
		st.State, st.Position, st.Updated, st.Transaction = vitess.StateRunning, "1-97", now.Add(-lag), now.Add(-lag)
		st.RowsCopied = 0
		if !w.reverse {
			st.RowsCopied = 1000
		}
		switch {
		case st.Frozen():
			st.State = vitess.StateStopped
		case w.stopped:
			st.State, st.Message, st.Updated, st.Transaction = vitess.StateStopped, w.stoppedMessage, w.stoppedAt, w.stoppedAt
			if w.copiedAt.After(now) {
				st.RowsCopied, st.Position = 0, ""
			}
		case w.errorMessage != "":
			st.State, st.Message = vitess.StateError, w.errorMessage
		case w.stuck || w.copiedAt.After(now):
			st.State, st.CopyTables, st.Position = vitess.StateCopying, []string{"customer"}, "1-90"
			st.RowsCopied = 1
			if !w.stuck {
				st.RowsCopied = int64(1000 * (1 - w.copiedAt.Sub(now).Seconds()/c.copyTakes.Seconds()))
			}
		}
		shown.Streams = append(shown.Streams, st)
		if !slices.Contains(sources, st.Source) {
			sources = append(sources, st.Source)
		}
		if !slices.Contains(targets, st.Target) {
			targets = append(targets, st.Target)
		}
		shown.MaxTransactionLag = max(shown.MaxTransactionLag, now.Sub(st.Updated))
	}
	if w.copiedAt.After(now) || w.stuck {
		shown.MaxTransactionLag = time.Duration(math.MinInt64)
	}
	shown.Sources, shown.Targets, shown.Clock = mustLayout(sources), mustLayout(targets), c.ahead
	return shown
}

// Keyspaces implements vitess.Cluster.
func (c *fakeCluster) Keyspaces(context.Context) ([]string, error) { return []string{c.keyspace}, nil }

// Tablets implements vitess.Cluster.
func (c *fakeCluster) Tablets(context.Context, string) ([]vitess.Tablet, error) {
	return c.tablets, nil
}

// ValidateKeyspace implements vitess.Cluster.
func (c *fakeCluster) ValidateKeyspace(context.Context, string, bool) ([]string, error) {
	return c.validation, nil
}

// Schema implements vitess.Cluster.
func (c *fakeCluster) Schema(_ context.Context, _, shard string) ([]vitess.TableSchema, error) {
	if s := c.shard(shard); s == nil || s.PrimaryAlias == "" {
		return nil, fmt.Errorf("no primary tablet in shard %s/%s", c.keyspace, shard)
	}
	return c.tables[shard], nil
}

// TableSizes implements vitess.Cluster.
func (c *fakeCluster) TableSizes(ctx context.Context, keyspace, shard string) ([]vitess.TableSchema, error) {
	if c.hitRead("TableSizes") {
		return nil, errInjected
	}
	return c.Schema(ctx, keyspace, shard)
}

// TablesWithRows implements vitess.Cluster. It goes by the tables' rows, except for those whose statistics are said to be
// wrong.
func (c *fakeCluster) TablesWithRows(ctx context.Context, keyspace, shard string, among []string) ([]string, error) {
	tables, err := c.Schema(ctx, keyspace, shard)
	var names []string
	for _, t := range tables {
		filled, known := c.filled[shard+"/"+t.Name]
		if (among == nil || slices.Contains(among, t.Name)) && (filled || !known && t.Rows > 0) {
			names = append(names, t.Name)
		}
	}
	return names, err
}

// Servers implements vitess.Cluster.
func (c *fakeCluster) Servers(_ context.Context, aliases []string) ([]vitess.Server, error) {
	var servers []vitess.Server
	for _, alias := range aliases {
		if s, ok := c.servers[alias]; ok {
			s.Alias = alias
			servers = append(servers, s)
		}
	}
	return servers, nil
}

// VSchema implements vitess.Cluster.
func (c *fakeCluster) VSchema(context.Context, string) (string, error) { return c.vschema, nil }

// Workflows implements vitess.Cluster.
func (c *fakeCluster) Workflows(ctx context.Context, keyspace string) ([]vitess.Workflow, error) {
	s, err := c.Snapshot(ctx, keyspace)
	if err != nil {
		return nil, err
	}
	return s.Workflows, nil
}

// UnresolvedTransactions implements vitess.Cluster.
func (c *fakeCluster) UnresolvedTransactions(context.Context, string) (int, error) {
	return c.unresolved, nil
}

// OnlineDDLs implements vitess.Cluster.
func (c *fakeCluster) OnlineDDLs(context.Context, string) ([]string, error) { return c.onlineDDLs, nil }
