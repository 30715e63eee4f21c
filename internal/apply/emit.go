package apply

import (
	"fmt"
	"maps"
	"slices"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

// emit turns the containers that a task emitted into steps with ids and addresses. They are checked like an enqueue:
// one task that is not valid fails all of them. Containers that the plan has already give no steps.
func (o *operation) emit(j *job, emitted []*automationpb.TaskContainer) ([]*step, error) {
	if len(emitted) == 0 {
		return nil, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.validEmission(emitted); err != nil {
		return nil, o.complaint(j, fmt.Errorf("task: %s (%s/%s) emitted a new task which is not valid. Error: %w", j.record.Name, o.record.ID, j.record.ID, err))
	}
	planned := plan.Emitted(j.record.Address, emitted)
	if o.expanded {
		if _, expands := j.task.(tasks.Expander); expands {
			return nil, o.follows(j, planned)
		}
	}
	given := o.freeIDs(emitted)
	steps := make([]*step, len(planned))
	for i := range planned {
		if o.steps[planned[i].Address] != nil {
			return nil, o.complaint(j, fmt.Errorf("task %s emitted the container %s, which the operation has already", j.record.Name, planned[i].Address))
		}
		steps[i] = o.emittedStep(j, &planned[i], emitted[i], given)
	}
	for _, s := range steps {
		o.steps[s.address] = s
	}
	return steps, nil
}

// validEmission checks containers like an enqueue.
func (e *engine) validEmission(emitted []*automationpb.TaskContainer) error {
	if err := tasks.CheckComplete(emitted); err != nil {
		return err
	}
	for _, c := range emitted {
		for _, t := range c.ParallelTasks {
			if err := e.valid(t.Name, t.Parameters); err != nil {
				return err
			}
		}
	}
	return nil
}

// freeIDs are the ids that emitted tasks came with and that they may keep: those that the operation does not have. The
// generator gives none of them. The lock is held.
func (o *operation) freeIDs(emitted []*automationpb.TaskContainer) map[string]bool {
	free := map[string]bool{}
	for _, c := range emitted {
		for _, t := range c.ParallelTasks {
			if t.Id != "" {
				free[t.Id] = true
			}
		}
	}
	if len(free) == 0 {
		return nil
	}
	for _, s := range o.steps {
		for _, j := range s.jobs {
			delete(free, j.record.ID)
		}
	}
	passIDs(o.ids, emitted)
	return free
}

// emittedStep makes the step of one emitted container. Of the ids in free each task may take the one that it came with,
// once. A parameter that holds a secret of its emitter is a secret too.
func (o *operation) emittedStep(j *job, planned *plan.Container, emitted *automationpb.TaskContainer, free map[string]bool) *step {
	container := state.Container{Address: planned.Address, Concurrency: planned.Concurrency}
	secrets := make([]map[string]string, len(planned.Tasks))
	for i, t := range planned.Tasks {
		came := emitted.ParallelTasks[i]
		task := state.Task{Address: t.Address, Name: t.Name, ID: came.Id, State: automationpb.TaskState_NOT_STARTED}
		if !free[task.ID] {
			task.ID = o.ids.GetNextID()
		}
		delete(free, came.Id)
		if came.State == automationpb.TaskState_DONE { // it is not run; one with an error ends the operation at its turn
			task.State, task.Output, task.Error = came.State, o.hide.Text(came.Output), o.hide.Text(came.Error)
			task.Started, task.Ended = o.clock.Now(), o.clock.Now()
		}
		task.Parameters, task.Sensitive, secrets[i] = o.sealed(t.Parameters, j.secrets)
		container.Tasks = append(container.Tasks, task)
	}
	s := newStep(container)
	for i := range s.jobs {
		s.jobs[i].secrets = secrets[i]
	}
	return s
}

// sealed splits emitted parameters into open ones, and the hashes and values of those that hold a secret.
func (o *operation) sealed(parameters, secrets map[string]string) (open, hashes, values map[string]string) {
	open = maps.Clone(parameters)
	for _, name := range plan.HoldingSecrets(parameters, secrets, o.hide) {
		if hashes == nil {
			hashes, values = map[string]string{}, map[string]string{}
		}
		delete(open, name)
		hashes[name], values[name] = state.HashSensitive(parameters[name]), parameters[name]
	}
	return open, hashes, values
}

// follows checks that what j emitted is what the plan laid out, the values of sensitive parameters included. The lock is
// held.
func (o *operation) follows(j *job, planned []plan.Container) error {
	var recorded []state.Container
	var jobs []*job
	for s := o.root.next; s != nil; s = s.next {
		if plan.EmittedBy(j.record.Address, s.address) {
			recorded, jobs = append(recorded, s.container()), append(jobs, s.jobs...)
		}
	}
	var secrets []map[string]string
	for _, c := range planned {
		for i := range c.Tasks {
			open, hashes, values := o.sealed(c.Tasks[i].Parameters, j.secrets)
			c.Tasks[i].Parameters, c.Tasks[i].Sensitive = open, slices.Collect(maps.Keys(hashes))
			secrets = append(secrets, values)
		}
	}
	at := addr.Address{}
	if difference := plan.FirstDifference(recorded, planned); difference != nil {
		at = difference.At
	}
	for i := 0; at.IsZero() && i < len(jobs); i++ {
		if !maps.Equal(jobs[i].secrets, secrets[i]) {
			at = jobs[i].record.Address
		}
	}
	if at.IsZero() {
		return nil
	}
	return o.complaint(j, fmt.Errorf("task %s emitted the container %s otherwise than planned; plan and apply again", j.record.Name, at.Container()))
}

// valid checks a task's name and parameters. The texts are those of the Vitess automation package.
func (e *engine) valid(name string, parameters map[string]string) error {
	task, err := e.registry.NewTask(name, e.idleEnv())
	if err != nil {
		return err
	}
	return tasks.CheckParameters(task, parameters)
}
