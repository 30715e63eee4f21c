package vitess

import (
	"fmt"
	"slices"
	"time"

	"shardform/internal/keyrange"
)

// The stream states that Vitess names.
const (
	StateInit    = "Init"
	StateStopped = "Stopped"
	StateCopying = "Copying"
	StateRunning = "Running"
	StateError   = "Error"
)

// Frozen reports whether a PRIMARY switch has frozen every stream.
func (w *Workflow) Frozen() bool {
	return w != nil && len(w.Streams) > 0 && w.every(Stream.Frozen)
}

// Running reports whether every stream runs and has nothing left to copy.
func (w *Workflow) Running() bool {
	return w != nil && len(w.Streams) > 0 && w.every(func(s Stream) bool { return s.State == StateRunning && len(s.CopyTables) == 0 })
}

func (w *Workflow) every(is func(Stream) bool) bool {
	return !slices.ContainsFunc(w.Streams, func(s Stream) bool { return !is(s) })
}

func (w *Workflow) some(is func(Stream) bool) bool { return slices.ContainsFunc(w.Streams, is) }

// Errors are the streams' errors as "shard/id: message".
func (w *Workflow) Errors() []string {
	var errs []string
	for _, s := range w.Streams {
		if s.State == StateError {
			errs = append(errs, fmt.Sprintf("%s/%d: %s", s.Target, s.ID, s.Message))
		}
	}
	return errs
}

// Broken reports whether a stream has an error that no waiting ends.
func (w *Workflow) Broken() bool {
	return w.some(func(s Stream) bool { return s.State == StateError && lasts(s.Message) })
}

// complete reports whether there is a stream on every target for every source that intersects it.
func (w *Workflow) complete(segment keyrange.Segment) bool {
	for _, t := range segment.Targets {
		for _, s := range segment.Sources {
			if s.Range.Intersects(t.Range) && !w.some(func(st Stream) bool {
				return rangeOf(st.Target) == t.Range && rangeOf(st.Source) == s.Range
			}) {
				return false
			}
		}
	}
	return true
}

// Lag is how far the slowest stream is behind: the larger of the server's own figure and the age of the last sign of
// life, at least 0. It is unknown while rows are copied (the server then gives a negative number), where a stream does
// not run, and where one has not reported yet.
func (w *Workflow) Lag(now time.Time) (lag time.Duration, known bool) {
	if !w.Running() || w.MaxTransactionLag < 0 {
		return 0, false
	}
	lag = w.MaxTransactionLag
	for _, s := range w.Streams {
		if s.Updated.IsZero() || s.Position == "" { // not begun
			return 0, false
		}
		lag = max(lag, now.Sub(s.Updated))
	}
	return lag, true
}

// ResumeLag is a max_replication_lag_allowed under which the server does not refuse to finish a switch that died: its
// lag grows with the wall clock while the streams stand still, counted from the last transaction or the last update.
func (w *Workflow) ResumeLag(now time.Time) time.Duration {
	lag := max(w.MaxTransactionLag, 0)
	for _, s := range w.Streams {
		for _, at := range []time.Time{s.Transaction, s.Updated} {
			if !at.IsZero() {
				lag = max(lag, now.Sub(at))
			}
		}
	}
	// As much again and an hour: clocks differ, and a bound that is too high costs nothing once writes have stopped.
	return (2*lag + time.Hour).Round(time.Second)
}
