package reshard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/tasks"
)

// gatedRig drives a reshard with gates as the engine does, one apply after the other, with what the state remembers.
type gatedRig struct {
	*rig
	operation addr.Address
	given     map[addr.Address]tasks.Approval // by step
	ended     map[addr.Address]time.Time      // tasks that are recorded as done
	unread    error                           // of reading approvals
}

func newGatedRig(t *testing.T, edits ...func(*Request)) *gatedRig {
	t.Helper()
	g := &gatedRig{rig: newRig(t, "-:-80,80-", edits...), given: map[addr.Address]tasks.Approval{}, ended: map[addr.Address]time.Time{}}
	g.operation = addr.Keyspace("customer").WithOperation("-:-80,80-")
	g.env.Address = g.operation
	g.env.Approval = func(_ context.Context, step addr.Address) (tasks.Approval, bool, error) {
		a, ok := g.given[step]
		return a, ok, g.unread
	}
	g.env.ApproveCommand = func(step addr.Address) string { return tasks.ApproveCommand(step, "sha256:1", "") }
	g.env.ResumeCommand = func() string { return tasks.ResumeCommand(g.operation, "plans/it.hcl") }
	return g
}

// everyGate asks for all approvals, a window at night, and a day of soaking.
func everyGate(r *Request) {
	r.Settings.Approval = ApprovalSteps
	r.Settings.Window = &Window{Opens: "0 22 * * *", Lasts: 2 * time.Hour, Timezone: "Europe/Berlin", MinRemaining: 30 * time.Minute}
	r.Settings.Soak = 24 * time.Hour
}

// approve gives an approval now.
func (g *gatedRig) approve(step string) {
	g.clock.Time = g.clock.Time.Add(time.Second)
	g.given[g.operation.WithContainer(step)] = tasks.Approval{By: "anna", At: g.clock.Time}
}

// task makes a task of a fresh process, told as STEP/LABEL.
func (g *gatedRig) fresh(place string) (tasks.Task, map[string]string, addr.Address) {
	g.t.Helper()
	step, label, _ := strings.Cut(place, "/")
	for _, s := range Forward(g.request) {
		for _, planned := range s.Tasks {
			if s.Name != step || planned.Label != label {
				continue
			}
			env := *g.env
			env.Address = g.operation.WithContainer(step).WithTask(label)
			task, err := tasks.NewRegistry(Definitions()...).NewTask(planned.Name, &env)
			if err != nil {
				g.t.Fatal(err)
			}
			return task, planned.Parameters, env.Address
		}
	}
	g.t.Fatalf("no task %s", place)
	return nil, nil, addr.Address{}
}

func (g *gatedRig) record(a addr.Address) tasks.Record {
	at, ok := g.ended[a]
	return tasks.Record{Done: ok, Ended: at}
}

// sees observes and compares the state.
func (g *gatedRig) sees(place string, want tasks.State, texts ...string) tasks.Observation {
	g.t.Helper()
	task, parameters, a := g.fresh(place)
	o, err := task.(tasks.Observer).Observe(g.t.Context(), parameters, g.record(a))
	if err != nil {
		g.t.Fatalf("observing %s: %v", place, err)
	}
	whole := o.Detail + "\n" + strings.Join(o.Cure, "\n")
	if o.State != want || o.State == tasks.Conflict && (o.Expected == "" || len(o.Cure) == 0) {
		g.t.Errorf("%s is observed %s (%s), want %s", place, o.State, whole, want)
	}
	for _, text := range texts {
		if !strings.Contains(whole, text) {
			g.t.Errorf("the observation of %s lacks %q: %s", place, text, whole)
		}
	}
	return o
}

// attempt observes and runs, once.
func (g *gatedRig) attempt(place string) (string, error) {
	g.t.Helper()
	task, parameters, a := g.fresh(place)
	if _, err := task.(tasks.Observer).Observe(g.t.Context(), parameters, g.record(a)); err != nil {
		g.t.Fatalf("observing %s: %v", place, err)
	}
	_, output, err := task.Run(g.t.Context(), parameters)
	return output, err
}

// stands wants a task to find its gate closed, at once and with nothing sent.
func (g *gatedRig) stands(place string, gate tasks.Gate) *tasks.GateClosed {
	g.t.Helper()
	calls, sleeps := len(g.calls), len(g.clock.Slept)
	_, err := g.attempt(place)
	closed, is := asClosed(err)
	if !is || closed.Gate != gate || closed.Reason == "" {
		g.t.Fatalf("%s ended with %v, want a closed gate: %s", place, err, gate)
	}
	if len(g.calls) > calls || len(g.clock.Slept) > sleeps {
		g.t.Errorf("%s was not asked only: %q, %d sleeps", place, g.calls[calls:], len(g.clock.Slept)-sleeps)
	}
	return closed
}

// run applies until the end or until a gate is closed, whose task is told as STEP/LABEL.
func (g *gatedRig) run() (at string, closed *tasks.GateClosed, err error) {
	g.t.Helper()
	for _, step := range Forward(g.request) {
		for _, planned := range step.Tasks {
			place := step.Name + "/" + planned.Label
			if closed, err = g.one(place); closed != nil || err != nil {
				return place, closed, err
			}
		}
	}
	return "", nil, nil
}

// one brings a task to its end.
func (g *gatedRig) one(place string) (*tasks.GateClosed, error) {
	task, parameters, a := g.fresh(place)
	for attempt := 0; ; attempt++ {
		o, err := task.(tasks.Observer).Observe(g.t.Context(), parameters, g.record(a))
		switch {
		case err != nil && (attempt >= 5 || !diag.IsTemporary(err)):
			return nil, err
		case err != nil:
			continue
		case o.State == tasks.Conflict:
			return nil, asError(o)
		case o.State == tasks.Done:
			if _, known := g.ended[a]; !known || attempt > 0 {
				g.ended[a] = g.clock.Time
			}
			return nil, nil
		}
		_, _, err = task.Run(g.t.Context(), parameters)
		if closed, is := asClosed(err); is {
			return closed, nil
		}
		if err != nil && (attempt >= 5 || !diag.IsTemporary(err)) {
			return nil, fmt.Errorf("%s: %w", place, err)
		}
	}
}

// reaches applies and wants it to end at a gate.
func (g *gatedRig) reaches(place string, gate tasks.Gate) *tasks.GateClosed {
	g.t.Helper()
	at, closed, err := g.run()
	if err != nil || closed == nil || closed.Gate != gate || at != place {
		g.t.Fatalf("ended at %q, gate %+v, error %v; want %s at %s", at, closed, err, gate, place)
	}
	return closed
}

// ends applies to the end.
func (g *gatedRig) ends() {
	g.t.Helper()
	if at, closed, err := g.run(); err != nil || closed != nil {
		g.t.Fatalf("ended at %q, gate %+v, error %v", at, closed, err)
	}
	g.atTheEnd()
}

// until makes it some time of the day, in UTC, from now on.
func (g *gatedRig) until(clock string) {
	g.t.Helper()
	at, err := time.Parse("15:04", clock)
	if err != nil {
		g.t.Fatal(err)
	}
	now := g.clock.Time
	next := time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), 0, 0, time.UTC)
	if next.Before(now) {
		next = next.AddDate(0, 0, 1)
	}
	g.clock.Time = next
}

var errState = errors.New("the state cannot be read")
