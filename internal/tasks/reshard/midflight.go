package reshard

import (
	"context"
	"fmt"
	"time"

	"shardform/internal/vitess"
)

// midFlightAttempts bounds how often a switch that stopped half way is sent again before the attempt is given up; the
// engine tries again.
const midFlightAttempts = 3

// midFlightSettle is how long a switch of writes that answered with an error may take to undo or to finish itself.
const midFlightSettle = 2 * time.Second

// resumeLag is the bound of lag in commands for people who finish a switch by hand: larger than any switch is old.
const resumeLag = 720 * time.Hour

// finishMidFlight finishes a PRIMARY switch that began and did not end, in its own direction: writes may be stopped,
// so nothing else is checked or waited for before. It returns the view behind it. A switch that was going back is
// finished too, and is then an error: going forward is not what this operation may decide.
func (s *scene) finishMidFlight(ctx context.Context, v *vitess.SegmentView) (*vitess.SegmentView, error) {
	direction, _, _, _ := v.MidFlight()
	v, err := s.endMidFlight(ctx, v, direction)
	if err == nil && direction == vitess.Backward {
		return nil, asError(s.switchedBack(v))
	}
	return v, err
}

// endMidFlight brings a PRIMARY switch that began and did not end to its end in direction.
func (s *scene) endMidFlight(ctx context.Context, v *vitess.SegmentView, direction vitess.Direction) (*vitess.SegmentView, error) {
	var acted error
	for range midFlightAttempts {
		s.say("%s: finishing the switch %s", s.serving(v), direction)
		request := s.switchRequest(v, vitess.Primary)
		request.MaxLag = max(request.MaxLag, inFlightLag(v, s.now()))
		request.Backward, request.Resume = direction == vitess.Backward, true
		_, acted = s.cluster.SwitchTraffic(ctx, request)
		settled, over, err := s.settle(ctx, midFlightSettle, func(v *vitess.SegmentView) bool {
			_, _, _, midFlight := v.MidFlight()
			return !midFlight
		})
		if settled != nil {
			v = settled
		}
		if err != nil {
			return nil, err
		}
		if over {
			return v, nil
		}
	}
	detail := s.serving(v)
	if acted != nil {
		detail += "\n" + acted.Error()
	}
	request := s.switchRequest(v, vitess.Primary)
	request.Backward, request.MaxLag = direction == vitess.Backward, resumeLag
	d := failed(fmt.Sprintf("the switch of writes of %s could not be finished %s", s.arrow(), direction), detail,
		"remove the cause and apply again, or finish it by hand, in this direction and no other:\n"+vitess.CommandSwitchTraffic(request))
	d.Cause, d.Temporary = acted, true
	return nil, d
}

// inFlightLag is a bound of lag that the server does not refuse for streams that stand still since the switch began.
func inFlightLag(v *vitess.SegmentView, now time.Time) time.Duration {
	var lag time.Duration
	for _, w := range []*vitess.Workflow{v.Workflow, v.Reverse} {
		if w != nil {
			lag = max(lag, w.ResumeLag(now))
		}
	}
	return lag
}
