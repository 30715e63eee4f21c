package ui

import (
	"fmt"
	"io"
	"strings"
	"time"

	"shardform/internal/addr"
	"shardform/internal/apply"
	"shardform/internal/event"
	"shardform/internal/plan"
	"shardform/internal/state"
)

// GateView is a closed gate that an operation waits at.
type GateView struct {
	Task    addr.Address `json:"task"`
	Gate    string       `json:"gate"` // approval, window, soak
	Reason  string       `json:"reason"`
	Opens   *time.Time   `json:"opens,omitempty"`   // by itself; absent: somebody has to open it
	Command string       `json:"command,omitempty"` // opens it
	// Open says why the gate is no longer closed: the next apply passes it. "" while it is.
	Open string `json:"open,omitempty"`
}

// NewGateView renders what the state has of a wait.
func NewGateView(w state.Waiting) *GateView {
	return &GateView{Task: w.Task, Gate: w.Gate, Reason: w.Reason, Opens: optionalTime(w.Opens), Command: w.Command}
}

// gateOf is the gate that an operation of a run ended at; nil if it did not.
func gateOf(op apply.OperationResult) *GateView {
	if op.Gate == nil {
		return nil
	}
	return &GateView{Task: op.At, Gate: string(op.Gate.Gate), Reason: op.Gate.Reason, Opens: optionalTime(op.Gate.Opens), Command: op.Gate.Command}
}

// fields are the gate as the JSON stream has it.
func (g *GateView) fields() map[string]any {
	fields := map[string]any{"gate": g.Gate, "reason": g.Reason}
	if g.Opens != nil {
		fields["opens"] = g.Opens.UTC().Format(time.RFC3339)
	}
	if g.Command != "" {
		fields["command"] = g.Command
	}
	return fields
}

// until is when the gate opens, or what opens it.
func (g *GateView) until() string {
	var parts []string
	if g.Opens != nil {
		parts = append(parts, "until "+g.Opens.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	if g.Command != "" {
		parts = append(parts, "to open it: "+g.Command)
	}
	return strings.Join(parts, "; ")
}

// print says what is waited for in lines of their own.
func (g *GateView) print(w io.Writer, style Style) {
	_, _ = fmt.Fprintf(w, "  %s %s\n", style.symbol(plan.Gate), printable(g.Reason))
	if g.Open != "" {
		_, _ = fmt.Fprintf(w, "     %s\n", style.Green(printable(g.Open)+": the next apply goes on"))
	} else if until := g.until(); until != "" {
		_, _ = fmt.Fprintf(w, "     %s\n", style.Bold(printable(until)))
	}
}

// gateText is an event about a closed gate in one line.
func gateText(e event.Event) string {
	g := GateView{Opens: optionalTime(e.Gate.Opens), Command: e.Gate.Command}
	if until := g.until(); until != "" {
		return e.Message + "; " + printable(until)
	}
	return e.Message
}

// Approved says what an approval opened, in one line.
func Approved(r *apply.ApproveResult) string {
	text := fmt.Sprintf("%s is approved by %s for the operation with digest %s", r.Address, printable(r.By), r.Digest)
	switch {
	case !r.Begun:
		return text + "; no operation is open there yet: it counts for the one that has this digest"
	case !r.Gate:
		return text + ": it may be done anew; the next apply goes on"
	}
	return text + ": its gate is open; the next apply goes on"
}

// Paused says what came of pausing a workflow, in one line. config is what the next command needs to find the state.
func Paused(r *apply.PauseResult, config string) string {
	text := fmt.Sprintf("workflow %s of %s is paused", r.Workflow, r.Operation)
	if r.Already {
		text = fmt.Sprintf("workflow %s of %s was paused already", r.Workflow, r.Operation)
	}
	return text + fmt.Sprintf("; to let it go on: shardform resume %s%s", r.Operation, config)
}

// Resumed says what came of resuming a workflow, in one line.
func Resumed(r *apply.PauseResult, _ string) string {
	if r.Already {
		return fmt.Sprintf("workflow %s of %s is not paused: it runs", r.Workflow, r.Operation)
	}
	return fmt.Sprintf("workflow %s of %s runs again; apply goes on with the rest", r.Workflow, r.Operation)
}
