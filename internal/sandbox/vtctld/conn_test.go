package vtctld

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	"vitess.io/vitess/go/vt/topo"
	"vitess.io/vitess/go/vt/topo/test"
)

// inMemory are Records in a map.
type inMemory struct {
	mu  sync.Mutex
	all map[string]Record // by cell and path
}

func (m *inMemory) Record(_ context.Context, cell, path string) (Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, found := m.all[cell+":"+path]
	if !found {
		return Record{}, ErrNoRecord
	}
	return r, nil
}

func (m *inMemory) Records(_ context.Context, cell, prefix string) ([]Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []Record
	for key, r := range maps.All(m.all) {
		if strings.HasPrefix(key, cell+":"+prefix) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b Record) int { return cmp.Compare(a.Path, b.Path) })
	return found, nil
}

func (m *inMemory) Put(_ context.Context, cell, path string, value []byte, ifVersion int64) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, found := m.all[cell+":"+path]
	switch {
	case !found && ifVersion > Absent:
		return 0, ErrNoRecord
	case found && ifVersion == Absent:
		return 0, ErrRecordExists
	case found && ifVersion != AnyVersion && ifVersion != before.Version:
		return 0, ErrVersion
	}
	m.all[cell+":"+path] = Record{path, value, before.Version + 1}
	return before.Version + 1, nil
}

func (m *inMemory) Remove(_ context.Context, cell, path string, ifVersion int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, found := m.all[cell+":"+path]
	switch {
	case !found:
		return ErrNoRecord
	case ifVersion != AnyVersion && ifVersion != before.Version:
		return ErrVersion
	}
	delete(m.all, cell+":"+path)
	return nil
}

// The suite is Vitess's own, which every kind of topology server passes.
func TestTheTopologyBehavesAsVitessWants(t *testing.T) {
	t.Parallel()
	test.TopoServerTestSuite(t, t.Context(), func() *topo.Server {
		f := &factory{records: &inMemory{all: map[string]Record{}}, step: func(context.Context, string) error { return nil }, locks: &locks{held: map[string]chan struct{}{}}}
		ts, err := topo.NewWithFactory(f, "", "")
		if err != nil {
			t.Fatal(err)
		}
		if err := ts.CreateCellInfo(t.Context(), test.LocalCellName, &topodatapb.CellInfo{ServerAddress: "x", Root: "/"}); err != nil {
			t.Fatal(err)
		}
		return ts
	}, []string{"checkElection", "checkWaitForNewLeader", "checkWatch", "checkWatchInterrupt", "checkWatchRecursive"}) // nothing of vtctld's comes there
}
