package serve_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/mem"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/pb/automationservicepb"
	"shardform/internal/plan"
)

func TestAnOperationGoesOverTheWireAndBack(t *testing.T) {
	r := newRig(t, registering(block("nightly", []plan.Task{task("hello", "echo", map[string]string{"text": "hello\nyou"}), task("bye", "echo", map[string]string{"text": "bye"})})))
	op := r.await(r.enqueue("nightly", nil))
	if op.Error != "" || op.Id != "1" || op.SerialTasks[0].ParallelTasks[0].Output != "hello\nyou" || op.SerialTasks[0].ParallelTasks[1].Id != "2" {
		t.Errorf("operation %v", op)
	}
	list, err := r.client.ListClusterOperations(t.Context(), &automationpb.ListClusterOperationsRequest{})
	if err != nil || len(list.Operations) != 1 || list.Operations[0].Name != "nightly" {
		t.Errorf("list %v, %v", list, err)
	}
}

func TestBadRequestsGetTheOriginalsTextsAndACode(t *testing.T) {
	r := newRig(t, echoing)
	enqueue := func(name string, parameters map[string]string) error {
		_, err := r.client.EnqueueClusterOperation(t.Context(), &automationpb.EnqueueClusterOperationRequest{Name: name, Parameters: parameters})
		return err
	}
	details := func(id string) error {
		_, err := r.client.GetClusterOperationDetails(t.Context(), &automationpb.GetClusterOperationDetailsRequest{Id: id})
		return err
	}
	all := map[string]string{"keyspace": "k", "source_shard_list": "-", "dest_shard_list": "-80,80-", "vtctld_endpoint": "a:1", "vtworker_endpoint": "b:1"}
	with := func(name, value string) map[string]string {
		p := map[string]string{name: value}
		for n, v := range all {
			if _, ok := p[n]; !ok {
				p[n] = v
			}
		}
		return p
	}
	_, stateErr := r.client.GetClusterOperationState(t.Context(), &automationpb.GetClusterOperationStateRequest{Id: "77"})
	tests := []struct {
		name string
		err  error
		code codes.Code
		want string
	}{
		{"unknown operation", enqueue("nope", nil), codes.NotFound, "no ClusterOperation with name: nope is registered"},
		{"a task that is no operation", enqueue("shell", nil), codes.NotFound, "no ClusterOperation with name: shell is registered"},
		{"missing parameters", enqueue("VerticalSplitTask", map[string]string{"tables": "t", "shard_list": "0"}), codes.InvalidArgument,
			"required parameters are missing: [source_keyspace dest_keyspace vtctld_endpoint vtworker_endpoint]"},
		{"unknown parameter", enqueue("HorizontalReshardingTask", with("speed", "9")), codes.InvalidArgument,
			"parameter speed is not allowed. Allowed required parameters: [keyspace source_shard_list dest_shard_list vtctld_endpoint vtworker_endpoint] optional parameters: [exclude_tables min_healthy_rdonly_tablets]"},
		{"line break", enqueue("HorizontalReshardingTask", with("keyspace", "a\nb")), codes.InvalidArgument, "parameter keyspace has a line break; expected one line"},
		{"no number", enqueue("HorizontalReshardingTask", with("min_healthy_rdonly_tablets", "abc")), codes.InvalidArgument, `parameter min_healthy_rdonly_tablets: expected a whole number that is not negative, found "abc"`},
		{"no address", enqueue("HorizontalReshardingTask", with("vtctld_endpoint", "vtctld")), codes.InvalidArgument, `parameter vtctld_endpoint: "vtctld" is not HOST:PORT`},
		{"no layout", enqueue("HorizontalReshardingTask", with("dest_shard_list", "-40,80-")), codes.InvalidArgument, "- cannot be resharded into -40,80-: shards don't form a contiguous keyrange"},
		{"NUL", enqueue("HorizontalReshardingTask", with("keyspace", "a\x00b")), codes.InvalidArgument, "parameter keyspace has a NUL byte"},
		{"unknown id", details("77"), codes.NotFound, "ClusterOperation with id: 77 not found"},
		{"no id", details(""), codes.NotFound, "ClusterOperation with id:  not found"},
		{"odd id", details("../../etc"), codes.NotFound, "ClusterOperation with id: ../../etc not found"},
		{"state of an unknown id", stateErr, codes.NotFound, "ClusterOperation with id: 77 not found"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if s := status.Convert(tt.err); s.Code() != tt.code || s.Message() != tt.want {
				t.Errorf("%s: %s\nwanted %s: %s", s.Code(), s.Message(), tt.code, tt.want)
			}
		})
	}
	if s := status.Convert(enqueue(strings.Repeat("x", 100000), nil)); s.Code() != codes.NotFound || len(s.Message()) > 5000 {
		t.Errorf("a long name: %s, %d bytes", s.Code(), len(s.Message()))
	}
	if s := status.Convert(enqueue("echo", map[string]string{"text": strings.Repeat("x", 2<<20)})); s.Code() != codes.ResourceExhausted || !strings.Contains(s.Message(), "1048576") {
		t.Errorf("a request that is too large: %s: %s", s.Code(), s.Message())
	}
	if op := r.await(r.enqueue("echo", map[string]string{"text": "two\nlines"})); op.Error != "" || op.Id != "1" {
		t.Errorf("behind all of them: %v", op)
	}
}

// raw is a codec that sends bytes as they are.
type raw struct{}

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}
func (raw) Unmarshal(mem.BufferSlice, any) error { return nil }
func (raw) Name() string                         { return "proto" }

func TestWhatIsNoMessageIsTheClientsMistake(t *testing.T) {
	r := newRig(t, echoing)
	for name, text := range map[string]string{"not UTF-8": "\x0a\x04ech\xff", "not protobuf": "\xff\xff\xff"} {
		err := r.conn.Invoke(t.Context(), automationservicepb.Automation_EnqueueClusterOperation_FullMethodName, []byte(text), new([]byte), grpc.ForceCodecV2(raw{}))
		if s := status.Convert(err); s.Code() != codes.InvalidArgument || !strings.Contains(s.Message(), "the request cannot be read") {
			t.Errorf("%s: %s: %s", name, s.Code(), s.Message())
		}
	}
}

func TestManyRequestsAtOnceAreAllRun(t *testing.T) {
	r := newRig(t, echoing)
	n := 1000
	if testing.Short() {
		n = 100
	}
	ids := make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { ids[i] = r.enqueue("echo", map[string]string{"text": fmt.Sprint(i)}) })
	}
	wg.Wait()
	seen := map[string]bool{}
	for i, id := range ids {
		op := r.await(id)
		if seen[id] || op.Error != "" || op.SerialTasks[0].ParallelTasks[0].Output != fmt.Sprint(i) {
			t.Fatalf("request %d has id %s: %v", i, id, op)
		}
		seen[id] = true
	}
}

func TestAClientThatGoesAwayTakesNothingWithIt(t *testing.T) {
	entered, let := make(chan struct{}, 1), make(chan struct{})
	r := newRig(t, waitingTask(entered, let))
	id := r.enqueue("wait", nil)
	<-entered
	gone, err := grpc.NewClient(r.conn.CanonicalTarget(), grpc.WithTransportCredentials(plaintext()))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			client := automationservicepb.NewAutomationClient(gone)
			for {
				if _, err := client.EnqueueClusterOperation(t.Context(), &automationpb.EnqueueClusterOperationRequest{Name: "wait"}); err != nil {
					return
				}
			}
		})
	}
	_ = r.details(id)
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	close(let)
	last := r.enqueue("wait", nil)
	go func() {
		for range entered {
		}
	}()
	for _, id := range []string{id, last} {
		if op := r.await(id); op.Error != "" {
			t.Errorf("operation %v", op)
		}
	}
	close(entered)
}

func TestWhatAStoppedServerLeavesTheNextOneGoesOnWith(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shardform.db")
	entered, let := make(chan struct{}, 8), make(chan struct{})
	r := rigAt(t, path, waitingTask(entered, let))
	first, second := r.enqueue("wait", nil), r.enqueue("wait", nil)
	<-entered
	r.end()
	_, err := r.scheduler.EnqueueClusterOperation(t.Context(), &automationpb.EnqueueClusterOperationRequest{Name: "wait"})
	if err == nil || err.Error() != "scheduler is not running. State: SHUTDOWN" {
		t.Errorf("enqueueing at a server that ended: %v", err)
	}
	if n, err := r.scheduler.Unfinished(t.Context()); n != 2 || err != nil {
		t.Errorf("%d operations left, %v", n, err)
	}
	close(let)
	r = rigAt(t, path, waitingTask(entered, let))
	for _, id := range []string{first, second} {
		if op := r.await(id); op.Error != "" || op.SerialTasks[0].ParallelTasks[0].Output != "let go" {
			t.Errorf("after the restart: %v", op)
		}
	}
}

func TestHealthAndReflection(t *testing.T) {
	r := newRig(t)
	health, err := healthpb.NewHealthClient(r.conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: "automationservice.Automation"})
	if err != nil || health.Status != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health %v, %v", health, err)
	}
	stream, err := reflectionpb.NewServerReflectionClient(r.conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask := &reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "automationservice.Automation.EnqueueClusterOperation"}}
	if err := stream.Send(ask); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil || len(answer.GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
		t.Errorf("reflection: %v, %v", answer, err)
	}
	_ = stream.CloseSend()
}
