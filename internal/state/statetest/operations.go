package statetest

import (
	"encoding/json"
	"testing"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
)

func testEmpty(t *testing.T, s state.Store) {
	view(t, s, func(r state.Reader) error {
		same(t, "meta", state.Meta{}, r.Meta())
		if _, ok, err := r.Operation("1"); ok || err != nil {
			t.Errorf("operation 1: %v, %v", ok, err)
		}
		if _, ok, err := r.Latest(nightly); ok || err != nil {
			t.Errorf("latest: %v, %v", ok, err)
		}
		if _, ok, err := r.Task(nightly.WithContainer("c").WithTask("t")); ok || err != nil {
			t.Errorf("task: %v, %v", ok, err)
		}
		if c, err := r.Containers("1"); len(c) != 0 || err != nil {
			t.Errorf("containers: %v, %v", c, err)
		}
		return nil
	})
	same(t, "content", Content{}, content(t, s))
}

func testMeta(t *testing.T, s state.Store) {
	var first, second state.Meta
	nothing := func(state.Writer) error { return nil }
	update(t, s, nothing)
	view(t, s, func(r state.Reader) error { first = r.Meta(); return nil })
	update(t, s, nothing)
	view(t, s, func(r state.Reader) error { second = r.Meta(); return nil })
	if first.Lineage == "" || first.Format != state.Format || first.Serial != 1 {
		t.Errorf("meta after the first update: %+v", first)
	}
	first.Serial = 2
	same(t, "meta after the second update", first, second)
}

// fullOperation has every field set.
func fullOperation() (state.Operation, []state.Container) {
	a := addr.Keyspace("customer").WithOperation("-:-80,80-")
	op := state.Operation{
		Address: a, Digest: "sha256:1234", Cluster: "main", Keyspace: "customer", State: automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE,
		Error: "copy: it <broke>", Forgotten: true, Created: at(0), Ended: at(9), Plan: json.RawMessage(`{"kind":"reshard","n":1}`),
		Waiting: &state.Waiting{Task: a.WithContainer("soak").WithTask("soak"), Gate: "soak", Reason: "it soaks", Opens: at(7), Command: "wait"},
	}
	c := container(a, "create", "workflow")
	c.Concurrency = 3
	c.Tasks[0] = state.Task{
		Address: c.Address.WithTask("workflow"), Name: "reshard_create", Parameters: map[string]string{"cells": "zone1", "": "odd"},
		Sensitive: map[string]string{"password": state.HashSensitive("secret")}, ID: "7", State: automationpb.TaskState_DONE, Output: "out\n", Error: "err",
		Attempts: 2, Started: at(1), Ended: at(2), Announced: "create workflow sf_1", Observed: true, Process: &state.Process{Host: "h", Boot: "b", Mark: "m", PID: 7, Started: "99"},
	}
	return op, []state.Container{c, {Address: a.WithContainer("empty")}}
}

func testRoundTrip(t *testing.T, s state.Store) {
	op, containers := fullOperation()
	created := create(t, s, op, containers...)
	op.ID, op.Instance = "1", 1
	same(t, "operation as returned", op, created)
	c := content(t, s)
	same(t, "operations", []state.Operation{op}, c.Operations)
	same(t, "containers", containers, c.Containers["1"])

	op.State, op.Error, op.Plan, op.Waiting = automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING, "", nil, nil
	update(t, s, func(w state.Writer) error { return w.PutOperation(op) })
	same(t, "operation put", []state.Operation{op}, content(t, s).Operations)
}

func testInstances(t *testing.T, s state.Store) {
	other := addr.Operation("nightly2")
	for _, a := range []addr.Address{nightly, other, nightly, nightly, other} {
		create(t, s, state.Operation{Address: a, ID: "99", Instance: 99}, container(a, "c", "t"))
	}
	want := []struct {
		a        addr.Address
		id       state.OperationID
		instance int
	}{{nightly, "1", 1}, {other, "2", 1}, {nightly, "3", 2}, {nightly, "4", 3}, {other, "5", 2}}
	for i, op := range content(t, s).Operations {
		if op.Address != want[i].a || op.ID != want[i].id || op.Instance != want[i].instance {
			t.Errorf("operation %d: got %s, id %s, instance %d, want %v", i, op.Address, op.ID, op.Instance, want[i])
		}
	}
	view(t, s, func(r state.Reader) error {
		op, ok, err := r.Latest(nightly.WithContainer("c").WithTask("t"))
		if op.ID != "4" || !ok || err != nil {
			t.Errorf("newest of %s: got %s, %v, %v", nightly, op.ID, ok, err)
		}
		return nil
	})
}

func testTaskIDs(t *testing.T, s state.Store) {
	c := container(nightly, "c", "a", "b", "d", "e")
	c.Tasks[1].ID, c.Tasks[2].ID = "7", "seven"
	op := create(t, s, state.Operation{Address: nightly}, c)
	same(t, "ids", "c[a=8 b=7 d=seven e=9] ", outline(content(t, s).Containers[op.ID]))
	if c.Tasks[0].ID != "" {
		t.Errorf("the caller's task was given the id %s", c.Tasks[0].ID)
	}
	update(t, s, func(w state.Writer) error {
		return w.InsertContainers(op.ID, c.Address, []state.Container{container(nightly, "x", "a", "b")})
	})
	same(t, "ids", "c[a=8 b=7 d=seven e=9] x[a=10 b=11] ", outline(content(t, s).Containers[op.ID]))
}

func testPutTask(t *testing.T, s state.Store) {
	old := create(t, s, state.Operation{Address: nightly}, container(nightly, "c", "a", "b"))
	op := create(t, s, state.Operation{Address: nightly}, container(nightly, "c", "a", "b"), container(nightly, "d", "a"))
	before := content(t, s)
	task := before.Containers[op.ID][0].Tasks[1]
	task.State, task.Output, task.Started = automationpb.TaskState_DONE, "done", at(3)
	update(t, s, func(w state.Writer) error {
		if err := w.PutTask(op.ID, task); err != nil {
			return err
		}
		found, ok, err := w.Task(task.Address)
		same(t, "task inside of the transaction", task, found)
		if !ok {
			t.Error("task is not found inside of the transaction")
		}
		return err
	})
	before.Containers[op.ID][0].Tasks[1] = task
	same(t, "content", before, content(t, s))
	// Many more checkpoints, so that whatever a store puts off comes due, and an older instance is written too.
	for i := range 40 {
		task.Attempts = i
		update(t, s, func(w state.Writer) error { return w.PutTask(op.ID, task) })
	}
	before.Containers[op.ID][0].Tasks[1] = task
	first := before.Containers[old.ID][0].Tasks[0]
	first.Error = "late"
	update(t, s, func(w state.Writer) error { return w.PutTask(old.ID, first) })
	before.Containers[old.ID][0].Tasks[0] = first
	same(t, "content", before, content(t, s))
}

func testInsert(t *testing.T, s state.Store) {
	op := create(t, s, state.Operation{Address: nightly}, container(nightly, "a", "t"), container(nightly, "b", "t"), container(nightly, "c", "t"))
	insert := func(after string, containers ...state.Container) {
		t.Helper()
		update(t, s, func(w state.Writer) error {
			task, _, err := w.Task(nightly.WithContainer(after).WithTask("t"))
			if err != nil {
				return err
			}
			task.State = automationpb.TaskState_DONE
			if err := w.PutTask(op.ID, task); err != nil {
				return err
			}
			return w.InsertContainers(op.ID, nightly.WithContainer(after), containers)
		})
	}
	insert("b", container(nightly, "b1", "t"), container(nightly, "b2", "t", "u"))
	insert("b1", container(nightly, "b11", "t"))
	insert("c", container(nightly, "c1", "t"))
	insert("b11", container(nightly, "b111"), container(nightly, "b112", "t"))
	want := "a[t=1] b[t=2] b1[t=4] b11[t=7] b111[] b112[t=9] b2[t=5 u=6] c[t=3] c1[t=8] "
	same(t, "order", want, outline(content(t, s).Containers[op.ID]))
}

func testInsertTwice(t *testing.T, s state.Store) {
	op := create(t, s, state.Operation{Address: nightly}, container(nightly, "a", "t"), container(nightly, "b", "t"))
	for _, name := range []string{"x", "y", "z"} {
		update(t, s, func(w state.Writer) error {
			return w.InsertContainers(op.ID, nightly.WithContainer("a"), []state.Container{container(nightly, name, "1"), container(nightly, name+"2")})
		})
	}
	same(t, "order", "a[t=1] z[1=5] z2[] y[1=4] y2[] x[1=3] x2[] b[t=2] ", outline(content(t, s).Containers[op.ID]))
}
