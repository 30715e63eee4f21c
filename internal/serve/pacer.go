package serve

import (
	"context"
	"sync"
	"time"
)

// How much of large answers is sent while an operation runs. A hundred clients that ask for the details of ten thousand
// tasks twenty times a second would have gigabytes sent every second, by the same processor that runs the tasks.
const (
	pacedRate  = 16 << 20  // bytes a second
	pacedBurst = 4 << 20   // bytes that may be sent at once after a pause
	unpaced    = 128 << 10 // answers up to this size in bytes never wait
)

// pacer makes answers wait for their turn, in the order in which they come. The zero value is ready to use.
type pacer struct {
	mu   sync.Mutex
	free time.Time // when what was let go so far is paid for, burst included
}

// wait returns when an answer of so many bytes may be sent, or with the error of ctx.
func (p *pacer) wait(ctx context.Context, bytes int) error {
	if bytes <= unpaced {
		return nil
	}
	p.mu.Lock()
	now := time.Now()
	if earliest := now.Add(-cost(pacedBurst)); p.free.Before(earliest) {
		p.free = earliest
	}
	p.free = p.free.Add(cost(bytes))
	pause := p.free.Sub(now)
	p.mu.Unlock()
	if pause <= 0 {
		return nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// cost is how long an answer takes at the paced rate.
func cost(bytes int) time.Duration {
	return time.Duration(float64(bytes) / pacedRate * float64(time.Second))
}
