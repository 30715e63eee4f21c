package shell

import (
	"crypto/rand"
	"fmt"
	"os"

	"shardform/internal/diag"
	"shardform/internal/tasks"
)

// Process implements tasks.Starter. While something of an interrupted run may live it is what is recorded of that one.
func (t *task) Process() *tasks.Process {
	switch {
	case t.left != nil:
		return t.left
	case t.process == nil:
		host, _ := os.Hostname()
		t.process = &tasks.Process{Host: host, Boot: bootID(), Mark: rand.Text()}
	}
	return t.process
}

// record has the command's pid recorded.
func (t *task) record(pid int) error {
	if t.env.Started == nil {
		return nil
	}
	p := *t.Process()
	p.PID, p.Started = pid, startOf(pid)
	return t.env.Started(p)
}

// observeLeft looks for what an interrupted run may have left, which Run ends first. On another host nobody can; where the
// operation was begun again that was known.
func (t *task) observeLeft(inv *invocation, record tasks.Record) tasks.Observation {
	left := record.Process
	absent := tasks.Observation{State: tasks.Absent, Detail: "not known to have run"}
	if left == nil {
		return absent
	}
	host, err := os.Hostname()
	if err != nil || left.Host != host {
		if !record.Announced {
			return absent
		}
		return tasks.Observation{
			State:    tasks.Conflict,
			Detail:   fmt.Sprintf("%s was started on another host and may be running there%s", inv.argv[0], whereabouts(left)),
			Expected: fmt.Sprintf("an interrupted command that can be ended before it is run again, which is possible on %s alone", left.Host),
			Cure: []string{
				fmt.Sprintf("go on from %s, where what is left of it is ended first;", left.Host),
				"or make sure that it has ended there, then " + t.again(),
			},
		}
	}
	if left.Boot != bootID() {
		absent.Detail = "the host was started since: nothing is left of the interrupted command"
		return absent
	}
	if _, sure := t.orphans(left); !sure {
		return tasks.Observation{
			State:    tasks.Conflict,
			Detail:   fmt.Sprintf("%s was started, and it cannot be told whether the process group that is there is its own%s", inv.argv[0], whereabouts(left)),
			Expected: "an interrupted command of which nothing is left",
			Cure:     []string{"end it if it is the command's, then " + t.again()},
		}
	}
	t.left = left
	absent.Detail = "what is left of the interrupted command is ended first"
	return absent
}

func (t *task) orphans(p *tasks.Process) (*family, bool) {
	return orphans(p.PID, p.Started, runVariable+"="+p.Mark)
}

// endLeft ends what an interrupted run left.
func (t *task) endLeft(inv *invocation) error {
	if t.left == nil {
		return nil
	}
	if f, _ := t.orphans(t.left); !f.endOrphans(t.limits.grace) {
		return &diag.Diagnostic{
			Severity: diag.Error, Summary: fmt.Sprintf("%s was not started: what is left of its interrupted run did not end", inv.argv[0]),
			Detail: fmt.Sprintf("it got SIGTERM and SIGKILL%s", whereabouts(t.left)), Hint: "find out what keeps it, then apply again",
		}
	}
	t.left = nil
	return nil
}

func (t *task) again() string {
	if t.env.Again == nil {
		return "run it again with: shardform apply --replace ADDR"
	}
	return t.env.Again()
}

// whereabouts says, at the end of a sentence, which process it is about.
func whereabouts(p *tasks.Process) string {
	switch {
	case p == nil:
		return ""
	case p.PID == 0:
		return fmt.Sprintf(" (on %s, with %s=%s in its environment)", p.Host, runVariable, p.Mark)
	}
	return fmt.Sprintf(" (pid %d on %s)", p.PID, p.Host)
}
