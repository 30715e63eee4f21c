package state_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
)

// bigOperation is an operation of n tasks in containers of ten.
func bigOperation(n int) (state.Operation, []state.Container) {
	a := addr.Operation("nightly")
	var containers []state.Container
	for i := 0; i < n; i += 10 {
		c := state.Container{Address: a.WithContainer(fmt.Sprintf("step%d", i/10)), Concurrency: 2}
		for j := range min(10, n-i) {
			c.Tasks = append(c.Tasks, state.Task{
				Address: c.Address.WithTask(fmt.Sprintf("shard%d", j)), ID: strconv.Itoa(i + j + 1), Name: "CopySchemaShardTask", State: automationpb.TaskState_NOT_STARTED,
				Parameters: map[string]string{"source_keyspace_and_shard": "customer/-80", "dest_keyspace_and_shard": "customer/80-", "vtctld_endpoint": "localhost:15999"},
			})
		}
		containers = append(containers, c)
	}
	return state.Operation{Address: a, State: automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING, Created: time.Now()}, containers
}

// BenchmarkCheckpoint compares "task i done, task i+1 running, two ledger entries" with a bare bbolt commit of one small
// key, turn about on the same file system, as x-bare.
func BenchmarkCheckpoint(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprintf("tasks=%d", n), func(b *testing.B) {
			s := state.OpenBolt(filepath.Join(b.TempDir(), "state.db"), state.BoltOptions{})
			defer func() { _ = s.Close() }()
			op, containers := bigOperation(n)
			id := mustCreate(b, s, op, containers)
			bare, err := bolt.Open(filepath.Join(b.TempDir(), "bare.db"), 0o600, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = bare.Close() }()
			var ours, theirs time.Duration
			i := 0
			for b.Loop() {
				start := time.Now()
				if err := checkpoint(b.Context(), s, id, containers, i); err != nil {
					b.Fatal(err)
				}
				middle := time.Now()
				err := bare.Update(func(tx *bolt.Tx) error {
					bucket, err := tx.CreateBucketIfNotExists([]byte("bucket"))
					if err != nil {
						return err
					}
					return bucket.Put([]byte("key"), fmt.Appendf(nil, "%d", i))
				})
				if err != nil {
					b.Fatal(err)
				}
				ours, theirs = ours+middle.Sub(start), theirs+time.Since(middle)
				i++
			}
			b.ReportMetric(float64(ours)/float64(theirs), "x-bare")
			b.ReportMetric(float64(ours.Microseconds())/float64(i), "µs/checkpoint")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// checkpoint records what the engine does between task i and the next.
func checkpoint(ctx context.Context, s state.Store, id state.OperationID, containers []state.Container, i int) error {
	at := func(i int) state.Task {
		c := containers[i/10%len(containers)]
		return c.Tasks[i%len(c.Tasks)]
	}
	now := time.Now()
	done, next := at(i), at(i+1)
	done.State, done.Started, done.Ended, done.Announced, done.Output = automationpb.TaskState_DONE, now, now, "copy the schema to customer/80-", "done"
	next.State, next.Started, next.Announced = automationpb.TaskState_RUNNING, now, "copy the schema to customer/80-"
	const run = "20261123T120102Z-1a2b"
	return s.Update(ctx, func(w state.Writer) error {
		for _, task := range []state.Task{done, next} {
			if err := w.PutTask(id, task); err != nil {
				return err
			}
		}
		if err := w.Append(state.LedgerEntry{Time: now, Run: run, Address: done.Address, Event: "task_done"}); err != nil {
			return err
		}
		return w.Append(state.LedgerEntry{Time: now, Run: run, Address: next.Address, Event: "task_running"})
	})
}

// BenchmarkCreate writes an operation in one transaction; time and memory grow in line with its tasks.
func BenchmarkCreate(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("tasks=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			op, containers := bigOperation(n)
			for b.Loop() {
				s := state.OpenBolt(filepath.Join(b.TempDir(), "state.db"), state.BoltOptions{})
				mustCreate(b, s, op, containers)
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkContainers reads a whole operation.
func BenchmarkContainers(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("tasks=%d", n), func(b *testing.B) {
			s := state.OpenBolt(filepath.Join(b.TempDir(), "state.db"), state.BoltOptions{})
			defer func() { _ = s.Close() }()
			op, containers := bigOperation(n)
			id := mustCreate(b, s, op, containers)
			for b.Loop() {
				err := s.View(b.Context(), func(r state.Reader) error {
					_, err := r.Containers(id)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpen is the first View of a process: it checks the whole file.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "state.db")
	s := state.OpenBolt(path, state.BoltOptions{})
	op, containers := bigOperation(100_000)
	mustCreate(b, s, op, containers)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := state.OpenBolt(path, state.BoltOptions{}).View(b.Context(), func(state.Reader) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
