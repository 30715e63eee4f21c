package apply

import (
	"context"
	"fmt"
	"sync"
	"time"

	"shardform/internal/event"
	"shardform/internal/parallel"
	"shardform/internal/tasks"
)

// stopper is the request to stop at the next safe point, made once.
type stopper struct {
	requested chan struct{} // closed by the request

	mu     sync.Mutex
	reason string
}

func newStopper() *stopper { return &stopper{requested: make(chan struct{})} }

// request asks to stop; it reports whether nobody had before.
func (s *stopper) request(reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason != "" {
		return false
	}
	s.reason = reason
	close(s.requested)
	return true
}

func (s *stopper) asked() bool {
	select {
	case <-s.requested:
		return true
	default:
		return false
	}
}

func (s *stopper) why() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason
}

// watch turns a signal, the end of ctx and the end of maxDuration into a request to stop, until end is called. end may
// be called again; it returns when nothing is left of the watching, with the panic that ended it, if any.
func (e *engine) watch(ctx context.Context, signal <-chan struct{}, maxDuration time.Duration) (end func() error) {
	var watching parallel.Group
	over := make(chan struct{})
	request := func(reason string) {
		if e.stop.request(reason) {
			e.report.stopping(reason)
		}
	}
	watching.Go(func() error {
		select {
		case <-signal:
			request("stopped on request")
		case <-ctx.Done():
			request("cancelled on request")
		case <-over:
		}
		return nil
	})
	if maxDuration > 0 {
		watching.Go(func() error {
			if e.clock.Sleep(ctx, over, maxDuration) == nil {
				request(fmt.Sprintf("the run has taken the %s that it was given", tasks.DurationText(maxDuration)))
			}
			return nil
		})
	}
	return sync.OnceValue(func() error {
		close(over)
		return watching.Wait()
	})
}

// stopping tells what a stop waits for.
func (r *reporter) stopping(reason string) {
	message := reason + ": nothing is in flight"
	if running := r.running(); running != "" {
		message = reason + ": waiting for a safe point of " + running
	}
	r.send(event.Event{Kind: event.Stopping, Message: message})
}
