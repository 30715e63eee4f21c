package ui

import (
	"fmt"
	"maps"

	"shardform/internal/event"
)

// eventTypes maps what happened to the stream's types.
var eventTypes = map[event.Kind]string{
	event.OperationStart: "apply_start", event.TaskStart: "apply_start",
	event.TaskProgress: "apply_progress", event.TaskOutput: "apply_progress", event.TaskRetry: "apply_progress", event.Stopping: "apply_progress",
	event.TaskDone: "apply_complete", event.OperationDone: "apply_complete",
	event.TaskFailed: "apply_errored", event.OperationFailed: "apply_errored",
	event.Gate: "gate",
}

// Event is an event.Sink: one object for everything that happens.
func (s *JSONStream) Event(e event.Event) {
	fields := map[string]any{"event": e.Kind}
	if e.Progress != nil {
		fields["progress"] = map[string]any{
			"done": e.Progress.Done, "total": e.Progress.Total, "rate": e.Progress.Rate,
			"lag_seconds": e.Progress.Lag.Seconds(), "eta_seconds": e.Progress.ETA.Seconds(),
		}
	}
	if e.Gate != nil {
		g := GateView{Gate: e.Gate.Gate, Reason: e.Message, Opens: optionalTime(e.Gate.Opens), Command: e.Gate.Command}
		maps.Copy(fields, g.fields())
	}
	if e.Kind == event.TaskDone {
		fields["observed"] = e.Observed
	}
	if e.Attempt > 0 {
		fields["attempt"] = e.Attempt
	}
	if e.Elapsed > 0 {
		fields["elapsed_seconds"] = e.Elapsed.Seconds()
	}
	level := "info"
	if e.Kind == event.TaskFailed || e.Kind == event.OperationFailed {
		level = "error"
	}
	message := e.Message
	if message == "" {
		message = fmt.Sprintf("%s: %s", e.Address, e.Kind)
	}
	s.write(level, eventTypes[e.Kind], message, e.Address, fields)
}
