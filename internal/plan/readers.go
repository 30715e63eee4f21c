package plan

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"shardform/internal/vitess"
)

// readers are the clusters of one plan, connected when first asked for.
type readers struct {
	source ClusterSource

	mu   sync.Mutex
	byID map[string]*onceReader // guarded by mu
}

type onceReader struct {
	once   sync.Once
	reader vitess.Reader
	err    error
}

func newReaders(source ClusterSource) *readers {
	return &readers{source: source, byID: map[string]*onceReader{}}
}

// get is the cluster called name; what is read of it once is not read again.
func (r *readers) get(ctx context.Context, name string) (vitess.Reader, error) {
	r.mu.Lock()
	entry, ok := r.byID[name]
	if !ok {
		entry = &onceReader{}
		r.byID[name] = entry
	}
	r.mu.Unlock()
	entry.once.Do(func() {
		reader, err := r.source(ctx, name)
		if err != nil {
			entry.err = err
			return
		}
		entry.reader = &memo{Reader: reader, answers: map[string]*answer{}}
	})
	return entry.reader, entry.err
}

// memo remembers the answers of a cluster, so that all decisions of one plan are made from one look at it and a keyspace
// is read once however many tasks are observed. What it gives is shared: nobody may change it.
type memo struct {
	vitess.Reader

	mu      sync.Mutex
	answers map[string]*answer // guarded by mu
}

type answer struct {
	once  sync.Once
	value any
	err   error
}

// remember asks once for each key.
func remember[T any](m *memo, ask func() (T, error), key ...string) (T, error) {
	k := strings.Join(key, "\x00")
	m.mu.Lock()
	a, ok := m.answers[k]
	if !ok {
		a = &answer{}
		m.answers[k] = a
	}
	m.mu.Unlock()
	a.once.Do(func() { a.value, a.err = ask() })
	value, _ := a.value.(T)
	return value, a.err
}

func (m *memo) Keyspaces(ctx context.Context) ([]string, error) {
	return remember(m, func() ([]string, error) { return m.Reader.Keyspaces(ctx) }, "keyspaces")
}

func (m *memo) Snapshot(ctx context.Context, keyspace string) (*vitess.Snapshot, error) {
	return remember(m, func() (*vitess.Snapshot, error) { return m.Reader.Snapshot(ctx, keyspace) }, "snapshot", keyspace)
}

func (m *memo) Tablets(ctx context.Context, keyspace string) ([]vitess.Tablet, error) {
	return remember(m, func() ([]vitess.Tablet, error) { return m.Reader.Tablets(ctx, keyspace) }, "tablets", keyspace)
}

func (m *memo) ValidateKeyspace(ctx context.Context, keyspace string, ping bool) ([]string, error) {
	kind := "validate"
	if ping {
		kind = "validate and ping"
	}
	return remember(m, func() ([]string, error) { return m.Reader.ValidateKeyspace(ctx, keyspace, ping) }, kind, keyspace)
}

func (m *memo) Schema(ctx context.Context, keyspace, shard string) ([]vitess.TableSchema, error) {
	return remember(m, func() ([]vitess.TableSchema, error) { return m.Reader.Schema(ctx, keyspace, shard) }, "schema", keyspace, shard)
}

func (m *memo) TableSizes(ctx context.Context, keyspace, shard string) ([]vitess.TableSchema, error) {
	return remember(m, func() ([]vitess.TableSchema, error) { return m.Reader.TableSizes(ctx, keyspace, shard) }, "sizes", keyspace, shard)
}

func (m *memo) TablesWithRows(ctx context.Context, keyspace, shard string, among []string) ([]string, error) {
	return remember(m, func() ([]string, error) { return m.Reader.TablesWithRows(ctx, keyspace, shard, among) },
		append([]string{"rows", keyspace, shard, fmt.Sprint(among == nil)}, among...)...)
}

func (m *memo) Servers(ctx context.Context, aliases []string) ([]vitess.Server, error) {
	return remember(m, func() ([]vitess.Server, error) { return m.Reader.Servers(ctx, aliases) }, append([]string{"servers"}, aliases...)...)
}

func (m *memo) VSchema(ctx context.Context, keyspace string) (string, error) {
	return remember(m, func() (string, error) { return m.Reader.VSchema(ctx, keyspace) }, "vschema", keyspace)
}

func (m *memo) Workflows(ctx context.Context, keyspace string) ([]vitess.Workflow, error) {
	return remember(m, func() ([]vitess.Workflow, error) { return m.Reader.Workflows(ctx, keyspace) }, "workflows", keyspace)
}

func (m *memo) VDiffs(ctx context.Context, keyspace, workflow string) ([]vitess.VDiff, error) {
	return remember(m, func() ([]vitess.VDiff, error) { return m.Reader.VDiffs(ctx, keyspace, workflow) }, "vdiffs", keyspace, workflow)
}

func (m *memo) VDiff(ctx context.Context, keyspace, workflow, uuid string) (*vitess.VDiff, error) {
	return remember(m, func() (*vitess.VDiff, error) { return m.Reader.VDiff(ctx, keyspace, workflow, uuid) }, "vdiff", keyspace, workflow, uuid)
}

func (m *memo) UnresolvedTransactions(ctx context.Context, keyspace string) (int, error) {
	return remember(m, func() (int, error) { return m.Reader.UnresolvedTransactions(ctx, keyspace) }, "transactions", keyspace)
}

func (m *memo) OnlineDDLs(ctx context.Context, keyspace string) ([]string, error) {
	return remember(m, func() ([]string, error) { return m.Reader.OnlineDDLs(ctx, keyspace) }, "ddls", keyspace)
}
