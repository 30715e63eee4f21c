package reshard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// midFlightAttempts bounds how often a switch that stopped half way is sent again before the attempt is given up; the
// engine tries again.
const midFlightAttempts = 3

// midFlightSettle is how long a switch of writes that answered with an error may take to undo or to finish itself.
const midFlightSettle = 2 * time.Second

// resumeLag is the bound of lag in commands for people who finish a switch by hand: larger than any switch is old.
const resumeLag = 720 * time.Hour

// finishing observes a PRIMARY switch that began and did not end: it is finished first. A conflict where the workflow by
// which it would be finished is gone.
func (s *scene) finishing(v *vitess.SegmentView) (tasks.Observation, bool) {
	direction, _, _, midFlight := v.MidFlight()
	switch {
	case !midFlight:
		return tasks.Observation{}, false
	case !finishable(v, direction):
		return conflict(fmt.Sprintf("%s, and the workflow that would finish the switch %s is gone", s.serving(v), direction),
			"the workflow of the switch: it was deleted, or its streams were, while writes were stopped", FinishCommands(v)...), true
	}
	return running(fmt.Sprintf("%s: the switch %s is finished first", s.serving(v), direction)), true
}

// finishable reports whether the workflow by which a switch that was interrupted is finished is there.
func finishable(v *vitess.SegmentView, direction vitess.Direction) bool {
	if direction == vitess.Backward {
		return v.Reverse != nil
	}
	return v.Workflow != nil
}

// FinishCommands are the command lines that finish an interrupted switch of writes by hand; none where there is none.
func FinishCommands(v *vitess.SegmentView) []string {
	direction, _, _, midFlight := v.MidFlight()
	if !midFlight {
		return nil
	}
	if !finishable(v, direction) {
		return unfinishedCommands(v)
	}
	request := vitess.SwitchTraffic{Keyspace: v.Keyspace, Types: []vitess.TabletType{vitess.Primary}, MaxLag: resumeLag, ReverseReplication: true}
	request.Workflow, request.Backward = route(v, wayBack{v}.name(), direction)
	return []string{vitess.CommandSwitchTraffic(request)}
}

// unfinishedCommands let writes flow again where nothing can finish the switch that stopped them: where all shard records
// say which side serves, everything is served from there. Where they differ only people can tell.
func unfinishedCommands(v *vitess.SegmentView) []string {
	show := []string{vitess.CommandGetWorkflows(v.Keyspace), vitess.CommandGetSrvKeyspaces(v.Keyspace)}
	serving := servingShards(v)
	if !slices.Equal(serving, v.Sources.Names()) && !slices.Equal(serving, v.Targets.Names()) {
		return show
	}
	return append(append(show, fmt.Sprintf("# the shard records say that %s serves; to serve everything from there:", strings.Join(serving, ","))), byRecordsCommands(v)...)
}

// route is the workflow by which traffic moves in a direction, and whether that is backward for it. Where a reversal that
// failed has deleted the workflow the reverse one is there alone, and goes forward to the sources.
func route(v *vitess.SegmentView, name string, direction vitess.Direction) (workflow string, backward bool) {
	if direction == vitess.Backward && v != nil && v.Workflow == nil && v.Reverse != nil {
		return v.Reverse.Name, false
	}
	return name, direction == vitess.Backward
}

// trafficRequest asks for moving types in a direction. Whichever side loses is kept up to date from there on.
func (s *scene) trafficRequest(v *vitess.SegmentView, direction vitess.Direction, types ...vitess.TabletType) vitess.SwitchTraffic {
	request := vitess.SwitchTraffic{
		Keyspace: s.keyspace, Types: types, MaxLag: s.Duration("max_replication_lag"),
		Timeout: max(s.Duration("timeout"), time.Second), ReverseReplication: true,
	}
	request.Workflow, request.Backward = route(v, s.name(v), direction)
	return request
}

// finishMidFlight finishes a PRIMARY switch that began and did not end, in its own direction: writes may be stopped,
// so nothing else is checked or waited for before. It returns the view behind it. A switch that was going back is
// finished too, and is then an error: going forward is not what this operation may decide.
func (s *scene) finishMidFlight(ctx context.Context, v *vitess.SegmentView) (*vitess.SegmentView, error) {
	direction, _, _, _ := v.MidFlight()
	v, err := s.endMidFlight(ctx, v, direction, s.Bool("reverse_replication"))
	if err == nil && direction == vitess.Backward {
		return nil, asError(s.switchedBack(v))
	}
	return v, err
}

// endMidFlight brings a PRIMARY switch that began and did not end to its end in direction. Behind a switch forward the
// sources are kept up to date if reversible says so.
func (s *scene) endMidFlight(ctx context.Context, v *vitess.SegmentView, direction vitess.Direction, reversible bool) (*vitess.SegmentView, error) {
	if o, found := s.finishing(v); found && o.State == tasks.Conflict {
		return nil, asError(o)
	}
	request := func(lag time.Duration) vitess.SwitchTraffic {
		request := s.trafficRequest(v, direction, vitess.Primary)
		request.MaxLag = max(request.MaxLag, lag)
		request.ReverseReplication = reversible || direction == vitess.Backward
		return request
	}
	var acted error
	for range midFlightAttempts {
		s.say("%s: finishing the switch %s", s.serving(v), direction)
		resumed := request(inFlightLag(v, s.now()))
		resumed.Resume = true
		_, acted = s.cluster.SwitchTraffic(ctx, resumed)
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
		if lock := lockBehind(acted); lock != nil {
			if lock.Dead(s.now()) {
				break
			}
			s.say("%s: workflow %s is locked by %s on %s since %s; waiting for it to end", s.serving(v), lock.Name, lock.Action, lock.Host, lock.Since.UTC().Format(time.RFC3339))
		}
	}
	summary := fmt.Sprintf("the switch of writes of %s could not be finished %s; %s", s.arrow(), direction, s.serving(v))
	hint := "remove the cause and apply again, or finish it by hand, in this direction and no other:\n" + vitess.CommandSwitchTraffic(request(resumeLag))
	if acted == nil {
		return nil, temporary(failed(summary, "", hint))
	}
	return nil, s.undone(v, summary, acted, hint)
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
