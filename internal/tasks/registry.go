package tasks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"shardform/internal/addr"
	"shardform/internal/event"
	"shardform/internal/redact"
	"shardform/internal/vitess"
)

// Env is what a task may use of the world while it runs or is observed.
type Env struct {
	// Cluster gives the cluster with that name from the configuration; an error if there is none or it is unreachable.
	Cluster func(name string) (vitess.Cluster, error)
	// Legacy reaches the legacy servers that parameters name, by the tls and auth of the operation's cluster; in plain text
	// if the operation has none. An error if a certificate cannot be read. nil while the task is only asked about itself.
	Legacy func() (vitess.Legacy, error)
	// Clock tells the time and pauses; tests give a fake one.
	Clock Clock
	// Progress and Output report to whoever watches; both may be nil-safe no-ops, never nil.
	Progress func(message string, progress *event.Progress)
	Output   func(line string)
	// Hide takes secrets out of streams, for tasks that cut them into lines; nil hides nothing.
	Hide *redact.Redactor
	// Started records a process that the task has started. An error means that it is not recorded: the task ends the process
	// then. nil while the task is only asked about itself.
	Started func(p Process) error
	// Stop is closed when the run was asked to stop: a waiting task then returns ErrStopped at its next safe point.
	Stop <-chan struct{}
	// Dir is the folder that relative paths of the plan file start at; "" is the working directory.
	Dir string
	// Address is the task's own, Digest its operation's; both are zero while the task is only asked about itself.
	Address addr.Address
	Digest  string
	// Approval finds the newest approval of the step (a container's address) for Digest; ok is false if there is none.
	// ApproveCommand is the command line that gives it, ResumeCommand the one that ends a pause of the task's operation.
	// nil while the task is only asked about itself.
	Approval       func(ctx context.Context, step addr.Address) (approval Approval, ok bool, err error)
	ApproveCommand func(step addr.Address) string
	ResumeCommand  func() string
	// Again says how the task's operation is run again from its beginning, as the end of a sentence with the command line in
	// it, if it has one; nil while the task is only asked about itself.
	Again func() string
}

// Definition is one registered task: its documentation and its constructor.
type Definition struct {
	Spec *Spec
	New  func(env *Env) Task
}

// Registry is the set of tasks that plan files and services may name. It is fixed once made.
type Registry struct {
	definitions []Definition // by name
}

// NewRegistry makes a registry of the given tasks; two of one name are a programming error and panic.
func NewRegistry(definitions ...Definition) *Registry {
	sorted := slices.SortedFunc(slices.Values(definitions), func(a, b Definition) int { return strings.Compare(a.Spec.Name, b.Spec.Name) })
	for i := 1; i < len(sorted); i++ {
		if sorted[i].Spec.Name == sorted[i-1].Spec.Name {
			panic("task registered twice: " + sorted[i].Spec.Name)
		}
	}
	return &Registry{definitions: sorted}
}

// Specs are the documented tasks, by name.
func (r *Registry) Specs() []*Spec {
	specs := make([]*Spec, len(r.definitions))
	for i, d := range r.definitions {
		specs[i] = d.Spec
	}
	return specs
}

// Spec finds a task's documentation by its registered name.
func (r *Registry) Spec(name string) (*Spec, bool) {
	i, ok := slices.BinarySearchFunc(r.definitions, name, func(d Definition, name string) int { return strings.Compare(d.Spec.Name, name) })
	if !ok {
		return nil, false
	}
	return r.definitions[i].Spec, true
}

// NewTask makes the task registered as name. The error's text is the original's.
func (r *Registry) NewTask(name string, env *Env) (Task, error) {
	i, ok := slices.BinarySearchFunc(r.definitions, name, func(d Definition, name string) int { return strings.Compare(d.Spec.Name, name) })
	if !ok {
		return nil, fmt.Errorf("no implementation found for: %s", name)
	}
	return r.definitions[i].New(env), nil
}

// Check judges the parameters of a task without running it: see CheckParameters.
func (r *Registry) Check(name string, parameters map[string]string) error {
	task, err := r.NewTask(name, &Env{})
	if err != nil {
		return err
	}
	return CheckParameters(task, parameters)
}
