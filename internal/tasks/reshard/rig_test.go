package reshard

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/diag"
	"shardform/internal/event"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// rig drives the tasks of one reshard against a fake cluster as the engine does.
type rig struct {
	*fakeCluster
	t        *testing.T
	request  Request
	back     *Back    // the steps are those of this way back; nil: those forward
	alone    []string // not nil: the one step is ClearControls, with these shards gone
	env      *tasks.Env
	stop     chan struct{}
	messages []string
	progress []*event.Progress
	warnings []string
}

func newRig(t *testing.T, segment string, edits ...func(*Request)) *rig {
	t.Helper()
	from, to, _ := strings.Cut(segment, ":")
	r := &rig{fakeCluster: newFakeCluster(from, to), t: t, request: request(t, segment), stop: make(chan struct{})}
	r.request.Workflow = vitess.WorkflowName("customer", r.request.Segment)
	r.request.Settings.Cells = nil
	for _, edit := range edits {
		edit(&r.request)
	}
	r.connect()
	return r
}

// connect gives tasks this rig's cluster and clock.
func (r *rig) connect() {
	r.env = &tasks.Env{
		Clock: r.clock, Stop: r.stop, Output: func(string) {},
		Cluster: func(name string) (vitess.Cluster, error) {
			if name != "main" {
				return nil, fmt.Errorf("no cluster %q", name)
			}
			return r.fakeCluster, nil
		},
		Progress: func(message string, p *event.Progress) {
			r.messages = append(r.messages, message)
			if p != nil {
				r.progress = append(r.progress, p)
			}
		},
	}
}

// clone is a rig of another test whose cluster is in the same state.
func (r *rig) clone(t *testing.T) *rig {
	c := &rig{fakeCluster: r.fakeCluster.clone(), t: t, request: r.request, alone: r.alone, stop: make(chan struct{})}
	if r.back != nil {
		back := *r.back
		c.back = &back
	}
	c.connect()
	return c
}

// steps are those that are planned.
func (r *rig) steps() []Step {
	if r.alone != nil {
		return []Step{ClearControls("main", "customer", r.alone)}
	}
	if r.back != nil {
		return Backward(r.request, *r.back)
	}
	return Forward(r.request)
}

// planned finds a task by its label.
func (r *rig) planned(label string) StepTask {
	r.t.Helper()
	for _, step := range r.steps() {
		for _, task := range step.Tasks {
			if task.Label == label {
				return task
			}
		}
	}
	r.t.Fatalf("no task %s", label)
	return StepTask{}
}

// make is a task of a fresh process.
func (r *rig) make(label string) (tasks.Task, map[string]string) {
	r.t.Helper()
	planned := r.planned(label)
	task, err := tasks.NewRegistry(Definitions()...).NewTask(planned.Name, r.env)
	if err != nil {
		r.t.Fatal(err)
	}
	return task, planned.Parameters
}

func (r *rig) observe(label string) tasks.Observation {
	r.t.Helper()
	task, parameters := r.make(label)
	o, err := task.(tasks.Observer).Observe(r.t.Context(), parameters, tasks.Record{})
	if err != nil {
		r.t.Fatalf("observing %s: %v", label, err)
	}
	return o
}

// expect observes and compares the state.
func (r *rig) expect(label string, want tasks.State) tasks.Observation {
	r.t.Helper()
	o := r.observe(label)
	if o.State != want {
		r.t.Errorf("%s is observed %s (%s), want %s", label, o.State, o.Detail, want)
	}
	if o.State == tasks.Conflict && (o.Expected == "" || len(o.Cure) == 0) {
		r.t.Errorf("the conflict of %s has no expectation or cure: %+v", label, o)
	}
	return o
}

// run is one attempt, without an observation before it.
func (r *rig) run(label string) (string, error) {
	r.t.Helper()
	task, parameters := r.make(label)
	_, output, err := task.Run(r.t.Context(), parameters)
	return output, err
}

// fails runs and wants an error with text in it, of this exit, temporary or final.
func (r *rig) fails(label string, exit diag.Exit, temporary bool, texts ...string) {
	r.t.Helper()
	_, err := r.run(label)
	if err == nil {
		r.t.Fatalf("%s succeeded, want an error with %q", label, texts)
	}
	whole := err.Error()
	for _, d := range diag.All(err) {
		whole += "\n" + d.Detail + "\n" + d.Hint
	}
	for _, text := range texts {
		if !strings.Contains(whole, text) {
			r.t.Errorf("the error of %s lacks %q:\n%s", label, text, whole)
		}
	}
	if diag.ExitOf(err) != exit || diag.IsTemporary(err) != temporary {
		r.t.Errorf("the error of %s has exit %d, temporary %t; want %d, %t:\n%s", label, diag.ExitOf(err), diag.IsTemporary(err), exit, temporary, whole)
	}
}

// does runs a task as the engine would, to a good end.
func (r *rig) does(label string) {
	r.t.Helper()
	if _, err := r.task(r.t.Context(), label); err != nil {
		r.t.Fatal(err)
	}
}

// task does one task as the engine does: observe, act, observe, again while the error is temporary.
func (r *rig) task(ctx context.Context, label string) (string, error) {
	r.t.Helper()
	task, parameters := r.make(label)
	var last error
	for range 5 {
		o, err := task.(tasks.Observer).Observe(ctx, parameters, tasks.Record{})
		switch {
		case err != nil:
			last = err
			continue
		case o.State == tasks.Done:
			r.warnings = append(r.warnings, o.Warnings...)
			return o.Output, nil
		case o.State == tasks.Conflict:
			return "", asError(o)
		}
		if _, _, err = task.Run(ctx, parameters); err != nil {
			last = err
			if !diag.IsTemporary(err) {
				return "", err
			}
			continue
		}
		o, err = task.(tasks.Observer).Observe(ctx, parameters, tasks.Record{Announced: true})
		if diag.IsTemporary(err) {
			continue
		}
		if err != nil || o.State != tasks.Done {
			return "", fmt.Errorf("%s ran well and is observed %s (%s), error %v", label, o.State, o.Detail, err)
		}
		r.warnings = append(r.warnings, o.Warnings...)
		return o.Output, nil
	}
	return "", last
}

// apply does all tasks in order, the first ones before `before` if it is not "".
func (r *rig) apply(before string) (outputs map[string]string, err error) {
	r.t.Helper()
	outputs = map[string]string{}
	for _, step := range r.steps() {
		for _, task := range step.Tasks {
			if task.Label == before {
				return outputs, nil
			}
			if outputs[task.Label], err = r.task(r.t.Context(), task.Label); err != nil {
				return outputs, fmt.Errorf("%s: %w", task.Label, err)
			}
		}
	}
	return outputs, nil
}

// upTo does all tasks before one.
func (r *rig) upTo(before string) {
	r.t.Helper()
	if _, err := r.apply(before); err != nil {
		r.t.Fatal(err)
	}
	r.calls, r.messages, r.progress = nil, nil, nil
}

// finishes applies all the rest and checks the end.
func (r *rig) finishes() map[string]string {
	r.t.Helper()
	outputs, err := r.apply("")
	if err != nil {
		r.t.Fatal(err)
	}
	r.atTheEnd()
	return outputs
}

// atTheEnd wants the targets to serve everything, everywhere, and nothing to be left.
func (r *rig) atTheEnd() {
	r.t.Helper()
	targets := r.request.Segment.Targets.Names()
	for _, cell := range r.cells {
		for _, kind := range vitess.ServingTypes {
			p := r.partitions[cell][kind]
			if diff := cmp.Diff(targets, p.refs); diff != "" || len(p.disabled) > 0 {
				r.t.Errorf("%s in %s: controls %q, shards %s", kind, cell, p.disabled, diff)
			}
		}
	}
	if len(r.workflows) > 0 {
		r.t.Errorf("%d workflows are left", len(r.workflows))
	}
	for _, source := range r.request.Segment.Sources.Names() {
		if s := r.shard(source); s != nil && (r.request.Settings.RemoveShards || s.PrimaryServing) {
			r.t.Errorf("source shard %s is left", source)
		}
	}
}
