package cli

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"shardform/internal/parallel"
)

// signals turns SIGINT and SIGTERM into what commands can wait for. The first closes stop and ends ctx; for a command
// that called finishAtFirst it only closes stop, and the second ends ctx.
type signals struct {
	ctx    context.Context
	stop   chan struct{}
	cancel context.CancelFunc
	ch     chan os.Signal
	done   chan struct{}

	watching *parallel.Routine

	mu     sync.Mutex
	gentle bool // guarded by mu: the first signal only closes stop
}

func watchSignals() *signals {
	ctx, cancel := context.WithCancel(context.Background())
	s := &signals{ctx: ctx, cancel: cancel, stop: make(chan struct{}), ch: make(chan os.Signal, 2), done: make(chan struct{})}
	signal.Notify(s.ch, syscall.SIGINT, syscall.SIGTERM)
	s.watching = parallel.Start(s.watch)
	return s
}

func (s *signals) watch() error {
	for count := 1; ; count++ {
		select {
		case <-s.done:
			return nil
		case <-s.ch:
		}
		if count == 1 {
			close(s.stop)
		}
		if s.mu.Lock(); count > 1 || !s.gentle {
			s.cancel()
		}
		s.mu.Unlock()
	}
}

// finishAtFirst makes the first signal a request to stop at a safe point, instead of the end.
func (s *signals) finishAtFirst() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gentle = true
}

// close ends the watch. The error is the panic that ended it before.
func (s *signals) close() error {
	signal.Stop(s.ch)
	close(s.done)
	s.cancel()
	return s.watching.Wait()
}
