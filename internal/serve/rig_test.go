package serve_test

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"shardform/internal/addr"
	"shardform/internal/apply"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/pb/automationservicepb"
	"shardform/internal/plan"
	"shardform/internal/serve"
	"shardform/internal/state"
	"shardform/internal/tasks"
	"shardform/internal/tasks/builtin"
)

const done = automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE

// rig is a server on a state of its own, and a client.
type rig struct {
	testing.TB
	store     state.Store
	scheduler *apply.Scheduler
	conn      *grpc.ClientConn
	client    automationservicepb.AutomationClient
	stop      chan struct{} // stops scheduler and server
	ended     chan error    // what Serve returned
}

func newRig(t testing.TB, edit ...func(*apply.SchedulerOptions)) *rig {
	return rigAt(t, filepath.Join(t.TempDir(), "shardform.db"), edit...)
}

func rigAt(t testing.TB, path string, edit ...func(*apply.SchedulerOptions)) *rig {
	t.Helper()
	r := &rig{TB: t, store: state.OpenBolt(path, state.BoltOptions{}), stop: make(chan struct{}), ended: make(chan error, 1)}
	o := apply.SchedulerOptions{Store: r.store, Registry: builtin.Registry(), Stop: r.stop}
	for _, e := range edit {
		e(&o)
	}
	var err error
	if r.scheduler, err = apply.NewScheduler(o); err != nil {
		t.Fatal(err)
	}
	server, err := serve.New(r.scheduler, nil)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := serve.Listen(context.Background(), "127.0.0.1:0", nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.scheduler.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	go func() { r.ended <- server.Serve(listener, r.stop) }()
	r.conn = r.dial(listener.Addr())
	r.client = automationservicepb.NewAutomationClient(r.conn)
	t.Cleanup(func() {
		_ = r.conn.Close()
		r.end()
		if err := r.store.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return r
}

func (r *rig) dial(address net.Addr, more ...grpc.DialOption) *grpc.ClientConn {
	r.Helper()
	conn, err := grpc.NewClient(address.String(), append(more, grpc.WithTransportCredentials(plaintext()))...)
	if err != nil {
		r.Fatal(err)
	}
	return conn
}

// end stops the server once and waits for its end.
func (r *rig) end() {
	r.Helper()
	select {
	case <-r.stop:
		return
	default:
	}
	close(r.stop)
	if err := <-r.ended; err != nil {
		r.Errorf("the server ended with %v", err)
	}
}

func (r *rig) enqueue(name string, parameters map[string]string) string {
	r.Helper()
	response, err := r.client.EnqueueClusterOperation(r.Context(), &automationpb.EnqueueClusterOperationRequest{Name: name, Parameters: parameters})
	if err != nil {
		r.Fatalf("enqueueing %s: %v", name, err)
	}
	return response.Id
}

func (r *rig) details(id string) *automationpb.ClusterOperation {
	r.Helper()
	response, err := r.client.GetClusterOperationDetails(r.Context(), &automationpb.GetClusterOperationDetailsRequest{Id: id}, grpc.MaxCallRecvMsgSize(1<<30))
	if err != nil {
		r.Fatalf("details of %s: %v", id, err)
	}
	return response.ClusterOp
}

// await waits for the end of an operation.
func (r *rig) await(id string) *automationpb.ClusterOperation {
	r.Helper()
	for tick := time.Tick(2 * time.Millisecond); ; <-tick {
		response, err := r.client.GetClusterOperationState(r.Context(), &automationpb.GetClusterOperationStateRequest{Id: id})
		if err != nil {
			r.Fatalf("state of %s: %v", id, err)
		}
		if response.State == done {
			return r.details(id)
		}
	}
}

// block is an operation block of one container for each list of tasks.
func block(name string, containers ...[]plan.Task) plan.Operation {
	op := plan.Operation{Address: addr.Operation(name), Kind: plan.KindTasks, Action: plan.Add, Instance: 1, Digest: "digest of " + name}
	for i, list := range containers {
		c := plan.Container{Address: op.Address.WithContainer(string(rune('a' + i))), Action: plan.Add, Tasks: make([]plan.Task, len(list))}
		for n, t := range list {
			t.Address, t.Action = c.Address.WithTask(t.Address.Last()), plan.Add
			c.Tasks[n] = t
		}
		op.Containers = append(op.Containers, c)
	}
	return op
}

// task is a task of a block.
func task(label, name string, parameters map[string]string) plan.Task {
	return plan.Task{Address: addr.Operation("o").WithContainer("c").WithTask(label), Name: name, Parameters: parameters}
}

func registering(blocks ...plan.Operation) func(*apply.SchedulerOptions) {
	return func(o *apply.SchedulerOptions) { o.Blocks = blocks }
}

var _ tasks.Task = (*waiting)(nil)

// waiting is a task that waits until it is let go or asked to stop.
type waiting struct {
	*tasks.Spec
	env     *tasks.Env
	entered chan<- struct{}
	let     <-chan struct{}
}

func (w *waiting) Run(ctx context.Context, _ map[string]string) ([]*automationpb.TaskContainer, string, error) {
	w.entered <- struct{}{}
	select {
	case <-w.let:
		return nil, "let go", nil
	case <-w.env.Stop:
		return nil, "", tasks.ErrStopped
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
}

func (w *waiting) Repeatable() bool { return true }

// waitingTask registers wait, and note, which takes a multi-line text, instead of the built-in tasks.
func waitingTask(entered chan<- struct{}, let <-chan struct{}) func(*apply.SchedulerOptions) {
	spec := &tasks.Spec{Name: "wait", Summary: "waits"}
	return func(o *apply.SchedulerOptions) {
		o.Registry = tasks.NewRegistry(tasks.Definition{Spec: spec, New: func(env *tasks.Env) tasks.Task { return &waiting{spec, env, entered, let} }})
		o.Operations = []string{"wait"}
	}
}

func echoing(o *apply.SchedulerOptions) { o.Operations = append(o.Operations, "echo") }

func plaintext() credentials.TransportCredentials { return insecure.NewCredentials() }
