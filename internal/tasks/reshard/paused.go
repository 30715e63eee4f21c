package reshard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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
	case v.SwitchUndone():
		return running(fmt.Sprintf("a switch of writes failed and has left streams of workflow %s stopped: %s; they are started before writes are switched",
			v.Workflow.Name, strings.Join(stoppedStreams(v.Workflow), ", "))), true
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
	case v.SwitchUndone():
		return refused(o.Detail, "expected streams that run", vitess.CommandStartWorkflow(s.keyspace, v.Workflow.Name))
	}
	d := failed(o.Detail, "expected streams that run, found: "+strings.Join(stoppedStreams(v.Workflow), ", "), vitess.CommandStartWorkflow(s.keyspace, v.Workflow.Name))
	if s.env.ResumeCommand != nil {
		d.Hint = s.env.ResumeCommand()
	}
	d.Exit = diag.ExitStopped
	return d
}

// restartSettle is how long streams may take to run after they were started.
const restartSettle = 30 * time.Second

// startAfterSwitch starts the streams that a failed switch of writes has left stopped, and returns the view after that.
func (s *scene) startAfterSwitch(ctx context.Context, v *vitess.SegmentView) (*vitess.SegmentView, error) {
	name := v.Workflow.Name
	s.say("starting the streams of %s that a failed switch of writes has left stopped: %s", name, strings.Join(stoppedStreams(v.Workflow), ", "))
	acted := s.cluster.StartWorkflow(ctx, s.keyspace, name)
	limit := restartSettle
	if acted != nil {
		limit = 0
	}
	v, started, err := s.settle(ctx, limit, func(v *vitess.SegmentView) bool { return !v.SwitchUndone() })
	switch {
	case started:
		return v, nil
	case acted != nil:
		return nil, wrap(fmt.Sprintf("starting workflow %s, which a failed switch of writes has left stopped, failed", name), acted, vitess.CommandStartWorkflow(s.keyspace, name), true)
	case err != nil:
		return nil, err
	}
	return nil, temporary(failed(fmt.Sprintf("workflow %s was started and is still stopped", name), strings.Join(stoppedStreams(v.Workflow), ", "), vitess.CommandShowWorkflow(s.keyspace, name)))
}

// whoStopped says that streams back are stopped, and by whom as far as that shows; "" if none is.
func whoStopped(w *vitess.Workflow) string {
	stopped := stoppedStreams(w)
	switch {
	case len(stopped) == 0:
		return ""
	case !slices.ContainsFunc(w.Streams, func(st vitess.Stream) bool {
		return st.State == vitess.StateStopped && st.Message != vitess.CutoverMessage && !st.Frozen()
	}):
		return "were left stopped by a switch of writes that failed: " + strings.Join(stopped, ", ")
	case slices.ContainsFunc(w.Streams, func(st vitess.Stream) bool {
		return st.State == vitess.StateStopped && st.Message != "" && !st.Frozen()
	}):
		return "were stopped by someone: " + strings.Join(stopped, ", ")
	}
	return "are stopped, by someone or by a switch with reverse_replication = false, which does not start them: " + strings.Join(stopped, ", ")
}

// neverStarted reports whether streams back look like those that a switch with reverse_replication = false leaves. Streams
// that somebody stopped without a message look the same.
func neverStarted(w *vitess.Workflow) bool {
	return !slices.ContainsFunc(w.Streams, func(st vitess.Stream) bool { return st.State != vitess.StateStopped || st.Message != "" })
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
