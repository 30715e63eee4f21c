// Package shell has the task shell, which runs a command on the machine that shardform runs on. It starts processes
// and nothing else: it touches no cluster and no state.
package shell

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"shardform/internal/diag"
	"shardform/internal/diag/spell"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/transcript"
)

var spec = &tasks.Spec{
	Name:    "shell",
	Summary: "runs a command on the machine that shardform runs on",
	Doc: `Runs command as it stands, without a shell; or script by "sh -c". Exactly one of them is given.
A relative dir and a first word with a slash in it start at the folder of the plan file; a first word without one is
looked up in PATH. The command gets shardform's own environment and env on top, nothing on its standard input, and a
session of its own, without a terminal: what asks for a password there fails. Its standard output and error are the
task's output, together, 64 KiB of it at most: the head and the tail, and a line that says how much is missing between
them. It is shown line by line as it comes, all of it.
Any exit code but 0 fails the task; it is not tried again by itself. After timeout, or when shardform is asked to stop
a second time, the command and everything it started get SIGTERM, and what is left of them SIGKILL 5 seconds later; on
Linux also what has left its session (SHARDFORM_TASK_RUN in the environment marks it).
Nothing shows from outside what a command did. unless is a command that tells: if it exits with 0 the task is done
and command is not run. It is run by apply and serve, before and after command, so it must change nothing; plan does not
run it. A command that was running when shardform died is not run again by itself, unless on_interrupt = "rerun": then
what is left of it on this host is ended first, as after timeout. If it ran on another host that cannot be done: the
task is refused (exit 6), until it is applied there, unless says that it is done, or --replace is given.`,
	Parameters: []tasks.Parameter{
		{Name: "command", Kind: tasks.List, Doc: "program and arguments; required unless script is given"},
		{Name: "script", Kind: tasks.String, Multiline: true, Doc: `text run by "sh -c"; instead of command`},
		{Name: "env", Kind: tasks.Map, Doc: "environment variables on top of shardform's own"},
		{Name: "dir", Kind: tasks.String, Doc: "folder to run in; default: the plan file's"},
		{Name: "timeout", Kind: tasks.Duration, Doc: "how long the command may take; default: as long as it wants"},
		{Name: "unless", Kind: tasks.List, Doc: "program and arguments that exit with 0 if there is nothing left to do"},
		{Name: "on_interrupt", Kind: tasks.String, Default: "stop", Allowed: []string{"rerun", "stop"},
			Doc: "what to do about a command that was cut short: run it again, or stop and ask"},
	},
}

// task keeps what this very process saw the command do: nothing else can observe it afterwards.
type task struct {
	*tasks.Spec
	env       *tasks.Env
	limits    limits
	succeeded *string        // output of a Run that succeeded
	left      *tasks.Process // what an interrupted run left on this machine; nil: nothing to be ended
	process   *tasks.Process // as it is recorded
}

// Definition registers the task.
func Definition() tasks.Definition {
	return tasks.Definition{Spec: spec, New: func(env *tasks.Env) tasks.Task {
		return &task{Spec: spec, env: env, limits: standardLimits}
	}}
}

// Check implements tasks.Checker.
func (t *task) Check(parameters map[string]string) error {
	_, err := t.read(parameters)
	return err
}

// invocation is a task's parameters, read.
type invocation struct {
	argv, unless []string
	env          map[string]string
	dir          string
	timeout      time.Duration // 0: none
	rerun        bool
}

func (t *task) read(parameters map[string]string) (*invocation, error) {
	values, err := t.Read(parameters)
	if err != nil {
		return nil, err
	}
	inv := &invocation{
		argv: values.List("command"), unless: values.List("unless"), env: values.Map("env"), dir: values.String("dir"),
		timeout: values.Duration("timeout"), rerun: values.String("on_interrupt") == "rerun",
	}
	var wrong tasks.ParameterErrors
	switch {
	case values.Given("command") == values.Given("script"):
		wrong = append(wrong, &tasks.ParameterError{Name: "command", Problem: "exactly one of command and script is needed"})
	case values.Given("script"):
		inv.argv = []string{"sh", "-c", values.String("script")}
	case len(inv.argv) == 0 || inv.argv[0] == "":
		wrong = append(wrong, tasks.WrongParameter("command", errors.New("the program is missing")))
	}
	if values.Given("unless") && (len(inv.unless) == 0 || inv.unless[0] == "") {
		wrong = append(wrong, tasks.WrongParameter("unless", errors.New("the program is missing")))
	}
	for _, name := range slices.Sorted(maps.Keys(inv.env)) {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			wrong = append(wrong, tasks.WrongParameter("env", fmt.Errorf("%q cannot be the name of a variable", name)))
		}
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return inv, nil
}

// Run runs the command once.
func (t *task) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	inv, err := t.read(parameters)
	if err != nil {
		return nil, "", err
	}
	if err := t.endLeft(inv); err != nil {
		return nil, "", err
	}
	started := t.env.Clock.Now()
	kept := transcript.New(t.limits.output, t.env.Output, t.env.Hide)
	ended, err := t.start(ctx, inv, inv.argv, t.Process().Mark, t.record, kept)
	took := t.env.Clock.Now().Sub(started).Round(time.Millisecond)
	if err == nil && ended.ok() {
		output := kept.String()
		t.succeeded = &output
		t.env.Progress(fmt.Sprintf("exit 0 after %s", took), nil)
		return nil, output, nil
	}
	return nil, kept.String(), t.failure(ctx, inv, ended, took, err)
}

// failure says how the command ended. It has no output, no arguments and no variables in it: secrets may be there.
func (t *task) failure(ctx context.Context, inv *invocation, ended exit, took time.Duration, err error) error {
	d := &diag.Diagnostic{Severity: diag.Error, Cause: err}
	name := inv.argv[0]
	switch {
	case err != nil:
		d.Summary = fmt.Sprintf("%s could not be started", name)
		d.Detail = startProblem(err)
		d.Hint = "a name with a slash starts at the plan file's folder, one without is looked up in PATH"
	case ended.timedOut:
		d.Summary = fmt.Sprintf("%s ran longer than its timeout of %s and was killed", name, spell.Duration(inv.timeout))
		d.Detail = fmt.Sprintf("it ended with %s after %s", ended, took)
	case ended.unstarted:
		d.Summary = fmt.Sprintf("%s was not started because the run was stopped", name)
		d.Exit = diag.ExitStopped
		d.Cause = errors.Join(tasks.ErrStopped, context.Cause(ctx))
	case ended.cancelled:
		d.Summary = fmt.Sprintf("%s was killed because the run was stopped", name)
		d.Detail = fmt.Sprintf("it ended with %s after %s", ended, took)
		d.Exit = diag.ExitStopped
		d.Cause = errors.Join(tasks.ErrStopped, context.Cause(ctx))
	default:
		d.Summary = fmt.Sprintf("%s ended with %s", name, ended)
		d.Detail = fmt.Sprintf("it ran for %s", took)
		d.Hint = "what it wrote is the task's output"
	}
	return d
}

// Observe asks `unless`; without one all that can be known is whether an earlier process left the command running.
func (t *task) Observe(ctx context.Context, parameters map[string]string, record tasks.Record) (tasks.Observation, error) {
	inv, err := t.read(parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	if t.succeeded != nil {
		return tasks.Observation{State: tasks.Done, Output: *t.succeeded, Detail: "the command exited with 0"}, nil
	}
	if len(inv.unless) > 0 {
		ended, err := t.start(ctx, inv, inv.unless, rand.Text(), nil, transcript.New(t.limits.output, nil, t.env.Hide))
		switch {
		case err != nil:
			return tasks.Observation{}, &diag.Diagnostic{
				Severity: diag.Error, Summary: fmt.Sprintf("unless: %s could not be started", inv.unless[0]),
				Detail: startProblem(err), Cause: err,
			}
		case ended.cancelled:
			return tasks.Observation{}, context.Cause(ctx)
		case ended.timedOut:
			return tasks.Observation{}, &diag.Diagnostic{
				Severity: diag.Error, Summary: fmt.Sprintf("unless: %s ran longer than %s and was killed", inv.unless[0], spell.Duration(inv.timeout)),
				Hint: "timeout holds for unless too",
			}
		case ended.ok():
			return tasks.Observation{State: tasks.Done, Detail: fmt.Sprintf("unless: %s exited with 0", inv.unless[0])}, nil
		}
	}
	if inv.rerun {
		return t.observeLeft(inv, record), nil
	}
	if !record.Announced {
		return tasks.Observation{State: tasks.Absent, Detail: "not known to have run"}, nil
	}
	return tasks.Observation{
		State:    tasks.Conflict,
		Detail:   fmt.Sprintf("%s was started and it is not known how it ended%s", inv.argv[0], whereabouts(record.Process)),
		Expected: `a command that ended, or one with unless or on_interrupt = "rerun"`,
		Cure: []string{
			"find out what the command did, then " + t.again() + ";",
			`or declare unless, or on_interrupt = "rerun", and apply again`,
		},
	}, nil
}

// Commands implements tasks.Commander.
func (t *task) Commands(_ context.Context, parameters map[string]string) []string {
	inv, err := t.read(parameters)
	if err != nil {
		return nil
	}
	return []string{inv.line()}
}

// line is the command line, quoted for a POSIX shell.
func (inv *invocation) line() string {
	words := make([]string, len(inv.argv))
	for i, word := range inv.argv {
		words[i] = spell.ShellWord(word)
	}
	return strings.Join(words, " ")
}

// Describe implements tasks.Describer.
func (t *task) Describe(parameters map[string]string) string {
	inv, err := t.read(parameters)
	switch {
	case err != nil:
		return "run a command"
	case parameters["script"] != "":
		return "run a script by sh -c"
	}
	line := inv.line()
	if len(inv.argv) > 1 && (strings.Contains(line, "\n") || len(line) > 100) {
		return fmt.Sprintf("run %s and %d arguments", spell.ShellWord(inv.argv[0]), len(inv.argv)-1)
	}
	return "run " + line
}
