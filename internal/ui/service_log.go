package ui

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"shardform/internal/addr"
	"shardform/internal/event"
)

const (
	// logTask is how long a task has to last to be worth a line of a service's log when it is done.
	logTask = time.Second
	// logProgressEvery is how often a task that lasts is mentioned.
	logProgressEvery = time.Minute
)

// ServiceLog writes what a service does as lines that begin with the time: beginnings and ends of operations, what goes
// wrong, what tasks put out, and tasks that last. Quick tasks that succeed leave no line.
type ServiceLog struct {
	mu        sync.Mutex
	w         io.Writer
	now       func() time.Time
	mentioned map[addr.Address]time.Time // tasks in progress
}

// NewServiceLog writes to w.
func NewServiceLog(w io.Writer, now func() time.Time) *ServiceLog {
	return &ServiceLog{w: w, now: now, mentioned: map[addr.Address]time.Time{}}
}

// Line writes a line of the service's own.
func (l *ServiceLog) Line(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write(text)
}

func (l *ServiceLog) write(text string) {
	_, _ = fmt.Fprintf(l.w, "%s %s\n", l.now().UTC().Format(time.RFC3339), text)
}

// Event is an event.Sink.
func (l *ServiceLog) Event(e event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if text := l.text(e, strings.ReplaceAll(printable(e.Message), "\n", " ")); text != "" {
		if !e.Address.IsZero() {
			text = e.Address.String() + ": " + text
		}
		l.write(text)
	}
}

// text is what the line of an event says; "" for none.
func (l *ServiceLog) text(e event.Event, message string) string {
	switch e.Kind {
	case event.OperationStart:
		return cmp.Or(message, "starting")
	case event.OperationDone:
		return "done after " + Duration(e.Elapsed)
	case event.TaskFailed, event.OperationFailed:
		delete(l.mentioned, e.Address)
		return fmt.Sprintf("failed after %s: %s", Duration(e.Elapsed), message)
	case event.TaskRetry:
		return fmt.Sprintf("attempt %d failed, trying again in %s: %s", e.Attempt, Duration(e.Wait), message)
	case event.TaskOutput, event.Stopping, event.Gate:
		return message
	case event.TaskProgress:
		if now := l.now(); now.Sub(l.mentioned[e.Address]) >= logProgressEvery {
			l.mentioned[e.Address] = now
			if e.Progress != nil {
				message += "  " + ProgressText(e.Progress)
			}
			return message
		}
	case event.TaskDone:
		delete(l.mentioned, e.Address)
		if e.Elapsed >= logTask {
			text := "done after " + Duration(e.Elapsed)
			if message != "" {
				text += ": " + message
			}
			return text
		}
	}
	return ""
}
