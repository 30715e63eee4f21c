package apply

import (
	"context"
	"slices"
	"time"

	"shardform/internal/event"
	"shardform/internal/parallel"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
)

// How long a checkpoint may be put off for looking at the next tasks, so that "task i done" and "task i+1 running"
// are one transaction. A task whose effect nobody can see again must be recorded sooner.
const (
	aheadPatience     = 2 * time.Second
	aheadUnobservable = 250 * time.Millisecond
	aheadFound        = 1000 // tasks found done that one checkpoint may hold
)

// ahead is what goes along with a checkpoint about the tasks behind it.
type ahead struct {
	found    []*job // done on the cluster
	details  []tasks.Observation
	announce []*job // to be announced
	open     []*job // taken, but to be looked at with more patience
	same     bool   // announce and open belong to the step at hand
	linked   bool   // emitted steps were linked already
	finished bool   // no task is left in the operation
}

// lead looks at the first tasks of the operation and writes the checkpoint that opens it together with their
// announcements. If nothing can be said quickly the first task opens it.
func (o *operation) lead(ctx context.Context) []*job {
	a := o.lookAhead(ctx, &job{step: o.root}, nil)
	if len(a.found)+len(a.announce) == 0 {
		return a.open
	}
	var err error
	o.locked(func() {
		err = o.commit(ctx, batch{kind: o.kindOf("task_running"), transitions: a.transitions(o), ended: a.finished})
	})
	if err != nil {
		return nil
	}
	o.follow(a)
	o.mu.Lock()
	defer o.mu.Unlock()
	leads := o.handed
	o.handed = nil
	return leads
}

// lookAhead takes the tasks that start when j is done and looks at each once. Nothing is written.
func (o *operation) lookAhead(ctx context.Context, j *job, emitted []*step) ahead {
	patience := aheadPatience
	if _, can := j.task.(tasks.Observer); j.task != nil && !can {
		patience = aheadUnobservable
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last bool
	o.locked(func() {
		if last = j.step.inFlight <= 1 && !j.step.more(); last {
			j.step.link(emitted)
		}
	})
	if !last {
		a := ahead{same: true}
		o.glanceAt(ctx, &a, j.step, 1)
		return a
	}
	a := ahead{linked: true}
	for s := j.step; ; {
		next, end := o.nextOpen(s)
		if next == nil {
			a.finished = end && o.goesOn()
			return a
		}
		s = next
		if o.glanceAt(ctx, &a, s, s.width()); len(a.announce)+len(a.open) > 0 || !o.goesOn() || ctx.Err() != nil || len(a.found) >= aheadFound {
			return a
		}
	}
}

// more reports whether a task of s was not taken yet. The lock is held.
func (s *step) more() bool {
	for ; s.queue < len(s.jobs); s.queue++ {
		if !s.jobs[s.queue].done() {
			return true
		}
	}
	return false
}

// glanceAt takes up to n tasks of s that have to act.
func (o *operation) glanceAt(ctx context.Context, a *ahead, s *step, n int) {
	for len(a.announce)+len(a.open) < n && len(a.found) < aheadFound && ctx.Err() == nil {
		j := o.take(s)
		if j == nil {
			return
		}
		observation, sure := o.glance(ctx, j)
		switch {
		case !sure:
			a.open = append(a.open, j)
			return
		case observation.State == tasks.Done:
			a.found = append(a.found, j)
			a.details = append(a.details, observation)
		default:
			a.announce = append(a.announce, j)
		}
	}
}

// glance observes a task once; sure is false unless it is certain that it is done or has to act.
func (o *operation) glance(ctx context.Context, j *job) (observation tasks.Observation, sure bool) {
	if j.failedBefore() || o.make(j) != nil {
		return observation, false
	}
	observer, can := j.task.(tasks.Observer)
	if !can {
		return observation, j.record.State != automationpb.TaskState_RUNNING
	}
	err := parallel.Call(func() (err error) {
		observation, err = observer.Observe(ctx, j.parameters(), j.known())
		return err
	})
	if _, gate := j.task.(tasks.Gatekeeper); gate && observation.State != tasks.Done {
		return observation, false // it is asked, and never announced
	}
	return observation, err == nil && len(observation.Warnings) == 0 && observation.State != tasks.Conflict
}

// transitions are what the checkpoint says about the tasks looked at. The lock is held.
func (a *ahead) transitions(o *operation) []transition {
	ts := make([]transition, 0, len(a.found)+len(a.announce))
	for i, j := range a.found {
		next := j.doneRecord(o.clock.Now(), o.hide.Text(a.details[i].Output), true)
		ts = append(ts, transition{j, next, "task_done", o.hide.Text(a.details[i].Detail)})
	}
	for _, j := range a.announce {
		ts = append(ts, o.announcement(j))
	}
	return ts
}

// follow is called when the checkpoint is written: it returns the task that the slot goes on with, or hands all of them
// over to the next step.
func (o *operation) follow(a ahead) *job {
	for i, j := range a.found {
		o.report.taskEnd(event.Event{Kind: event.TaskDone, Address: j.record.Address, Message: o.hide.Text(a.details[i].Detail), Observed: true})
	}
	for _, j := range a.announce {
		j.announced = true
	}
	jobs := slices.Concat(a.announce, a.open)
	if a.same {
		if len(jobs) > 0 {
			return jobs[0]
		}
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.handed = append(o.handed, jobs...)
	if a.finished {
		o.reportDone()
	}
	return nil
}
