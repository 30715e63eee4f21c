package apply

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"shardform/internal/addr"
	"shardform/internal/event"
	"shardform/internal/tasks"
)

// reporter hands events to the sink one at a time and knows which tasks are in flight.
type reporter struct {
	clock tasks.Clock
	sink  event.Sink

	mu       sync.Mutex
	inFlight map[addr.Address]time.Time // since when
}

func newReporter(clock tasks.Clock, sink event.Sink) *reporter {
	return &reporter{clock: clock, sink: sink, inFlight: map[addr.Address]time.Time{}}
}

func (r *reporter) send(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Time = r.clock.Now()
	r.sink(e)
}

// taskStart reports that a task acts for the given time, counted from 1.
func (r *reporter) taskStart(a addr.Address, message string, attempt int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	if _, ok := r.inFlight[a]; !ok {
		r.inFlight[a] = now
	}
	r.sink(event.Event{Time: now, Kind: event.TaskStart, Address: a, Message: message, Attempt: attempt})
}

// taskEnd reports TaskDone or TaskFailed with the time since the task's start.
func (r *reporter) taskEnd(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Time = r.clock.Now()
	if since, ok := r.inFlight[e.Address]; ok {
		e.Elapsed = e.Time.Sub(since)
		delete(r.inFlight, e.Address)
	}
	r.sink(e)
}

// taskLeft forgets a task that is neither done nor failed.
func (r *reporter) taskLeft(a addr.Address) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.inFlight, a)
}

// running lists the tasks in flight.
func (r *reporter) running() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for a := range maps.Keys(r.inFlight) {
		names = append(names, a.String())
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
