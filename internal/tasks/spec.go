package tasks

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind says how a parameter's text is to be read and how a plan file may write it.
type Kind string

// The kinds of parameter. The text of a List is a JSON array of strings, of a Map a JSON object of strings.
const (
	String   Kind = "string"
	Bool     Kind = "bool"     // "true" or "false"
	Int      Kind = "int"      // decimal, not negative
	Duration Kind = "duration" // as time.ParseDuration reads it
	List     Kind = "list"
	Map      Kind = "map"
)

// Parameter documents one parameter of a task and says how it is checked.
type Parameter struct {
	Name      string
	Kind      Kind
	Required  bool
	Default   string   // text used when absent; documentation and the task's own reading agree on it
	Allowed   []string // the only values, if not empty
	Doc       string   // one line: unit, meaning
	Multiline bool     // long text: plans show it as a line diff
}

// Operations are the names of the tasks that may be enqueued as operations from the start, as in the original.
func Operations() []string { return []string{"HorizontalReshardingTask", "VerticalSplitTask"} }

// Spec documents a task: its name, what it does and its parameters. Tasks embed it to get the parameter methods.
type Spec struct {
	Name       string // registered name
	Summary    string // one line
	Doc        string // what it does on a cluster, what it differs in from the original; several lines
	Parameters []Parameter
	Internal   bool // emitted by keyspace blocks only, not to be written in plan files
	// Modern is set for tasks that only a Vitess with vtworker can do: what to do instead on any other cluster.
	Modern string
}

// RequiredParameters are the names that must be present, in their documented order.
func (s *Spec) RequiredParameters() []string { return s.names(true) }

// OptionalParameters are the names that may be present, in their documented order.
func (s *Spec) OptionalParameters() []string { return s.names(false) }

func (s *Spec) names(required bool) []string {
	var names []string
	for _, p := range s.Parameters {
		if p.Required == required {
			names = append(names, p.Name)
		}
	}
	return names
}

// Parameter finds a parameter by name.
func (s *Spec) Parameter(name string) (Parameter, bool) {
	i := slices.IndexFunc(s.Parameters, func(p Parameter) bool { return p.Name == name })
	if i < 0 {
		return Parameter{}, false
	}
	return s.Parameters[i], true
}

// ErrStopped is what a waiting task returns when Env.Stop was closed: nothing is lost, the next run takes it up again.
var ErrStopped = errors.New("stopped on request")

// CheckParameters compares the names of parameters with what task takes. The texts are those of the Vitess automation
// package, which clients rely on: "required parameters are missing: [a b]", "parameter p is not allowed. Allowed
// required parameters: [..] optional parameters: [..]".
func CheckParameters(task Task, parameters map[string]string) error {
	required, optional := task.RequiredParameters(), task.OptionalParameters()
	var missing, unknown []string
	for _, name := range required {
		if _, ok := parameters[name]; !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("required parameters are missing: [%s]", strings.Join(missing, " "))
	}
	for name := range parameters {
		if !slices.Contains(required, name) && !slices.Contains(optional, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return fmt.Errorf("parameter %s is not allowed. Allowed required parameters: [%s] optional parameters: [%s]",
			unknown[0], strings.Join(required, " "), strings.Join(optional, " "))
	}
	if checker, ok := task.(Checker); ok {
		return checker.Check(parameters)
	}
	return nil
}
