package legacyreshard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
)

// step describes a task that does what an automation task does, unless the cluster shows that it is done.
type step struct {
	name    string
	inner   string // the automation task
	own     []tasks.Parameter
	halfway string // what becomes of it if it dies halfway
	observe func(s *scene, ctx context.Context) (tasks.Observation, error)
	// traceless says that what it does leaves nothing to be seen before a later step has begun: until then its end counts.
	traceless bool
	// each gives the parameters for every run of the automation task, where one run may not do; nil: one with all of given.
	each func(s *scene, ctx context.Context, given map[string]string) ([]map[string]string, error)
	// planned tells, before anything is run, what each will come to: a comment and the parameters of one run for all; an
	// empty comment: one run with all of given.
	planned func(p, given map[string]string) (comment string, run map[string]string)

	// allowed is asked right before the step runs; nil: it always is.
	allowed func(s *scene, ctx context.Context) error

	spec      *tasks.Spec
	innerSpec *tasks.Spec
	new       func(env *tasks.Env) tasks.Task
}

func (s *step) definition(inner tasks.Definition) tasks.Definition {
	s.innerSpec, s.new = inner.Spec, inner.New
	s.spec = &tasks.Spec{
		Name: s.name, Summary: inner.Spec.Summary, Internal: true,
		Doc: fmt.Sprintf(`A step of a keyspace or move_tables block on a legacy cluster. Does what %s does, unless the cluster shows that it
is done: one that was cut short, or whose answer was lost, is looked at before it is run again.
%s
Of that task:
%s`, s.inner, s.halfway, inner.Spec.Doc),
		Parameters: slices.Clone(s.own),
	}
	for _, p := range inner.Spec.Parameters {
		if _, has := s.spec.Parameter(p.Name); !has {
			s.spec.Parameters = append(s.spec.Parameters, p)
		}
	}
	return tasks.Definition{Spec: s.spec, New: func(env *tasks.Env) tasks.Task { return &stepTask{Spec: s.spec, step: s, env: env, inner: s.new(env)} }}
}

// given are the parameters that the automation task takes.
func (s *step) given(all map[string]string) map[string]string {
	p := map[string]string{}
	for _, known := range s.innerSpec.Parameters {
		if text, ok := all[known.Name]; ok {
			p[known.Name] = text
		}
	}
	return p
}

// stepTask is one task of a step.
type stepTask struct {
	*tasks.Spec
	step  *step
	env   *tasks.Env
	inner tasks.Task
	ended bool // it was run to its end
}

// Check implements tasks.Checker.
func (t *stepTask) Check(p map[string]string) error {
	if _, err := t.Read(p); err != nil {
		return err
	}
	return tasks.CheckParameters(t.inner, t.step.given(p))
}

// Observe implements tasks.Observer.
func (t *stepTask) Observe(ctx context.Context, p map[string]string, _ tasks.Record) (tasks.Observation, error) {
	s, err := t.scene(p)
	if err != nil {
		return tasks.Observation{}, err
	}
	o, err := t.step.observe(s, ctx)
	if err == nil && t.step.traceless && t.ended && o.State == tasks.Absent {
		o = done("it ended well")
	}
	return o, err
}

// Run implements tasks.Task.
func (t *stepTask) Run(ctx context.Context, p map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, err := t.scene(p)
	if err != nil {
		return nil, "", err
	}
	if t.step.allowed != nil {
		if err := t.step.allowed(s, ctx); err != nil {
			return nil, "", err
		}
	}
	runs := []map[string]string{t.step.given(p)}
	if t.step.each != nil {
		if runs, err = t.step.each(s, ctx, runs[0]); err != nil {
			return nil, "", err
		}
	}
	var output strings.Builder
	for _, given := range runs {
		_, said, err := t.inner.Run(ctx, given) // it emits nothing: it is a command
		output.WriteString(said)
		if err != nil {
			return nil, output.String(), err
		}
	}
	t.ended = true
	return nil, output.String(), nil
}

// Commands implements tasks.Commander.
func (t *stepTask) Commands(ctx context.Context, p map[string]string) []string {
	var lines []string
	run := t.step.given(p)
	if t.step.planned != nil {
		var comment string
		if comment, run = t.step.planned(p, run); comment != "" {
			lines = append(lines, comment)
		}
	}
	return append(lines, t.inner.(tasks.Commander).Commands(ctx, run)...)
}

// Describe implements tasks.Describer.
func (t *stepTask) Describe(p map[string]string) string {
	return t.inner.(tasks.Describer).Describe(t.step.given(p))
}

func done(detail string) tasks.Observation {
	return tasks.Observation{State: tasks.Done, Detail: detail, Output: detail}
}

func absent(detail string) tasks.Observation {
	return tasks.Observation{State: tasks.Absent, Detail: detail}
}

func conflict(expected, found string, cure ...string) tasks.Observation {
	return tasks.Observation{State: tasks.Conflict, Expected: expected, Detail: found, Cure: cure}
}
