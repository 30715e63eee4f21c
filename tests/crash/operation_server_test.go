//go:build crash

package crash

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/serve"
)

// operationServer is a process that serves operations, and a client of it.
type operationServer struct {
	*serve.Client
	t     *testing.T
	cmd   *exec.Cmd
	at    string        // its address
	ended chan struct{} // closed when the process has
	log   strings.Builder
}

// serveOperations starts shardform serve in dir; failpoint may be "".
func (p testProgram) serveOperations(dir, failpoint string) *operationServer {
	p.t.Helper()
	s := &operationServer{t: p.t, cmd: exec.CommandContext(p.t.Context(), p.path, "serve", "--listen", "127.0.0.1:0"), ended: make(chan struct{})}
	s.cmd.Dir = dir
	s.cmd.Env = append(os.Environ(), "SHARDFORM_FAILPOINT="+failpoint, "SHARDFORM_FAILPOINT_LOG="+filepath.Join(dir, "hits"))
	said, err := s.cmd.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	address := make(chan string, 1)
	go func() {
		defer close(s.ended)
		lines := bufio.NewScanner(said)
		for lines.Scan() {
			s.log.WriteString(lines.Text() + "\n")
			if _, at, ok := strings.Cut(lines.Text(), "serving automationservice.Automation on "); ok {
				address <- at
			}
		}
		_ = s.cmd.Wait() // how it ended is asked of ProcessState
	}()
	select {
	case s.at = <-address:
		at := s.at
		if s.Client, err = serve.Dial(at, nil); err != nil {
			p.t.Fatal(err)
		}
	case <-s.ended:
		p.t.Fatalf("serve ended: %v\n%s", s.cmd.ProcessState, s.log.String())
	}
	return s
}

// await waits for the end of an operation; ok is false if the process ended before.
func (s *operationServer) await(id string) (op *automationpb.ClusterOperation, ok bool) {
	s.t.Helper()
	deadline := time.After(time.Minute)
	for tick := time.Tick(5 * time.Millisecond); ; {
		op, err := s.Details(s.t.Context(), id)
		if err == nil && op.State == automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE {
			return op, true
		}
		select {
		case <-s.ended:
			return nil, false
		case <-deadline:
			_ = s.cmd.Process.Signal(syscall.SIGQUIT) // it says where each goroutine is
			<-s.ended
			s.t.Fatalf("operation %s has not ended after a minute: %v, %v\n%s", id, op, err, s.log.String())
		case <-tick:
		}
	}
}

// terminate ends the process by SIGTERM and returns its exit code, -1 if it was killed.
func (s *operationServer) terminate() int {
	s.t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	<-s.ended
	_ = s.Close()
	return s.cmd.ProcessState.ExitCode()
}

// kill ends the process as a power cut would.
func (s *operationServer) kill() {
	s.t.Helper()
	_ = s.cmd.Process.Kill()
	<-s.ended
	_ = s.Close()
}
