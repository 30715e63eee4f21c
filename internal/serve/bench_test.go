package serve_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"

	"shardform/internal/apply"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/pb/automationservicepb"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/tasks/builtin"
)

func echoes(n int) plan.Operation {
	list := make([]plan.Task, n)
	for i := range list {
		list[i] = task(fmt.Sprintf("t%d", i), "echo", map[string]string{"text": fmt.Sprintf("text %d", i)})
	}
	return block("echoes", list)
}

// BenchmarkServe runs the same echo tasks through the service, enqueued over the wire by a client that asks for the
// operation's state until it is done, and through an apply: "ratio" is the first by the second. They take turns.
func BenchmarkServe(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var served, applied time.Duration
			for b.Loop() {
				applied += applyAll(b, n)
				served += serveAll(b, n, nil)
				served += serveAll(b, n, nil)
				applied += applyAll(b, n)
			}
			b.ReportMetric(float64(served.Microseconds())/float64(2*b.N*n), "µs/task")
			b.ReportMetric(float64(applied.Microseconds())/float64(2*b.N*n), "µs/task-applied")
			b.ReportMetric(float64(served)/float64(applied), "ratio")
		})
	}
}

// BenchmarkServePolled is a run of 10,000 tasks while 100 clients ask for its details, 50 ms between an answer and the
// next question as the original client has it, against the same run without them. The clients are in this process, and so
// take from the run what would be another machine's; they throw away what they get.
func BenchmarkServePolled(b *testing.B) {
	const n, clients = 10000, 100
	var alone, polled, longest time.Duration
	var answers, bytes int
	for b.Loop() {
		alone += serveAll(b, n, nil)
		var p pollers
		polled += serveAll(b, n, func(r *rig, id string) func() { return p.start(r, id, clients) })
		alone += serveAll(b, n, nil)
		polled += serveAll(b, n, func(r *rig, id string) func() { return p.start(r, id, clients) })
		answers, bytes, longest = answers+p.answers, bytes+p.bytes, max(longest, p.longest)
	}
	b.ReportMetric(float64(polled)/float64(alone), "ratio")
	b.ReportMetric(float64(answers)/polled.Seconds(), "answers/s")
	b.ReportMetric(float64(bytes)/polled.Seconds()/1e6, "MB/s")
	b.ReportMetric(float64(longest.Milliseconds()), "ms-longest")
}

// BenchmarkDetails is the server's time for the details of an operation of 10,000 tasks that nobody asked for before, and
// that somebody asks for again.
func BenchmarkDetails(b *testing.B) {
	path := filepath.Join(b.TempDir(), "shardform.db")
	r := rigAt(b, path, registering(echoes(10000)))
	id := r.enqueue("echoes", nil)
	r.await(id)
	r.end()
	ask := func(b *testing.B, s *apply.Scheduler) {
		if text, err := s.EncodedDetails(context.Background(), id); err != nil || len(text) < 100000 {
			b.Fatalf("%d bytes, %v", len(text), err)
		}
	}
	fresh := func(b *testing.B) *apply.Scheduler {
		store := state.OpenBolt(path, state.BoltOptions{})
		b.Cleanup(func() { _ = store.Close() })
		s, err := apply.NewScheduler(apply.SchedulerOptions{Store: store, Registry: builtin.Registry()})
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			ask(b, fresh(b))
		}
	})
	b.Run("again", func(b *testing.B) {
		s := fresh(b)
		ask(b, s)
		for b.Loop() {
			ask(b, s)
		}
	})
}

func applyAll(b *testing.B, n int) time.Duration {
	b.Helper()
	store := state.OpenBolt(filepath.Join(b.TempDir(), "shardform.db"), state.BoltOptions{})
	op := echoes(n)
	begun := time.Now()
	result, err := apply.Run(context.Background(), &plan.Plan{Operations: []plan.Operation{op}, Digest: "plan"}, apply.Options{Store: store, Registry: builtin.Registry()})
	took := time.Since(begun)
	if err != nil || result.Operations[0].TasksDone != n {
		b.Fatalf("%+v, %v", result, err)
	}
	if err := store.Close(); err != nil {
		b.Fatal(err)
	}
	return took
}

// serveAll is the time from the request to the end of the operation.
func serveAll(b *testing.B, n int, beside func(r *rig, id string) (end func())) time.Duration {
	b.Helper()
	r := newRig(b, registering(echoes(n)))
	begun := time.Now()
	id := r.enqueue("echoes", nil)
	var end func()
	if beside != nil {
		end = beside(r, id)
	}
	for tick := time.Tick(20 * time.Millisecond); ; <-tick {
		response, err := r.client.GetClusterOperationState(context.Background(), &automationpb.GetClusterOperationStateRequest{Id: id})
		if err != nil {
			b.Fatal(err)
		}
		if response.State == done {
			break
		}
	}
	took := time.Since(begun)
	if end != nil {
		end()
	}
	if op := r.details(id); op.Error != "" || len(op.SerialTasks[0].ParallelTasks) != n {
		b.Fatalf("operation ended with %q", op.Error)
	}
	r.end()
	return took
}

// pollers are clients that ask for details again and again.
type pollers struct {
	mu             sync.Mutex
	answers, bytes int
	longest        time.Duration
}

func (p *pollers) start(r *rig, id string, clients int) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range clients {
		conn, err := grpc.NewClient(r.conn.CanonicalTarget(), grpc.WithTransportCredentials(plaintext()), grpc.WithDefaultCallOptions(grpc.ForceCodecV2(discarding{}), grpc.MaxCallRecvMsgSize(1<<30)))
		if err != nil {
			r.Fatal(err)
		}
		wg.Go(func() {
			defer func() { _ = conn.Close() }()
			for ctx.Err() == nil {
				begun := time.Now()
				answer := &discarded{id: id}
				err := conn.Invoke(ctx, automationservicepb.Automation_GetClusterOperationDetails_FullMethodName, answer, answer)
				if err == nil {
					p.mu.Lock()
					p.answers, p.bytes, p.longest = p.answers+1, p.bytes+answer.bytes, max(p.longest, time.Since(begun))
					p.mu.Unlock()
				} else if ctx.Err() == nil && !strings.Contains(err.Error(), "canceled") {
					r.Errorf("polling: %v", err)
				}
				select {
				case <-time.After(50 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
	}
	return func() {
		cancel()
		wg.Wait()
	}
}

// discarded is a request for details, and what became of the answer.
type discarded struct {
	id    string
	bytes int
}

// discarding is a codec that counts the bytes of an answer and looks no closer.
type discarding struct{}

func (discarding) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(append([]byte{1<<3 | 2, byte(len(v.(*discarded).id))}, v.(*discarded).id...))}, nil
}

func (discarding) Unmarshal(data mem.BufferSlice, v any) error {
	v.(*discarded).bytes = data.Len()
	return nil
}

func (discarding) Name() string { return "proto" }
