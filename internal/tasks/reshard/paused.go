package reshard

import (
	"fmt"
	"slices"
	"strings"

	"shardform/internal/diag"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// stopped observes a workflow that was stopped: by `shardform pause`, which `shardform resume` ends, or by somebody else,
// which is a conflict.
func (s *scene) stopped(v *vitess.SegmentView) (tasks.Observation, bool) {
	switch {
	case v.Paused():
		return running(fmt.Sprintf("workflow %s is paused by shardform", v.Workflow.Name)), true
	case v.StoppedByOther():
		return conflict(
			fmt.Sprintf("workflow %s was stopped by someone: %s", v.Workflow.Name, strings.Join(stoppedStreams(v.Workflow), ", ")), "streams that run",
			vitess.CommandShowWorkflow(s.keyspace, v.Workflow.Name), vitess.CommandStartWorkflow(s.keyspace, v.Workflow.Name)), true
	}
	return tasks.Observation{}, false
}

// mayWork is the error of a workflow that was stopped, nil if it was not. A pause ends the run as a request to stop does.
func (s *scene) mayWork(v *vitess.SegmentView) error {
	o, found := s.stopped(v)
	switch {
	case !found:
		return nil
	case o.State == tasks.Conflict:
		return asError(o)
	}
	d := failed(o.Detail, "expected streams that run, found: "+strings.Join(stoppedStreams(v.Workflow), ", "), vitess.CommandStartWorkflow(s.keyspace, v.Workflow.Name))
	if s.env.ResumeCommand != nil {
		d.Hint = s.env.ResumeCommand()
	}
	d.Exit = diag.ExitStopped
	return d
}

// whoStopped says that streams back are stopped, and by whom as far as that shows; "" if none is.
func whoStopped(w *vitess.Workflow) string {
	stopped := stoppedStreams(w)
	switch {
	case len(stopped) == 0:
		return ""
	case slices.ContainsFunc(w.Streams, func(st vitess.Stream) bool {
		return st.State == vitess.StateStopped && st.Message != "" && !st.Frozen()
	}):
		return "were stopped by someone: " + strings.Join(stopped, ", ")
	}
	return "are stopped, by someone or by a switch with reverse_replication = false, which does not start them: " + strings.Join(stopped, ", ")
}

func stoppedStreams(w *vitess.Workflow) []string {
	var names []string
	for _, st := range w.Streams {
		if st.State == vitess.StateStopped && !st.Frozen() {
			text := fmt.Sprintf("%s/%d", st.Target, st.ID)
			if st.Message != "" {
				text += fmt.Sprintf(" (%s)", st.Message)
			}
			names = append(names, text)
		}
	}
	return names
}
