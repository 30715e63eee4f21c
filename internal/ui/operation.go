package ui

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	automationpb "shardform/internal/pb/automationpb"
)

// SummaryView is an operation in the list of a service.
type SummaryView struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	State string `json:"state"` // NOT_STARTED, RUNNING, DONE
	Error string `json:"error"`
}

// NewSummaryView renders one.
func NewSummaryView(s *automationpb.ClusterOperationSummary) SummaryView {
	return SummaryView{ID: s.Id, Name: s.Name, State: OperationState(s.State), Error: s.Error}
}

// Summaries writes operations one a line: id, name, state and error, with tabs between and without a header. An error of
// several lines is on one.
func Summaries(w io.Writer, operations []SummaryView) error {
	lines := make([]string, len(operations))
	for i, o := range operations {
		lines[i] = strings.Join([]string{o.ID, o.Name, o.State, printable(strings.Join(strings.Fields(o.Error), " "))}, "\t")
	}
	return Lines(w, lines)
}

// DetailsView is a ClusterOperation message in JSON, with its field names.
type DetailsView struct {
	ID          string            `json:"id"`
	State       string            `json:"state"` // NOT_STARTED, RUNNING, DONE
	Error       string            `json:"error"`
	SerialTasks []DetailContainer `json:"serial_tasks"`
}

// DetailContainer is a TaskContainer message.
type DetailContainer struct {
	Concurrency   int32        `json:"concurrency"`
	ParallelTasks []DetailTask `json:"parallel_tasks"`
}

// DetailTask is a Task message.
type DetailTask struct {
	Name       string            `json:"name"`
	Parameters map[string]string `json:"parameters"`
	ID         string            `json:"id"`
	State      string            `json:"state"` // NOT_STARTED, RUNNING, DONE
	Output     string            `json:"output"`
	Error      string            `json:"error"`
}

// NewDetailsView renders an operation.
func NewDetailsView(op *automationpb.ClusterOperation) DetailsView {
	v := DetailsView{ID: op.Id, State: OperationState(op.State), Error: op.Error, SerialTasks: []DetailContainer{}}
	for _, c := range op.SerialTasks {
		container := DetailContainer{Concurrency: c.Concurrency, ParallelTasks: []DetailTask{}}
		for _, t := range c.ParallelTasks {
			task := DetailTask{Name: t.Name, Parameters: t.Parameters, ID: t.Id, State: t.State.String(), Output: t.Output, Error: t.Error}
			if task.Parameters == nil {
				task.Parameters = map[string]string{}
			}
			container.ParallelTasks = append(container.ParallelTasks, task)
		}
		v.SerialTasks = append(v.SerialTasks, container)
	}
	return v
}

// Details shows an operation with its tasks.
func Details(w io.Writer, style Style, v DetailsView) {
	_, _ = fmt.Fprintf(w, "%s %s\n", style.Bold("operation "+v.ID), v.State)
	if v.Error != "" {
		_, _ = fmt.Fprintf(w, "%s\n", style.Red("error: "+printable(v.Error)))
	}
	for i, c := range v.SerialTasks {
		_, _ = fmt.Fprintf(w, "container %d", i+1)
		if c.Concurrency > 1 {
			_, _ = fmt.Fprintf(w, ", %d at a time", c.Concurrency)
		}
		_, _ = fmt.Fprintln(w)
		for _, t := range c.ParallelTasks {
			detailTask(w, style, t)
		}
	}
}

func detailTask(w io.Writer, style Style, t DetailTask) {
	_, _ = fmt.Fprintf(w, "  %s %s  %s", t.ID, t.Name, t.State)
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		value := printable(t.Parameters[name])
		if strings.ContainsAny(value, " \t\n") {
			value = strconv.Quote(value)
		}
		_, _ = fmt.Fprintf(w, "  %s=%s", name, value)
	}
	_, _ = fmt.Fprintln(w)
	for line := range strings.Lines(t.Output) {
		_, _ = fmt.Fprintf(w, "      %s\n", printable(strings.TrimRight(line, "\r\n")))
	}
	if t.Error != "" {
		_, _ = fmt.Fprintf(w, "      %s\n", style.Red("error: "+printable(t.Error)))
	}
}
