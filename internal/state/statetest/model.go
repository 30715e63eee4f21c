package statetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
)

// model is a store in memory, as simple as can be, against which any sequence of writes is held.
type model struct {
	content Content
	lastID  map[state.OperationID]int
	fresh   int // makes names
}

// testModel runs random writes on a store and the model, some of them in transactions that fail.
func testModel(t *testing.T, open func(t *testing.T) state.Store) {
	rapid.Check(t, func(rt *rapid.T) {
		s := open(t)
		m := &model{content: Content{Containers: map[state.OperationID][]state.Container{}}, lastID: map[state.OperationID]int{}}
		serial := uint64(0)
		for range rapid.IntRange(1, 25).Draw(rt, "transactions") {
			next := m.clone()
			fails := rapid.IntRange(0, 5).Draw(rt, "fails") == 0
			err := s.Update(t.Context(), func(w state.Writer) error {
				for range rapid.IntRange(1, 4).Draw(rt, "writes") {
					if err := next.write(rt, w); err != nil {
						return err
					}
				}
				if fails {
					return errUser
				}
				return nil
			})
			switch {
			case fails && errors.Is(err, errUser):
			case err != nil:
				rt.Fatalf("update: %v", err)
			default:
				m = next
				serial++
			}
			err = s.View(t.Context(), func(r state.Reader) error {
				if r.Meta().Serial != serial {
					rt.Fatalf("serial is %d, want %d", r.Meta().Serial, serial)
				}
				m.compare(rt, r)
				return checkReader(r)
			})
			if err != nil {
				rt.Fatalf("view: %v", err)
			}
		}
		if err := s.Close(); err != nil {
			rt.Fatalf("close: %v", err)
		}
	})
}

func (m *model) clone() *model {
	c := &model{content: m.content, lastID: map[state.OperationID]int{}, fresh: m.fresh}
	c.content.Operations = slices.Clone(m.content.Operations)
	c.content.Runs = slices.Clone(m.content.Runs)
	c.content.Ledger = slices.Clone(m.content.Ledger)
	c.content.Approvals = slices.Clone(m.content.Approvals)
	c.content.Containers = map[state.OperationID][]state.Container{}
	for id, containers := range m.content.Containers {
		containers = slices.Clone(containers)
		for i := range containers {
			containers[i].Tasks = slices.Clone(containers[i].Tasks)
		}
		c.content.Containers[id], c.lastID[id] = containers, m.lastID[id]
	}
	return c
}

// write draws one write and does it in both places.
func (m *model) write(rt *rapid.T, w state.Writer) error {
	kinds := []func(*rapid.T, state.Writer) error{m.create, m.append, m.putRun, m.putOutputs, m.approve}
	if len(m.content.Operations) > 0 {
		kinds = append(kinds, m.putTask, m.putTask, m.insert, m.putOperation)
	}
	return rapid.SampledFrom(kinds).Draw(rt, "kind")(rt, w)
}

func (m *model) draw(rt *rapid.T, a addr.Address) []state.Container {
	containers := make([]state.Container, rapid.IntRange(0, 3).Draw(rt, "containers"))
	for i := range containers {
		m.fresh++
		containers[i] = container(a, fmt.Sprintf("c%d", m.fresh), []string{"a", "b", "d"}[:rapid.IntRange(0, 3).Draw(rt, "tasks")]...)
	}
	return containers
}

// give is containers with the ids that their tasks are to get.
func (m *model) give(id state.OperationID, containers []state.Container) []state.Container {
	given := slices.Clone(containers)
	for i := range given {
		given[i].Tasks = slices.Clone(given[i].Tasks)
		for j := range given[i].Tasks {
			m.lastID[id]++
			given[i].Tasks[j].ID = strconv.Itoa(m.lastID[id])
		}
	}
	return given
}

func (m *model) create(rt *rapid.T, w state.Writer) error {
	op := state.Operation{Address: rapid.SampledFrom([]addr.Address{nightly, addr.Keyspace("k").WithOperation("-:-80,80-"), addr.Keyspace("k").WithOperation("vschema")}).Draw(rt, "address"), Created: at(len(m.content.Operations))}
	containers := m.draw(rt, op.Address)
	created, err := w.CreateOperation(op, containers)
	if err != nil {
		return err
	}
	op.ID, op.Instance = state.OperationID(strconv.Itoa(len(m.content.Operations)+1)), 1
	for _, other := range m.content.Operations {
		if other.Address == op.Address {
			op.Instance++
		}
	}
	if created.ID != op.ID || created.Instance != op.Instance {
		rt.Fatalf("created operation %s, instance %d, want %s, %d", created.ID, created.Instance, op.ID, op.Instance)
	}
	m.content.Operations = append(m.content.Operations, op)
	m.content.Containers[op.ID] = m.give(op.ID, containers)
	return nil
}

func (m *model) operation(rt *rapid.T) (int, state.OperationID, []state.Container) {
	i := rapid.IntRange(0, len(m.content.Operations)-1).Draw(rt, "operation")
	id := m.content.Operations[i].ID
	return i, id, m.content.Containers[id]
}

func (m *model) putOperation(rt *rapid.T, w state.Writer) error {
	i, _, _ := m.operation(rt)
	m.content.Operations[i].Error = rapid.String().Draw(rt, "error")
	return w.PutOperation(m.content.Operations[i])
}

func (m *model) putTask(rt *rapid.T, w state.Writer) error {
	_, id, containers := m.operation(rt)
	if len(containers) == 0 {
		return nil
	}
	c := containers[rapid.IntRange(0, len(containers)-1).Draw(rt, "container")]
	if len(c.Tasks) == 0 {
		return nil
	}
	task := &c.Tasks[rapid.IntRange(0, len(c.Tasks)-1).Draw(rt, "task")]
	task.State = automationpb.TaskState(rapid.Int32Range(1, 3).Draw(rt, "state"))
	task.Output = rapid.SampledFrom([]string{"", "short", string(make([]byte, 300))}).Draw(rt, "output")
	task.Attempts++
	return w.PutTask(id, *task)
}

func (m *model) insert(rt *rapid.T, w state.Writer) error {
	i, id, containers := m.operation(rt)
	if len(containers) == 0 {
		return nil
	}
	after := rapid.IntRange(0, len(containers)-1).Draw(rt, "after")
	inserted := m.draw(rt, m.content.Operations[i].Address)
	m.content.Containers[id] = slices.Insert(slices.Clone(containers), after+1, m.give(id, inserted)...)
	return w.InsertContainers(id, containers[after].Address, inserted)
}

func (m *model) append(rt *rapid.T, w state.Writer) error {
	e := state.LedgerEntry{Sequence: uint64(len(m.content.Ledger) + 1), Time: at(0), Run: rapid.SampledFrom([]string{"r1", "r2"}).Draw(rt, "run"), Event: "task_done", Detail: rapid.String().Draw(rt, "detail")}
	m.content.Ledger = append(m.content.Ledger, e)
	return w.Append(e)
}

func (m *model) putRun(rt *rapid.T, w state.Writer) error {
	run := state.Run{ID: rapid.SampledFrom([]string{"r1", "r2", "r3"}).Draw(rt, "id"), Exit: rapid.IntRange(-1, 7).Draw(rt, "exit")}
	m.content.Runs = slices.DeleteFunc(m.content.Runs, func(r state.Run) bool { return r.ID == run.ID })
	m.content.Runs = append(m.content.Runs, run)
	slices.SortFunc(m.content.Runs, func(a, b state.Run) int { return int(a.ID[1]) - int(b.ID[1]) })
	return w.PutRun(run)
}

func (m *model) putOutputs(rt *rapid.T, w state.Writer) error {
	names := []string{"a", "b", "c"}[:rapid.IntRange(0, 3).Draw(rt, "outputs")]
	m.content.Outputs = nil
	for _, name := range names {
		m.content.Outputs = append(m.content.Outputs, state.Output{Name: name, Sensitive: rapid.Bool().Draw(rt, "sensitive")})
	}
	return w.PutOutputs(m.content.Outputs)
}

func (m *model) approve(rt *rapid.T, w state.Writer) error {
	a := state.Approval{Address: nightly.WithContainer("c"), Digest: rapid.SampledFrom([]string{"d1", "d2"}).Draw(rt, "digest"), Instance: rapid.IntRange(1, 3).Draw(rt, "instance"), By: rapid.String().Draw(rt, "by"), At: at(1)}
	m.content.Approvals = append(m.content.Approvals, a)
	return w.PutApproval(a)
}

func (m *model) compare(rt *rapid.T, r state.Reader) {
	got, err := Read(r)
	if err != nil {
		rt.Fatalf("reading: %v", err)
	}
	for i := range got.Ledger {
		got.Ledger[i].Previous, got.Ledger[i].Hash = "", ""
	}
	if diff := difference(m.content, got); diff != "" {
		rt.Fatalf("content (-model +store):\n%s", diff)
	}
}
