package reshard

import (
	"context"
	"fmt"

	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// consentStep is the step that is approved anew where someone has switched traffic back by hand and it is to go forward
// again: the first one that moves any.
const consentStep = "switch_rdonly"

// history is what the state knows about traffic that this operation moved before.
type history struct {
	switched bool // this task's switch was recorded as done
	again    bool // going forward is approved, and if it was done before, approved since
}

// recall reads what the state knows of a task that moves traffic.
func (s *scene) recall(ctx context.Context, record tasks.Record) error {
	s.history.switched = record.Done
	if s.env.Approval == nil {
		return nil
	}
	given, ok, err := s.env.Approval(ctx, s.env.Address.WithContainer(consentStep))
	if err != nil {
		return fmt.Errorf("reading whether %s was approved: %w", s.env.Address.WithContainer(consentStep), err)
	}
	s.history.again = ok && (!record.Done || given.At.After(record.Ended))
	return nil
}

// takenBack is the conflict of traffic that has moved and that someone took back. The cluster itself shows it where writes
// went forward and back; else the record does, where it says that the switch was done, which is missing. what is the
// traffic of the switch, for people.
func (s *scene) takenBack(v *vitess.SegmentView, missing bool, what string) (tasks.Observation, bool) {
	switch {
	case s.history.again:
		return tasks.Observation{}, false
	case v.Reversed():
		return s.switchedBack(v), true
	case s.history.switched && missing:
		return s.switchedBackFrom(v, what), true
	}
	return tasks.Observation{}, false
}

// switchedBack is the conflict with writes that were switched and taken back.
func (s *scene) switchedBack(v *vitess.SegmentView) tasks.Observation {
	return s.switchedBackFrom(v, "traffic was")
}

func (s *scene) switchedBackFrom(v *vitess.SegmentView, what string) tasks.Observation {
	cure := []string{"to stay with " + s.segment.Sources.String() + ": commit that layout"}
	switch {
	case s.env.ApproveCommand != nil:
		cure = append(cure, "to go forward again: "+s.env.ApproveCommand(s.env.Address.WithContainer(consentStep))+tasks.Ahead) // no gate waits there
	case v.Workflow != nil:
		cure = append(cure, "to go forward again by hand: "+vitess.CommandSwitchTraffic(s.switchRequest(v, vitess.Rdonly, vitess.Replica)),
			"and then: "+vitess.CommandSwitchTraffic(s.switchRequest(v, vitess.Primary)))
	}
	return conflict(fmt.Sprintf("%s switched to %s and back to %s by someone", what, s.segment.Targets, s.segment.Sources), "traffic that nobody took back", cure...)
}
