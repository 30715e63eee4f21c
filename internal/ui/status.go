package ui

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"shardform/internal/addr"
	"shardform/internal/event"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/state"
)

// StatusView is one reading of `status`.
type StatusView struct {
	// Alerts are the shards whose writes are stopped; AlertError is why the clusters could not be asked.
	Alerts     []string          `json:"alerts"`
	AlertError string            `json:"alert_error,omitempty"`
	Operations []OperationStatus `json:"operations"`
	// Config is what the commands that are shown need to find the configuration: "" or " --config PATH".
	Config string `json:"-"`
}

// OperationStatus is how far one operation is.
type OperationStatus struct {
	Address   addr.Address      `json:"address"`
	State     string            `json:"state"` // NOT_STARTED, RUNNING, DONE
	Error     string            `json:"error,omitempty"`
	Digest    string            `json:"digest"`
	Steps     []ContainerStatus `json:"steps"`
	Waiting   *GateView         `json:"waiting,omitempty"`    // the closed gate that its last run ended at
	Held      string            `json:"held,omitempty"`       // the layout that it was rolled back from, and does not begin again for
	Live      *LiveView         `json:"live,omitempty"`       // what the cluster shows of an open reshard
	LiveError string            `json:"live_error,omitempty"` // why it could not be asked
}

// ContainerStatus is how far one container is.
type ContainerStatus struct {
	Address addr.Address `json:"address"`
	State   string       `json:"state"` // NOT_STARTED, RUNNING, DONE, FAILED
	Done    int          `json:"done"`  // tasks
	Tasks   int          `json:"tasks"`
	Running []string     `json:"running,omitempty"` // addresses
}

// LiveView is what the cluster shows of an open reshard.
type LiveView struct {
	Workflow   string   `json:"workflow,omitempty"`
	State      string   `json:"state,omitempty"`
	RowsCopied int64    `json:"rows_copied"`
	RowsTotal  int64    `json:"rows_total"` // an estimate
	Rate       float64  `json:"rows_per_second"`
	LagSeconds *float64 `json:"lag_seconds"` // null where unknown
	ETASeconds *float64 `json:"eta_seconds"` // null where unknown
	Reads      string   `json:"reads_switched"`
	Writes     string   `json:"writes_served_by"`
	Errors     []string `json:"errors,omitempty"`
	Paused     bool     `json:"paused,omitempty"` // by shardform pause

	unfinished bool // tables are left to be copied
}

// NewOperationStatus counts an operation's containers and says what it waits for.
func NewOperationStatus(op state.Operation, containers []state.Container) OperationStatus {
	s := OperationStatus{Address: op.Address, State: OperationState(op.State), Error: op.Error, Digest: op.Digest}
	for _, c := range containers {
		s.Steps = append(s.Steps, newContainerStatus(c))
	}
	if op.Waiting != nil {
		s.Waiting = NewGateView(*op.Waiting)
	}
	if s.State == "DONE" {
		s.Held = plan.Held(op.Plan)
	}
	return s
}

func newContainerStatus(c state.Container) ContainerStatus {
	s := ContainerStatus{Address: c.Address, State: "NOT_STARTED", Tasks: len(c.Tasks)}
	failed := false
	for _, t := range c.Tasks {
		switch t.State {
		case automationpb.TaskState_DONE:
			s.Done++
			failed = failed || t.Error != ""
		case automationpb.TaskState_RUNNING:
			s.Running = append(s.Running, t.Address.String())
		}
	}
	switch {
	case failed:
		s.State = "FAILED"
	case s.Done == s.Tasks:
		s.State = "DONE"
	case s.Done > 0 || len(s.Running) > 0:
		s.State = "RUNNING"
	}
	return s
}

// NewLiveView renders a reading, with the rate that its meter has measured by now.
func NewLiveView(now plan.Live, measured *event.Progress) *LiveView {
	v := &LiveView{Workflow: now.Workflow, State: now.State, RowsCopied: now.RowsCopied, RowsTotal: now.RowsTotal, Reads: now.Reads, Writes: now.Writes, Errors: now.Errors, Paused: now.Paused, unfinished: now.Unfinished}
	if now.Lag >= 0 {
		lag := now.Lag.Seconds()
		v.LagSeconds = &lag
	}
	if now.Copying() {
		v.Rate = measured.Rate
		if measured.ETA > 0 {
			eta := measured.ETA.Seconds()
			v.ETASeconds = &eta
		}
	}
	return v
}

// Status prints a reading for people.
func Status(w io.Writer, style Style, view StatusView) error {
	out := bufio.NewWriter(w)
	for _, alert := range view.Alerts {
		_, _ = fmt.Fprintf(out, "%s\n", style.Red(style.Bold(printable(alert)+": a switch of PRIMARY was interrupted; run apply again to finish it")))
	}
	if view.AlertError != "" {
		_, _ = fmt.Fprintf(out, "%s\n", style.Yellow("whether writes are stopped anywhere could not be asked: "+printable(view.AlertError)))
	}
	if len(view.Operations) == 0 {
		_, _ = fmt.Fprintln(out, "Nothing is recorded: no operation was ever applied.")
	}
	for _, op := range view.Operations {
		_, _ = fmt.Fprintf(out, "%s  %s\n", style.Bold(op.Address.String()), op.State)
		if op.Error != "" {
			_, _ = fmt.Fprintf(out, "  %s\n", style.Red(printable(op.Error)))
		}
		for _, c := range op.Steps {
			statusStep(out, style, c, op.Waiting != nil && op.Waiting.Task.Container() == c.Address)
		}
		if op.Waiting != nil {
			op.Waiting.print(out, style)
		}
		if op.Held != "" && op.Waiting == nil {
			_, _ = fmt.Fprintf(out, "  %s it was rolled back, and is held while the layout wanted is %s: apply prints the command that lets it begin again\n", style.symbol(plan.Gate), op.Held)
		}
		if op.Live != nil {
			statusLive(out, style, op.Live)
			if op.Live.Paused {
				_, _ = fmt.Fprintf(out, "  %s\n", style.Yellow(fmt.Sprintf("it is paused; to let it go on: shardform resume %s%s", op.Address, view.Config)))
			}
		}
		if op.LiveError != "" {
			_, _ = fmt.Fprintf(out, "  %s\n", style.Yellow("the cluster could not be asked: "+printable(op.LiveError)))
		}
	}
	return out.Flush()
}

func statusStep(w io.Writer, style Style, c ContainerStatus, waiting bool) {
	mark, text := "  ", c.Address.Last()
	switch {
	case waiting:
		mark = style.symbol(plan.Gate) + " "
	case c.State == "DONE":
		mark = style.Green("✓ ")
	case c.State == "RUNNING":
		mark = style.Cyan("> ")
	case c.State == "FAILED":
		mark = style.Red("x ")
	default:
		text = style.Faint(text)
	}
	if c.Tasks > 1 {
		text += fmt.Sprintf("  %d of %d tasks", c.Done, c.Tasks)
	}
	_, _ = fmt.Fprintf(w, "  %s%s\n", mark, text)
}

// lag is 0 where it is not known.
func (l *LiveView) lag() time.Duration {
	if l.LagSeconds == nil {
		return 0
	}
	return time.Duration(*l.LagSeconds * float64(time.Second))
}

func statusLive(w io.Writer, style Style, live *LiveView) {
	if live.Workflow != "" {
		text := live.State
		switch lag := live.lag(); {
		case live.unfinished: // else the streams' numbers of rows say nothing: they are late, or never come
			g := &event.Progress{Done: live.RowsCopied, Total: live.RowsTotal, Rate: live.Rate, Lag: lag}
			if live.ETASeconds != nil {
				g.ETA = time.Duration(*live.ETASeconds * float64(time.Second))
			}
			text += ", " + ProgressText(g)
		case lag > 0:
			text += ", lag " + Duration(lag)
		}
		_, _ = fmt.Fprintf(w, "  workflow %s: %s\n", live.Workflow, text)
	}
	_, _ = fmt.Fprintf(w, "  reads switched: %s; writes served by: %s\n", live.Reads, live.Writes)
	if len(live.Errors) > 0 {
		_, _ = fmt.Fprintf(w, "  %s\n", style.Red(printable(strings.Join(live.Errors, "\n  "))))
	}
}
