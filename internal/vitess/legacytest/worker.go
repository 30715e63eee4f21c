package legacytest

import (
	"context"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	logutilpb "vitess.io/vitess/go/vt/proto/logutil"
)

// Worker keeps the rules of a real vtworker around the commands that Run does: one at a time, and none behind another
// before a Reset. Handle is its Handler.
type Worker struct {
	Run Handler // commands but Reset
	// Reset runs before a Reset is done; its error is the command's, and nothing is reset. nil: nothing.
	Reset func() error

	mu    sync.Mutex
	state string // "": ready, "running", "stopped"
	last  string
}

// Handle implements Handler.
func (w *Worker) Handle(ctx context.Context, args []string, send func(*logutilpb.Event)) error {
	if slices.Equal(args, []string{"Reset"}) {
		return w.reset()
	}
	if err := w.begin(args); err != nil {
		return err
	}
	defer w.end()
	return w.Run(ctx, args, send)
}

// Occupy makes the worker busy with a command of somebody else until release is called.
func (w *Worker) Occupy(command string) (release func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state, w.last = "running", command
	return w.end
}

func (w *Worker) reset() error {
	if w.Reset != nil {
		if err := w.Reset(); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == "running" {
		return status.Error(codes.FailedPrecondition, "worker still executing")
	}
	w.state = ""
	return nil
}

func (w *Worker) begin(args []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch w.state {
	case "running":
		return status.Error(codes.Unavailable, "A worker job is already in progress: "+w.last)
	case "stopped":
		return status.Error(codes.Unavailable, "A worker job was recently stopped (3 seconds ago): "+w.last)
	}
	w.state, w.last = "running", strings.Join(args, " ")
	return nil
}

func (w *Worker) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = "stopped"
}
