package apply

import (
	"maps"
	"time"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

// step is a container while its operation runs. Steps form a list, because emitting tasks put more behind their own.
// The operation's lock guards next and the counters.
type step struct {
	address     addr.Address
	concurrency int
	jobs        []*job
	next        *step

	queue    int // index of the first job that nobody took
	inFlight int // jobs that were taken and are not concluded
	open     int // jobs that are not DONE
}

// job is a task while its operation runs. Its record is what the state has; whoever took the job owns the rest.
type job struct {
	step    *step
	record  state.Task
	secrets map[string]string // values of the sensitive parameters, in memory only
	summary string            // what it will do, where the plan says so

	task      tasks.Task // made when its turn comes
	announced bool       // by this process
	acted     bool       // Run was called by this process
	attempts  int        // finished ones
	was       time.Time  // when it was recorded as done before this run, which does it again; zero if it was not

	live  *liveContainer // where its message is, and at which place; nil if nobody is answered from memory
	index int
}

// newStep makes a step of a container's record.
func newStep(c state.Container) *step {
	s := &step{address: c.Address, concurrency: c.Concurrency}
	for _, task := range c.Tasks {
		j := &job{step: s, record: task, attempts: task.Attempts}
		if !j.done() {
			s.open++
		}
		s.jobs = append(s.jobs, j)
	}
	return s
}

// container is the record that the step's jobs make.
func (s *step) container() state.Container {
	c := state.Container{Address: s.address, Concurrency: s.concurrency, Tasks: make([]state.Task, len(s.jobs))}
	for i, j := range s.jobs {
		c.Tasks[i] = j.record
	}
	return c
}

// width is how many of the step's tasks may run at once.
func (s *step) width() int { return max(1, s.concurrency) }

// done reports whether the state has the task as ended without an error.
func (j *job) done() bool {
	return isDone(j.record)
}

// failedBefore reports whether the task came as ended with an error.
func (j *job) failedBefore() bool {
	return j.record.State == automationpb.TaskState_DONE && j.record.Error != ""
}

// parameters are the task's, with the values of the sensitive ones. The task may keep or change the map.
func (j *job) parameters() map[string]string {
	p := maps.Clone(j.record.Parameters)
	if p == nil {
		p = map[string]string{}
	}
	maps.Copy(p, j.secrets)
	return p
}

// known is what an observation may know of the record.
func (j *job) known() tasks.Record {
	return tasks.Record{
		Announced: j.record.State == automationpb.TaskState_RUNNING,
		Attempts:  j.attempts,
		StartedAt: j.record.Started,
		Done:      !j.was.IsZero(),
		Ended:     j.was,
		Process:   (*tasks.Process)(j.record.Process),
	}
}

// job finds the task with an address that the operation has.
func (o *operation) job(a addr.Address) *job {
	for _, j := range o.steps[a.Container()].jobs {
		if j.record.Address == a {
			return j
		}
	}
	return nil
}

// link puts a list of steps right behind s.
func (s *step) link(steps []*step) {
	for i := len(steps) - 1; i >= 0; i-- {
		steps[i].next = s.next
		s.next = steps[i]
	}
}

// doneRecord is the record of a task that ended without error.
func (j *job) doneRecord(now time.Time, output string, observed bool) state.Task {
	t := j.record
	t.State, t.Output, t.Error, t.Observed, t.Process = automationpb.TaskState_DONE, output, "", observed, nil
	t.Attempts, t.Ended = j.attempts, now
	if t.Started.IsZero() {
		t.Started = now
	}
	return t
}
