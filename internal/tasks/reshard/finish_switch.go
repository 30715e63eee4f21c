package reshard

import (
	"context"
	"fmt"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var finishSwitchSpec = &tasks.Spec{
	Name:    "reshard_finish_switch",
	Summary: "finishes a switch of writes that was interrupted",
	Doc: `Planned before everything else where a PRIMARY switch began and did not end and the layout wanted is not the one that it
leads to: writes may be stopped, and a switch is never turned round half way. It is finished in its own direction, under
a bound of lag that the server does not refuse; what is wanted comes after that.
Done when no switch of these shards is half way.
If it dies halfway it is finished by the next apply.`,
	Internal:   true,
	Parameters: segmentParameters(directionParameter, maxLagParameter, switchTimeout, reverseParameter),
}

// The directions of a switch, as parameters spell them.
const (
	directionForward  = "forward"
	directionBackward = "backward"
)

var directionParameter = tasks.Parameter{
	Name: "direction", Kind: tasks.String, Required: true, Allowed: []string{directionForward, directionBackward},
	Doc: "where the switch was going when it was planned to be finished: to the targets, or back to the sources",
}

// FinishSwitch is the one step that finishes a PRIMARY switch of r's segment that was interrupted. Its name is that of
// the step that began it.
func FinishSwitch(r Request, direction vitess.Direction) Step {
	own := r.switching()
	delete(own, "lag_wait")
	step := Step{Name: "switch_primary", Summary: "finish the interrupted switch of writes to " + r.Segment.Targets.String(), WayBack: "switch back when it is finished"}
	own["direction"] = directionForward
	if direction == vitess.Backward {
		step.Name, own["direction"] = "reverse_primary", directionBackward
		step.Summary = "finish the interrupted switch of writes back to " + r.Segment.Sources.String()
	}
	return r.single(step, finishSwitchSpec.Name, own)
}

type finishSwitchTask struct{ base }

// Observe implements tasks.Observer.
func (t *finishSwitchTask) Observe(ctx context.Context, parameters map[string]string, _ tasks.Record) (tasks.Observation, error) {
	s, v, err := t.glance(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	if o, found := s.finishing(v); found {
		return o, nil
	}
	return done(s.serving(v)), nil
}

// Run implements tasks.Task.
func (t *finishSwitchTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, v, err := t.sight(ctx, parameters)
	if err != nil {
		return nil, "", err
	}
	// The direction is that of now: somebody may have finished it, and begun the way back, since the plan.
	if direction, _, _, midFlight := v.MidFlight(); midFlight {
		if v, err = s.endMidFlight(ctx, v, direction, s.Bool("reverse_replication")); err != nil {
			return nil, "", err
		}
	}
	return nil, s.serving(v), nil
}

// Commands implements tasks.Commander.
func (t *finishSwitchTask) Commands(_ context.Context, parameters map[string]string) []string {
	s, err := t.scene(parameters)
	if err != nil {
		return nil
	}
	direction := vitess.Forward
	if s.String("direction") == directionBackward {
		direction = vitess.Backward
	}
	request := s.trafficRequest(nil, direction, vitess.Primary)
	request.MaxLag, request.ReverseReplication = resumeLag, s.Bool("reverse_replication") || direction == vitess.Backward
	return []string{vitess.CommandSwitchTraffic(request)}
}

// Describe implements tasks.Describer.
func (t *finishSwitchTask) Describe(parameters map[string]string) string {
	return fmt.Sprintf("finish the switch of writes between %s and %s, %s as it was going", parameters["sources"], parameters["targets"], parameters["direction"])
}
