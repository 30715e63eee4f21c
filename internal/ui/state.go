package ui

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
)

// TaskView is a recorded task as `state show --json` prints it.
type TaskView struct {
	Address    addr.Address      `json:"address"`
	Name       string            `json:"name"`
	Parameters map[string]string `json:"parameters"`
	Sensitive  []string          `json:"sensitive_parameters,omitempty"` // names; the values are not recorded
	ID         string            `json:"id"`
	State      string            `json:"state"` // NOT_STARTED, RUNNING, DONE
	Output     string            `json:"output"`
	Error      string            `json:"error"`
	Attempts   int               `json:"attempts"`
	StartedAt  *time.Time        `json:"started_at"`
	EndedAt    *time.Time        `json:"ended_at"`
	Announced  string            `json:"announced"`
	Observed   bool              `json:"observed"`
	Process    *state.Process    `json:"process,omitempty"` // that it started and that is not known to have ended
}

// NewTaskView renders a task.
func NewTaskView(t state.Task) TaskView {
	v := TaskView{Address: t.Address, Name: t.Name, Parameters: t.Parameters, ID: t.ID, State: t.State.String(), Output: t.Output, Error: t.Error,
		Attempts: t.Attempts, StartedAt: optionalTime(t.Started), EndedAt: optionalTime(t.Ended), Announced: t.Announced, Observed: t.Observed, Process: t.Process}
	if v.Parameters == nil {
		v.Parameters = map[string]string{}
	}
	v.Sensitive = slices.Sorted(maps.Keys(t.Sensitive))
	return v
}

func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// ContainerView is a recorded container.
type ContainerView struct {
	Address     addr.Address `json:"address"`
	Concurrency int          `json:"concurrency"`
	Tasks       []TaskView   `json:"tasks"`
}

// NewContainerView renders a container.
func NewContainerView(c state.Container) ContainerView {
	v := ContainerView{Address: c.Address, Concurrency: c.Concurrency, Tasks: make([]TaskView, len(c.Tasks))}
	for i, t := range c.Tasks {
		v.Tasks[i] = NewTaskView(t)
	}
	return v
}

// OperationView is a recorded instance of an operation.
type OperationView struct {
	Address    addr.Address      `json:"address"`
	ID         state.OperationID `json:"id"`
	Instance   int               `json:"instance"`
	Digest     string            `json:"digest"`
	Cluster    string            `json:"cluster,omitempty"`
	Keyspace   string            `json:"keyspace,omitempty"`
	State      string            `json:"state"`
	Error      string            `json:"error"`
	Forgotten  bool              `json:"forgotten,omitempty"`
	Waiting    *GateView         `json:"waiting,omitempty"` // the closed gate that its last run ended at
	CreatedAt  *time.Time        `json:"created_at"`
	EndedAt    *time.Time        `json:"ended_at"`
	Containers []ContainerView   `json:"containers"`
}

// NewOperationView renders an instance.
func NewOperationView(op state.Operation, containers []state.Container) OperationView {
	v := OperationView{Address: op.Address, ID: op.ID, Instance: op.Instance, Digest: op.Digest, Cluster: op.Cluster, Keyspace: op.Keyspace,
		State: OperationState(op.State), Error: op.Error, Forgotten: op.Forgotten,
		CreatedAt: optionalTime(op.Created), EndedAt: optionalTime(op.Ended), Containers: make([]ContainerView, len(containers))}
	for i, c := range containers {
		v.Containers[i] = NewContainerView(c)
	}
	if op.Waiting != nil {
		v.Waiting = NewGateView(*op.Waiting)
	}
	return v
}

// OperationState is NOT_STARTED, RUNNING or DONE.
func OperationState(s automationpb.ClusterOperationState) string {
	return strings.TrimPrefix(s.String(), "CLUSTER_OPERATION_")
}

// StateView is the whole state as `state pull` prints it.
type StateView struct {
	Format     int                 `json:"format"`
	Lineage    string              `json:"lineage"`
	Serial     uint64              `json:"serial"`
	Operations []OperationView     `json:"operations"`
	Approvals  []state.Approval    `json:"approvals"`
	Outputs    []state.Output      `json:"outputs"`
	Runs       []state.Run         `json:"runs"`
	Ledger     []state.LedgerEntry `json:"ledger"`
}

// NewStateView reads everything.
func NewStateView(r state.Reader) (*StateView, error) {
	meta := r.Meta()
	v := &StateView{Format: meta.Format, Lineage: meta.Lineage, Serial: meta.Serial, Operations: []OperationView{}}
	ops, err := r.Operations()
	if err != nil {
		return nil, err
	}
	for _, op := range ops {
		containers, err := r.Containers(op.ID)
		if err != nil {
			return nil, err
		}
		v.Operations = append(v.Operations, NewOperationView(op, containers))
	}
	approvals, err := r.Approvals()
	if err != nil {
		return nil, err
	}
	outputs, err := r.Outputs()
	if err != nil {
		return nil, err
	}
	runs, err := r.Runs()
	if err != nil {
		return nil, err
	}
	ledger, err := r.Ledger("")
	v.Approvals, v.Outputs, v.Runs, v.Ledger = List(approvals), List(outputs), List(runs), List(ledger)
	return v, err
}

// List is l as JSON has it: a list of nothing is [], not null.
func List[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// JSON prints one indented JSON value.
func JSON(w io.Writer, value any) error {
	enc := json.NewEncoder(escapedJSON{w})
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(value)
}

// JSONLine prints one JSON value on one line.
func JSONLine(w io.Writer, value any) error {
	enc := json.NewEncoder(escapedJSON{w})
	enc.SetEscapeHTML(false)
	return enc.Encode(value)
}

// Lines prints one text a line.
func Lines(w io.Writer, lines []string) error {
	out := bufio.NewWriter(w)
	for _, l := range lines {
		_, _ = fmt.Fprintln(out, l)
	}
	return out.Flush()
}

// TaskAddresses are the string forms of the tasks' addresses; never nil.
func TaskAddresses(tasks []state.Task) []string {
	list := make([]string, len(tasks))
	for i, t := range tasks {
		list[i] = t.Address.String()
	}
	return list
}

// Recorded prints a TaskView, ContainerView, OperationView or a list of OperationViews for people.
func Recorded(w io.Writer, style Style, value any) {
	out := bufio.NewWriter(w)
	defer func() { _ = out.Flush() }()
	switch v := value.(type) {
	case TaskView:
		recordedTask(out, style, v, "")
	case ContainerView:
		recordedContainer(out, style, v, "")
	case OperationView:
		recordedOperation(out, style, v)
	case []OperationView:
		for _, op := range v {
			recordedOperation(out, style, op)
		}
	}
}

func recordedOperation(w io.Writer, style Style, op OperationView) {
	_, _ = fmt.Fprintf(w, "%s %s  instance %d, digest %s\n", style.Bold(op.Address.String()), op.State, op.Instance, op.Digest)
	if op.Error != "" {
		_, _ = fmt.Fprintf(w, "  error: %s\n", style.Red(printable(op.Error)))
	}
	if op.Waiting != nil {
		op.Waiting.print(w, style)
	}
	for _, c := range op.Containers {
		recordedContainer(w, style, c, "  ")
	}
}

func recordedContainer(w io.Writer, style Style, c ContainerView, indent string) {
	_, _ = fmt.Fprintf(w, "%s%s\n", indent, style.Bold(c.Address.String()))
	for _, t := range c.Tasks {
		recordedTask(w, style, t, indent+"  ")
	}
}

func recordedTask(w io.Writer, style Style, t TaskView, indent string) {
	_, _ = fmt.Fprintf(w, "%s%s  %s (%s, id %s)\n", indent, t.Address, t.State, t.Name, t.ID)
	field := func(name, value string) {
		if value != "" {
			_, _ = fmt.Fprintf(w, "%s    %s: %s\n", indent, name, strings.ReplaceAll(strings.TrimRight(printable(value), "\n"), "\n", "\n"+indent+"      "))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		field(name, t.Parameters[name])
	}
	for _, name := range t.Sensitive {
		field(name, sensitiveValue)
	}
	field("announced", t.Announced)
	if p := t.Process; p != nil && p.PID > 0 {
		field("process", fmt.Sprintf("%d on %s", p.PID, p.Host))
	}
	field("output", t.Output)
	field("error", t.Error)
	if t.Observed {
		field("observed", "found done on the cluster, not run")
	}
	if t.Attempts > 0 {
		field("attempts", fmt.Sprint(t.Attempts))
	}
	if t.StartedAt != nil {
		field("started", t.StartedAt.UTC().Format(time.RFC3339))
	}
	if t.EndedAt != nil {
		field("ended", t.EndedAt.UTC().Format(time.RFC3339))
	}
}
