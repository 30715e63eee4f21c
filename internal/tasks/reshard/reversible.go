package reshard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"shardform/internal/diag/spell"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// glimpse is the scene of a task that is only asked for its commands, and what it would see; nil where no cluster can be
// asked.
func (b *base) glimpse(ctx context.Context, parameters map[string]string) (*scene, *vitess.SegmentView, error) {
	if b.env.Cluster != nil {
		if s, v, err := b.sight(ctx, parameters); err == nil {
			return s, v, nil
		}
	}
	s, err := b.scene(parameters)
	return s, nil, err
}

// withoutWorkflow is the conflict of traffic that has moved and that nothing takes back any more: both workflows are gone.
func (s *scene) withoutWorkflow(v *vitess.SegmentView) (tasks.Observation, bool) {
	switch {
	case v.Workflow != nil || v.Reverse != nil:
		return tasks.Observation{}, false
	case v.Writes() == vitess.AllSwitched:
		return conflict(fmt.Sprintf("the reshard was finished: %s serves and there is no reverse stream any more", s.segment.Targets),
			"a reshard that is open", fmt.Sprintf("plan again: %s becomes %s by a new reshard", s.segment.Targets, s.segment.Sources), vitess.CommandGetWorkflows(s.keyspace)), true
	}
	cure := append([]string{"# no workflow is left that could switch anything back; writes decide what serves:"}, wayBack{v}.clear()...)
	return conflict(fmt.Sprintf("traffic is on %s and the workflow is gone: %s", s.segment.Targets, s.serving(v)), "the workflow that moved it", cure...), true
}

// irreversible is what stands in the way of taking traffic back while writes are switched, and does not pass by itself.
func (s *scene) irreversible(v *vitess.SegmentView) (tasks.Observation, bool) {
	if o, found := s.strangers(v); found {
		return o, true
	}
	if v.Writes() != vitess.AllSwitched {
		return tasks.Observation{}, false
	}
	const expected = "reverse streams that run on every source: without them the sources lack what was written since"
	if v.Reverse == nil {
		return conflict("writes are switched and there are no reverse streams", expected, vitess.CommandGetWorkflows(s.keyspace)), true
	}
	show := vitess.CommandShowWorkflow(s.keyspace, v.Reverse.Name)
	if stopped := stoppedStreams(v.Reverse); len(stopped) > 0 {
		return conflict(fmt.Sprintf("writes are switched and reverse streams are stopped: %s", strings.Join(stopped, ", ")), expected,
			show, vitess.CommandStartWorkflow(s.keyspace, v.Reverse.Name)), true
	}
	if v.Reverse.Frozen() || v.Reverse.Running() && !v.ReverseRunning() {
		return conflict("writes are switched and reverse streams are frozen or missing", expected, show), true
	}
	return tasks.Observation{}, false
}

// strangers are workflows that the way back is not of. It is foreign without the complaints about the segment's own workflows: that the way back has lost its partner,
// and that an interrupted creation or deletion lacks streams.
func (s *scene) strangers(v *vitess.SegmentView) (tasks.Observation, bool) {
	others := *v
	others.Conflicts = slices.DeleteFunc(slices.Clone(v.Conflicts), func(c vitess.Conflict) bool {
		return v.Reverse != nil && c.Workflow == v.Reverse.Name || v.Workflow != nil && c.Workflow == v.Workflow.Name && c.Workflow == s.String("workflow")
	})
	if o, found := foreign(&others); found {
		return o, true
	}
	if w := v.Workflow; w != nil && w.Name != s.String("workflow") && !(w.Sources.Equal(v.Sources) && w.Targets.Equal(v.Targets)) {
		return conflict(fmt.Sprintf("workflow %s from %s to %s may be a part of another reshard", w.Name, w.Sources, w.Targets),
			fmt.Sprintf("workflow %s, or one from %s to %s", s.String("workflow"), v.Sources, v.Targets), vitess.CommandShowWorkflow(s.keyspace, w.Name)), true
	}
	return tasks.Observation{}, false
}

// awaitReversible waits until the reverse streams run on every source within the bound of lag, for at most lag_wait. The
// observation that check makes ends it where it is a conflict.
func (s *scene) awaitReversible(ctx context.Context, check func(*vitess.SegmentView) tasks.Observation) (*vitess.SegmentView, error) {
	until, bound := s.now().Add(s.Duration("lag_wait")), s.Duration("max_replication_lag")
	said := time.Time{}
	var last *vitess.SegmentView
	err := s.watch(ctx, quick(), func(v *vitess.SegmentView) (bool, error) {
		last = v
		if _, _, _, midFlight := v.MidFlight(); midFlight { // begun by somebody else since the last look
			return false, temporary(failed(fmt.Sprintf("a switch of writes of %s is under way", s.arrow()), s.serving(v), "it is finished first"))
		}
		switch o := check(v); {
		case o.State == tasks.Conflict:
			return false, asError(o)
		case o.State == tasks.Done, v.Writes() != vitess.AllSwitched:
			return true, nil
		}
		found := reverseState(v, s.now())
		lag, known := v.Reverse.Lag(s.now())
		switch {
		case v.ReverseRunning() && known && lag <= bound:
			return true, nil
		case !s.now().Before(until):
			return false, failed(fmt.Sprintf("%s cannot be taken back now; %s", s.arrow(), s.serving(v)),
				fmt.Sprintf("expected reverse streams that run with a lag of at most %s within %s, found: %s", spell.Duration(bound), spell.Duration(s.Duration("lag_wait")), found),
				"nothing was switched by this step; look at the streams, then apply again\n"+vitess.CommandShowWorkflow(s.keyspace, v.Reverse.Name))
		}
		s.remind(&said, reportEvery, "waiting for reverse streams within %s: %s", spell.Duration(bound), found)
		return false, nil
	})
	return last, err
}

// reverseState says what the reverse streams do.
func reverseState(v *vitess.SegmentView, now time.Time) string {
	if errs := v.Reverse.Errors(); len(errs) > 0 {
		return "they report errors: " + strings.Join(errs, "; ")
	}
	if !v.ReverseRunning() {
		return "they do not run"
	}
	lag, known := v.Reverse.Lag(now)
	if !known {
		return "their lag is not known"
	}
	return fmt.Sprintf("their lag is %s%s", lag.Round(time.Second), v.Reverse.Clock)
}
