package tasks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"shardform/internal/diag/spell"
)

// Values are a task's parameters, checked against its Spec and read in the kinds that the Spec gives them; a parameter
// that is absent has its documented default.
type Values struct {
	spec  *Spec
	texts map[string]string
}

// Read checks parameters against s and gives typed access to them. The error names every parameter that is missing,
// unknown or not of its kind; it never has the text of a List or Map, where secrets may be.
func (s *Spec) Read(parameters map[string]string) (Values, error) {
	if err := s.checkValues(parameters); err != nil {
		return Values{}, err
	}
	return Values{spec: s, texts: parameters}, nil
}

// checkValues returns a ParameterErrors of every parameter whose name, presence or text is not as s has it.
func (s *Spec) checkValues(parameters map[string]string) error {
	var wrong ParameterErrors
	for _, p := range s.Parameters {
		text, given := parameters[p.Name]
		switch {
		case !given && p.Required:
			wrong = append(wrong, &ParameterError{Name: p.Name, Problem: "parameter " + p.Name + " is missing"})
		case given:
			if err := p.Check(text); err != nil {
				wrong = append(wrong, WrongParameter(p.Name, err))
			}
		}
	}
	for name := range parameters {
		if _, known := s.Parameter(name); !known {
			wrong = append(wrong, &ParameterError{Name: name, Problem: fmt.Sprintf("parameter %s is not one of %s", name, s.Name)})
		}
	}
	return wrong.Err()
}

// ParameterError is what is wrong with one parameter of a task.
type ParameterError struct {
	Name    string
	Problem string // names the parameter; of another parameter's value it has nothing
}

func (e *ParameterError) Error() string { return e.Problem }

// WrongParameter returns the error of a parameter whose value is wrong.
func WrongParameter(name string, err error) *ParameterError {
	return &ParameterError{Name: name, Problem: fmt.Sprintf("parameter %s: %v", name, err)}
}

// ParameterErrors are the errors of several parameters of one task, reported together.
type ParameterErrors []*ParameterError

// Error is all of them on one line, sorted.
func (e ParameterErrors) Error() string {
	problems := make([]string, len(e))
	for i, one := range e {
		problems[i] = one.Problem
	}
	slices.Sort(problems)
	return strings.Join(problems, "; ")
}

// Err returns e as an error, nil if there is none in it.
func (e ParameterErrors) Err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// Check returns an error if text cannot be read as p's kind or is not one of the allowed values.
func (p Parameter) Check(text string) error {
	switch p.Kind {
	case Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("expected true or false, found %q", text)
		}
	case Int:
		if _, err := strconv.ParseUint(text, 10, 63); err != nil {
			return fmt.Errorf("expected a whole number that is not negative, found %q", text)
		}
	case Duration:
		if d, err := time.ParseDuration(text); err != nil || d < 0 {
			return fmt.Errorf("expected a duration such as 30s or 1h30m, found %q", text)
		}
	case List:
		if json.Unmarshal([]byte(text), new([]string)) != nil {
			return fmt.Errorf("expected a list of strings as a JSON array")
		}
	case Map:
		if json.Unmarshal([]byte(text), new(map[string]string)) != nil {
			return fmt.Errorf("expected a map of strings as a JSON object")
		}
	}
	if len(p.Allowed) > 0 && !slices.Contains(p.Allowed, text) {
		return fmt.Errorf("expected one of %s, found %q", strings.Join(p.Allowed, ", "), text)
	}
	return nil
}

// Given reports whether the parameter is present; its default does not count.
func (v Values) Given(name string) bool {
	_, given := v.texts[name]
	return given
}

// String is the parameter's text. Like the other accessors it panics for a name that the Spec does not have: that is
// a programming error of the task.
func (v Values) String(name string) string {
	p, known := v.spec.Parameter(name)
	if !known {
		panic("task " + v.spec.Name + " has no parameter " + name)
	}
	if text, given := v.texts[name]; given {
		return text
	}
	return p.Default
}

// Bool is a parameter of kind Bool; false if it is absent without a default.
func (v Values) Bool(name string) bool { return v.String(name) == "true" }

// Int is a parameter of kind Int; 0 if it is absent without a default.
func (v Values) Int(name string) int64 {
	n, _ := strconv.ParseInt(v.String(name), 10, 64) // checked by Read
	return n
}

// Duration is a parameter of kind Duration; 0 if it is absent without a default.
func (v Values) Duration(name string) time.Duration {
	d, _ := time.ParseDuration(v.String(name)) // checked by Read
	return d
}

// List is a parameter of kind List; nil if it is absent without a default.
func (v Values) List(name string) []string {
	var list []string
	_ = json.Unmarshal([]byte(v.String(name)), &list) // checked by Read
	return list
}

// Map is a parameter of kind Map; nil if it is absent without a default.
func (v Values) Map(name string) map[string]string {
	var m map[string]string
	_ = json.Unmarshal([]byte(v.String(name)), &m) // checked by Read
	return m
}

// DurationText is spell.Duration.
func DurationText(d time.Duration) string { return spell.Duration(d) }
