package reshard

import (
	"fmt"
	"slices"

	"shardform/internal/diag/spell"
)

// ApprovalSteps are the steps that may wait for an approval.
var ApprovalSteps = []string{"create", "switch_rdonly", "switch_replica", "switch_primary", "finish"}

// stepHold is the step of a reshard that was rolled back; it is nothing but its approval.
const stepHold = "hold"

// gated puts the gates of a step in front of its tasks. Those of the PRIMARY switch come behind a task that makes the
// switch's checks, so that nobody is asked, and no window is waited for, before writes could be switched.
func (r Request) gated(step Step) Step {
	var gates []StepTask
	if slices.Contains(r.Settings.Approval, step.Name) {
		gates = append(gates, r.ApprovalGate(step.Name))
	}
	if step.Name == "switch_primary" {
		if r.Settings.Window != nil {
			gates = append(gates, r.WindowGate())
		}
		if len(gates) > 0 {
			gates = slices.Insert(gates, 0, StepTask{Label: "ready", Name: readySpec.Name, Parameters: step.Tasks[0].Parameters})
		}
	}
	step.Tasks = append(gates, step.Tasks...)
	return step
}

// WindowGate is the task that waits until the window for switching writes is open. There has to be one.
func (r Request) WindowGate() StepTask {
	return StepTask{Label: "window", Name: windowSpec.Name, Parameters: r.parameters(r.Settings.Window.Parameters())}
}

// ApprovalGate is the task that waits for an approval of the step.
func (r Request) ApprovalGate(step string) StepTask {
	return StepTask{Label: "approve", Name: approvalSpec.Name, Parameters: r.parameters(map[string]string{"step": step})}
}

func (r Request) hold() Step {
	return Step{Name: stepHold, Summary: fmt.Sprintf("wait for an approval: the reshard to %s was rolled back", r.Segment.Targets), WayBack: nothingWayBack,
		Tasks: []StepTask{r.ApprovalGate(stepHold)}}
}

// Parameters are those of every task that looks at the window; none without one.
func (w *Window) Parameters() map[string]string {
	if w == nil {
		return nil
	}
	p := map[string]string{"window_opens": w.Opens, "window_lasts": spell.Duration(w.Lasts), "window_timezone": w.Timezone}
	if w.MinRemaining > 0 {
		p["window_min_remaining"] = spell.Duration(w.MinRemaining)
	}
	return p
}
