package ui

import (
	"fmt"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/plan"
)

// plannedTask is what the stream says of a task.
type plannedTask struct {
	Action     plan.Action       `json:"action"`
	Name       string            `json:"name"`
	Parameters map[string]string `json:"parameters,omitempty"`
	Sensitive  []string          `json:"sensitive,omitempty"`
	Summary    string            `json:"summary,omitempty"`
	Commands   []string          `json:"commands,omitempty"`
	Diffs      []plan.TextDiff   `json:"diffs,omitempty"`
	Destroys   int               `json:"destroys,omitempty"`
	Note       string            `json:"note,omitempty"`
}

// plannedOperation is what the stream says, with each container, of the operation that it belongs to.
type plannedOperation struct {
	Address addr.Address `json:"address"`
	Digest  string       `json:"digest"`
	Action  plan.Action  `json:"action"`
	Kind    plan.Kind    `json:"kind"`
	Reason  string       `json:"reason,omitempty"`
	Rows    int64        `json:"rows,omitempty"`  // at stake, an estimate
	Bytes   int64        `json:"bytes,omitempty"` // likewise
	Vitess  string       `json:"vitess,omitempty"`
}

// plannedContainer is what the stream says of a container.
type plannedContainer struct {
	Action          plan.Action `json:"action"`
	Concurrency     int         `json:"concurrency,omitempty"`
	Summary         string      `json:"summary,omitempty"`
	WayBack         string      `json:"way_back,omitempty"`
	PointOfNoReturn bool        `json:"point_of_no_return,omitempty"`
	Notes           []string    `json:"notes,omitempty"`
}

// Plan sends a plan: its alerts and warnings, every container and task, and the summary.
func (s *JSONStream) Plan(p *plan.Plan) {
	for _, alert := range p.Alerts {
		s.Diagnostics(diag.List{{Severity: diag.Warning, Summary: alert}})
	}
	s.Diagnostics(p.Warnings)
	for _, f := range p.Forgotten {
		s.write("info", "planned_container", string(plan.Forget)+" "+f.Address.String(), f.Address,
			map[string]any{"container": plannedContainer{Action: plan.Forget, Summary: "no longer managed"}, "open": f.Open})
	}
	for _, op := range p.Operations {
		s.Diagnostics(op.Diagnostics)
		for _, c := range op.Containers {
			s.container(op, c)
		}
	}
	sum := p.Summary()
	s.write("info", "change_summary", SummaryLine(p), addr.Address{}, map[string]any{"changes": map[string]int{
		"add": sum.Add, "change": sum.Change, "remove": sum.Destroy, "resume": sum.Resume, "adopt": sum.Adopt,
	}, "digest": p.Digest, "released": List(p.Released)})
}

func (s *JSONStream) container(op plan.Operation, c plan.Container) {
	s.write("info", "planned_container", fmt.Sprintf("%s %s", c.Action, c.Address), c.Address, map[string]any{
		"operation": plannedOperation{Address: op.Address, Digest: op.Digest, Action: op.Action, Kind: op.Kind, Reason: op.Reason, Rows: op.Rows, Bytes: op.Bytes, Vitess: op.Vitess},
		"container": plannedContainer{Action: c.Action, Concurrency: c.Concurrency, Summary: c.Summary, WayBack: c.WayBack, PointOfNoReturn: c.PointOfNoReturn, Notes: c.Notes},
	})
	for _, t := range c.Tasks {
		s.write("info", "planned_task", fmt.Sprintf("%s %s", t.Action, t.Address), t.Address, map[string]any{
			"task": plannedTask{Action: t.Action, Name: t.Name, Parameters: t.Parameters, Sensitive: t.Sensitive, Summary: t.Summary,
				Commands: t.Commands, Diffs: t.Diffs, Destroys: t.Destroys, Note: t.Note},
		})
	}
}
