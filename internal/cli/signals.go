package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"shardform/internal/diag"
	"shardform/internal/parallel"
)

// signals turns SIGINT, SIGTERM and SIGHUP into what commands can wait for. The first closes stop and ends ctx; for a
// command that called finishAtFirst it only closes stop, and the second ends ctx.
type signals struct {
	ctx    context.Context
	stop   chan struct{}
	cancel context.CancelFunc
	ch     chan os.Signal
	done   chan struct{}
	exit   func(code int) // of the process

	watching *parallel.Routine

	mu     sync.Mutex
	gentle bool           // guarded by mu: the first signal only closes stop
	pipe   chan os.Signal // guarded by mu; SIGPIPE of a command that finishes: nobody reads it

	inFlight bool // guarded by mu: something is being changed, which a second signal does not cut off
}

func watchSignals() *signals {
	ctx, cancel := context.WithCancel(context.Background())
	s := &signals{ctx: ctx, cancel: cancel, stop: make(chan struct{}), ch: make(chan os.Signal, 2), done: make(chan struct{}), exit: os.Exit}
	asking := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // else nohup wants it to be
		asking = append(asking, syscall.SIGHUP)
	}
	signal.Notify(s.ch, asking...)
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
		if count > 1 && !s.inFlight {
			s.exit(int(diag.ExitStopped))
		}
		s.mu.Unlock()
	}
}

// finishAtFirst makes the first signal a request to stop at a safe point, instead of the end. A closed pipe is no signal at
// all then, but an error of writing: it would end the process in the middle of a change. Its children still die of it, which
// they would not if it were ignored.
func (s *signals) finishAtFirst() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gentle = true
	if s.pipe == nil {
		s.pipe = make(chan os.Signal, 1)
		signal.Notify(s.pipe, syscall.SIGPIPE)
	}
}

// stopped returns list with one stop in the place of whatever ended because a signal ended ctx: that is no failure.
func (s *signals) stopped(list diag.List) diag.List {
	if s.ctx.Err() == nil {
		return list
	}
	var all diag.List
	said := false
	for _, d := range list {
		switch {
		case d.Severity != diag.Error || d.Exit == diag.ExitStopped || !errors.Is(d, context.Canceled):
			all = append(all, d)
		case !said:
			said = true
			all = append(all, &diag.Diagnostic{Severity: diag.Error, Summary: "stopped on request", Address: d.Address, Detail: d.Error(), Exit: diag.ExitStopped, Cause: d})
		}
	}
	return all
}

// close ends the watch. The error is the panic that ended it before.
func (s *signals) close() error {
	signal.Stop(s.ch)
	close(s.done)
	s.cancel()
	return s.watching.Wait()
}

// changing says that from now on something may be in flight: a second signal does not end the process by itself.
func (s *signals) changing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight = true
}
