package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"shardform/internal/state"
	"shardform/internal/tasks"
)

// BenchmarkApplyEchoTasks applies operations of echo tasks, one after another, and measures it against as many bare
// commits of bbolt, one record each, on the same file system in the same run: "ratio" is to stay below 1.2.
// The two take turns, so that a disk that gets slower does so for both.
func BenchmarkApplyEchoTasks(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var applied, bare time.Duration
			for b.Loop() {
				bare += bareCommits(b, n/2)
				applied += applyEchoes(b, n)
				bare += bareCommits(b, n-n/2)
			}
			per := float64(b.N * n)
			b.ReportMetric(float64(applied.Microseconds())/per, "µs/task")
			b.ReportMetric(float64(bare.Microseconds())/per, "µs/commit")
			b.ReportMetric(float64(applied)/float64(bare), "ratio")
		})
	}
}

func applyEchoes(b *testing.B, n int) time.Duration {
	b.Helper()
	store := state.OpenBolt(filepath.Join(b.TempDir(), "shardform.db"), state.BoltOptions{})
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf("echo:t%d", i)
	}
	p := planOf(operationOf("o", 0, items))
	begun := time.Now()
	result, err := Run(context.Background(), p, Options{Store: store, Registry: newWorld().registry()})
	took := time.Since(begun)
	if err != nil || result.Operations[0].TasksDone != n {
		b.Fatalf("%+v, %v", result, err)
	}
	if err := store.Close(); err != nil {
		b.Fatal(err)
	}
	return took
}

// bareCommits writes n task records, a transaction each.
func bareCommits(b *testing.B, n int) time.Duration {
	b.Helper()
	path := filepath.Join(b.TempDir(), "bare.db")
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	name := []byte("tasks")
	op := operationOf("o", 0, []string{"echo:t"})
	record := newTask(op.Containers[0].Tasks[0], &tasks.IDGenerator{})
	begun := time.Now()
	for i := range n {
		err := db.Update(func(tx *bolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists(name)
			if err != nil {
				return err
			}
			value, err := json.Marshal(record)
			if err != nil {
				return err
			}
			return bucket.Put(fmt.Appendf(nil, "%08d", i), value)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	took := time.Since(begun)
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	_ = os.Remove(path)
	return took
}
