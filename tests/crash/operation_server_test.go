//go:build crash

package crash

import (
	"syscall"
	"time"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/serve"
)

// operationServer is a process that serves operations, and a client of it.
type operationServer struct {
	*server
	*serve.Client
}

// serveOperations starts shardform serve in dir.
func (p program) serveOperations(dir string) *operationServer {
	p.t.Helper()
	s := p.serve(dir, "serving automationservice.Automation on ", "serve", "--listen", "127.0.0.1:0")
	client, err := serve.Dial(s.address, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = client.Close() })
	return &operationServer{s, client}
}

// await waits for the end of an operation; ok is false if the process ended before.
func (s *operationServer) await(id string) (op *automationpb.ClusterOperation, ok bool) {
	s.t.Helper()
	deadline := time.After(5 * time.Minute)
	for tick := time.Tick(5 * time.Millisecond); ; {
		op, err := s.Details(s.t.Context(), id)
		if err == nil && op.State == automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE {
			return op, true
		}
		select {
		case <-s.exited:
			return nil, false
		case <-deadline:
			_ = s.cmd.Process.Signal(syscall.SIGQUIT) // it prints where each goroutine is
			<-s.exited
			s.t.Fatalf("operation %s has not ended after five minutes: %v, %v\n%s", id, op, err, s.logged())
		case <-tick:
		}
	}
}
