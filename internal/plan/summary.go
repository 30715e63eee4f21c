package plan

import (
	"slices"

	"shardform/internal/diag"
)

// Empty reports whether there is nothing to do and nothing to say: "No changes".
func (p *Plan) Empty() bool {
	return len(p.Operations) == 0 && len(p.Forgotten) == 0 && len(p.Alerts) == 0
}

// HasBlocked reports whether something in the plan cannot be done.
func (p *Plan) HasBlocked() bool {
	return slices.ContainsFunc(p.Operations, func(o Operation) bool { return o.Action == Blocked })
}

// BlockedExit is the exit code that the blocked operations ask for: refused where the cluster shows a conflict and
// nothing worse, failed otherwise, OK if nothing is blocked.
func (p *Plan) BlockedExit() diag.Exit {
	exit := diag.ExitOK
	for _, op := range p.Operations {
		if op.Action != Blocked {
			continue
		}
		one := diag.ExitOf(op.Diagnostics)
		if one == diag.ExitOK {
			one = diag.ExitFailed
		}
		exit = diag.Worst(exit, one)
	}
	return exit
}

// BlockedErrors are the errors of the blocked operations.
func (p *Plan) BlockedErrors() diag.List {
	var errs diag.List
	for _, op := range p.Operations {
		for _, d := range op.Diagnostics {
			if op.Action == Blocked && d.Severity == diag.Error {
				errs = append(errs, d)
			}
		}
	}
	return errs
}

// Summary counts tasks by what is done with them. An operation that is blocked as a whole, with no tasks, counts as
// one blocked item. Shards and workflows count as destroyed where the task that does it is still to be run.
func (p *Plan) Summary() Summary {
	s := Summary{Forget: len(p.Forgotten)}
	for _, op := range p.Operations {
		if op.Action == Blocked && len(op.Containers) == 0 {
			s.Blocked++
		}
		for _, c := range op.Containers {
			for _, t := range c.Tasks {
				if op.Action != Blocked || t.Action == Blocked { // of a blocked operation nothing is run
					s.count(t)
				}
			}
		}
	}
	return s
}

func (s *Summary) count(t Task) {
	switch t.Action {
	case Add:
		s.Add++
	case Change:
		s.Change++
	case Resume:
		s.Resume++
	case Adopt:
		s.Adopt++
	case Blocked:
		s.Blocked++
	}
	if t.Action == Add || t.Action == Change || t.Action == Resume {
		s.Destroy += t.Destroys
	}
}

// actionOfTasks is what a plan does with a container, by what it does with its tasks.
func actionOfTasks(tasks []Task) Action {
	var has struct{ blocked, change, resume, add, adopt, gate, completed bool }
	for _, t := range tasks {
		switch t.Action {
		case Blocked:
			has.blocked = true
		case Change:
			has.change = true
		case Resume:
			has.resume = true
		case Add:
			has.add = true
		case Adopt:
			has.adopt = true
		case Gate:
			has.gate = true
		case Completed:
			has.completed = true
		}
	}
	switch {
	case has.blocked:
		return Blocked
	case has.resume, has.add && has.completed:
		return Resume
	case has.change:
		return Change
	case has.add:
		return Add
	case has.adopt:
		return Adopt
	case has.gate:
		return Gate
	}
	return Completed
}

// actionOfContainers is what a plan does with an operation, by what it does with its containers.
func actionOfContainers(containers []Container, resumed bool) Action {
	has := func(a Action) bool {
		return slices.ContainsFunc(containers, func(c Container) bool { return c.Action == a })
	}
	switch {
	case has(Blocked):
		return Blocked
	case resumed, has(Resume):
		return Resume
	case has(Adopt):
		return Adopt
	case has(Change) && !has(Add):
		return Change
	}
	return Add
}
