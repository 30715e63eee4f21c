package ui

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"shardform/internal/tasks"
)

// TaskDoc is a task's documentation as JSON has it.
type TaskDoc struct {
	Name       string         `json:"name"`
	Summary    string         `json:"summary"`
	Doc        string         `json:"doc,omitempty"`
	Internal   bool           `json:"internal"` // expanded from keyspace blocks, not for plan files
	Parameters []ParameterDoc `json:"parameters"`
}

// ParameterDoc is a parameter's documentation.
type ParameterDoc struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind"`
	Required bool     `json:"required"`
	Default  string   `json:"default,omitempty"`
	Allowed  []string `json:"allowed,omitempty"`
	Doc      string   `json:"doc"`
}

// NewTaskDoc renders a task's documentation.
func NewTaskDoc(spec *tasks.Spec) TaskDoc {
	doc := TaskDoc{Name: spec.Name, Summary: spec.Summary, Doc: spec.Doc, Internal: spec.Internal, Parameters: []ParameterDoc{}}
	for _, p := range spec.Parameters {
		doc.Parameters = append(doc.Parameters, ParameterDoc{Name: p.Name, Kind: string(p.Kind), Required: p.Required, Default: p.Default, Allowed: p.Allowed, Doc: p.Doc})
	}
	return doc
}

// TaskDocs renders several.
func TaskDocs(specs []*tasks.Spec) []TaskDoc {
	docs := make([]TaskDoc, len(specs))
	for i, s := range specs {
		docs[i] = NewTaskDoc(s)
	}
	return docs
}

// TaskList prints one line a task: those for plan files first.
func TaskList(w io.Writer, style Style, specs []*tasks.Spec) {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	defer func() { _ = table.Flush() }()
	for _, internal := range []bool{false, true} {
		head := style.Bold("Tasks for operation blocks:")
		if internal {
			head = "\n" + style.Bold("Tasks that keyspace blocks expand into:")
		}
		_, _ = fmt.Fprintln(table, head)
		for _, s := range specs {
			if s.Internal == internal {
				_, _ = fmt.Fprintf(table, "  %s\t%s\n", s.Name, s.Summary)
			}
		}
	}
}

// TaskDocumentation prints everything about one task.
func TaskDocumentation(w io.Writer, style Style, spec *tasks.Spec) {
	_, _ = fmt.Fprintf(w, "%s  %s\n", style.Bold(spec.Name), spec.Summary)
	if spec.Doc != "" {
		_, _ = fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(spec.Doc))
	}
	for _, required := range []bool{true, false} {
		head := "\nRequired parameters:"
		if !required {
			head = "\nOptional parameters:"
		}
		printed := false
		for _, p := range spec.Parameters {
			if p.Required != required {
				continue
			}
			if !printed {
				_, _ = fmt.Fprintln(w, style.Bold(head))
				printed = true
			}
			extra := string(p.Kind)
			if len(p.Allowed) > 0 {
				extra += ": " + strings.Join(p.Allowed, " | ")
			}
			if p.Default != "" {
				extra += ", default " + p.Default
			}
			_, _ = fmt.Fprintf(w, "  %s  (%s)\n      %s\n", p.Name, extra, p.Doc)
		}
	}
}
