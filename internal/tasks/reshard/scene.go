package reshard

import (
	"context"
	"fmt"
	"strings"
	"time"

	"shardform/internal/diag"
	"shardform/internal/keyrange"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// base is what every task of this package is made of.
type base struct {
	*tasks.Spec
	env *tasks.Env
}

// scene is one task at work: its parameters, read, and the cluster they name.
type scene struct {
	tasks.Values
	env      *tasks.Env
	cluster  vitess.Cluster
	keyspace string
	segment  keyrange.Segment // zero for tasks without sources and targets
	history  history
	// unstoppable makes waits ignore Env.Stop, while a changing call is being looked after.
	unstoppable bool
}

// open reads the parameters and connects to the cluster.
func (b *base) open(parameters map[string]string) (*scene, error) {
	s, err := b.scene(parameters)
	if err != nil {
		return nil, err
	}
	s.cluster, err = b.env.Cluster(s.String("cluster"))
	if err != nil {
		return nil, err
	}
	return s, nil
}

// scene reads the parameters without connecting: enough for describing.
func (b *base) scene(parameters map[string]string) (*scene, error) {
	values, err := b.Read(parameters)
	if err != nil {
		return nil, err
	}
	s := &scene{Values: values, env: b.env, keyspace: values.String("keyspace")}
	if _, hasSegment := b.Parameter("sources"); hasSegment {
		if s.segment.Sources, err = layout(values.String("sources")); err != nil {
			return nil, fmt.Errorf("parameter sources: %w", err)
		}
		if s.segment.Targets, err = layout(values.String("targets")); err != nil {
			return nil, fmt.Errorf("parameter targets: %w", err)
		}
	}
	return s, nil
}

// sight opens a task's scene and has a first look at it.
func (b *base) sight(ctx context.Context, parameters map[string]string) (*scene, *vitess.SegmentView, error) {
	return b.seen(ctx, parameters, (*scene).look)
}

// glance is sight for observing: what was read a moment ago will do, if nothing was changed since.
func (b *base) glance(ctx context.Context, parameters map[string]string) (*scene, *vitess.SegmentView, error) {
	return b.seen(ctx, parameters, (*scene).lookBack)
}

func (b *base) seen(ctx context.Context, parameters map[string]string, look func(*scene, context.Context) (*vitess.SegmentView, error)) (*scene, *vitess.SegmentView, error) {
	s, err := b.open(parameters)
	if err != nil {
		return nil, nil, err
	}
	v, err := look(s, ctx)
	if err != nil {
		return nil, nil, err
	}
	return s, v, nil
}

// recalled is sight for tasks that move traffic: it also reads what the state knows of that.
func (b *base) recalled(ctx context.Context, parameters map[string]string, record tasks.Record) (*scene, *vitess.SegmentView, error) {
	s, v, err := b.sight(ctx, parameters)
	if err != nil {
		return nil, nil, err
	}
	return s, v, s.recall(ctx, record)
}

// glanced is recalled for observing.
func (b *base) glanced(ctx context.Context, parameters map[string]string, record tasks.Record) (*scene, *vitess.SegmentView, error) {
	s, v, err := b.glance(ctx, parameters)
	if err != nil {
		return nil, nil, err
	}
	return s, v, s.recall(ctx, record)
}

// name is the workflow as the cluster calls it, or as it is to be called.
func (s *scene) name(v *vitess.SegmentView) string {
	switch {
	case v != nil && v.Workflow != nil:
		return v.Workflow.Name
	case v != nil && v.Reverse != nil:
		return vitess.ReverseName(v.Reverse.Name)
	}
	return s.String("workflow")
}

// arrow is "KEYSPACE - to -80,80-".
func (s *scene) arrow() string {
	return fmt.Sprintf("%s %s to %s", s.keyspace, s.segment.Sources, s.segment.Targets)
}

// look reads the keyspace and views the segment. Failing is temporary: reading again may work.
func (s *scene) look(ctx context.Context) (*vitess.SegmentView, error) {
	snapshot, err := s.cluster.Snapshot(ctx, s.keyspace)
	if err != nil {
		return nil, s.unread(ctx, "reading the keyspace", err)
	}
	if !snapshot.Exists {
		return nil, refused(fmt.Sprintf("keyspace %s does not exist", s.keyspace), "expected the keyspace of this reshard", "")
	}
	return snapshot.View(s.segment), nil
}

// lookBackLasts is how old what an observation is made of may be. The engine observes a task right behind its end, and the
// next task right behind that: one look that was made behind the last change is enough for them. What a task decides a
// change by it has always looked at itself.
const lookBackLasts = 250 * time.Millisecond

// lookBack is look, or what was read a moment ago by a cluster that remembers it, if nothing was changed since.
func (s *scene) lookBack(ctx context.Context) (*vitess.SegmentView, error) {
	if c, can := s.cluster.(interface {
		Recent(keyspace string, within time.Duration) *vitess.Snapshot
	}); can {
		if snapshot := c.Recent(s.keyspace, lookBackLasts); snapshot != nil {
			return snapshot.View(s.segment), nil
		}
	}
	return s.look(ctx)
}

// unread wraps an error of a read.
func (s *scene) unread(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &unreadError{wrap(fmt.Sprintf("%s %s failed", doing, s.keyspace), err, "", true)}
}

// unreadError is a read that failed. It says nothing about the cluster but that it was not reached.
type unreadError struct{ *diag.Diagnostic }

func (e *unreadError) Unwrap() error { return e.Diagnostic }

// stopping reports whether the run was asked to stop.
func (s *scene) stopping() bool {
	select {
	case <-s.env.Stop:
		return true
	default:
		return false
	}
}

func (s *scene) now() time.Time { return s.env.Clock.Now() }

// say reports progress in words.
func (s *scene) say(format string, args ...any) { s.env.Progress(fmt.Sprintf(format, args...), nil) }

// remind says something that goes on, not more often than every so long; said is when it was last said.
func (s *scene) remind(said *time.Time, every time.Duration, format string, args ...any) {
	if s.now().Sub(*said) >= every {
		*said = s.now()
		s.say(format, args...)
	}
}

// failed is a final error.
func failed(summary, detail, hint string) *diag.Diagnostic {
	return &diag.Diagnostic{Severity: diag.Error, Summary: summary, Detail: detail, Hint: hint}
}

// refused is a conflict with what the cluster shows, found while acting.
func refused(summary, detail, hint string) *diag.Diagnostic {
	d := failed(summary, detail, hint)
	d.Exit = diag.ExitRefused
	return d
}

// wrap is an error that came from the cluster.
func wrap(summary string, err error, hint string, temporary bool) *diag.Diagnostic {
	d := failed(summary, err.Error(), hint)
	d.Cause, d.Temporary = err, temporary
	return d
}

// temporary marks an error as one that another attempt may not meet.
func temporary(d *diag.Diagnostic) *diag.Diagnostic {
	d.Temporary = true
	return d
}

// conflict is the observation that something stands in the way.
func conflict(found, expected string, cure ...string) tasks.Observation {
	return tasks.Observation{State: tasks.Conflict, Detail: found, Expected: expected, Cure: cure}
}

func absent(detail string) tasks.Observation {
	return tasks.Observation{State: tasks.Absent, Detail: detail}
}

func done(detail string) tasks.Observation {
	return tasks.Observation{State: tasks.Done, Detail: detail, Output: detail}
}

func running(detail string) tasks.Observation {
	return tasks.Observation{State: tasks.Running, Detail: detail}
}

// asError is a conflict found while acting.
func asError(o tasks.Observation) error {
	return refused(o.Detail, "expected "+o.Expected, strings.Join(o.Cure, "\n"))
}

// foreign is the conflict with workflows that do not belong to the segment; false if there are none.
func foreign(v *vitess.SegmentView) (tasks.Observation, bool) {
	if len(v.Conflicts) == 0 {
		return tasks.Observation{}, false
	}
	var found, cure []string
	for _, c := range v.Conflicts {
		found = append(found, c.Found)
		cure = append(cure, c.Cure...)
	}
	return conflict(strings.Join(found, "; "), v.Conflicts[0].Expected, cure...), true
}
