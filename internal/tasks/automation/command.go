package automation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"shardform/internal/diag"
	"shardform/internal/diag/spell"
	"shardform/internal/parallel"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// command describes a task that sends one command to a server.
type command struct {
	spec     *tasks.Spec
	vtworker bool // else vtctl
	// line is the command's name and its arguments.
	line     func(p parameters) []string
	describe func(p parameters) string
	patience patience
	answers  []answer
	// observe is set for a command that the server refuses to do twice, and whose work shows on the cluster.
	observe observation
}

// patience says what ends a command before it is done.
type patience int

const (
	// cancellable: what cancels the task. The server stops its work then, and the next run does all of it again.
	cancellable patience = iota
	// waiting: also the first request to stop, as there is nothing to lose.
	waiting
	// unbroken: nothing but the server, once it is sent. Cut short, it would leave a shard half way between two states.
	unbroken
)

// unbrokenLimit is what vtctlclient gives a command.
const unbrokenLimit = time.Hour

// answer is what the error of a command tells beyond its text. The servers give no codes for these.
type answer struct {
	text      string // in the error
	temporary bool
	hint      string // "" leaves it
}

func (c *command) definition() tasks.Definition {
	spec := *c.spec
	spec.Doc += fmt.Sprintf(outputDoc, vitess.LegacyOutputLimit>>10)
	return tasks.Definition{Spec: &spec, New: func(env *tasks.Env) tasks.Task {
		task := &commandTask{Spec: &spec, command: c, env: env}
		if c.observe != nil {
			return &observedTask{commandTask: task}
		}
		return task
	}}
}

// outputDoc is behind every command's own words.
const outputDoc = `
The output is what the command writes, line by line, between a line that names command and server and one with its error.
%d KiB of it are kept, the head and the tail, and a line that says how much is missing; the original kept all.`

// commandTask is one task of a command.
type commandTask struct {
	*tasks.Spec
	command *command
	env     *tasks.Env
}

// Check implements tasks.Checker.
func (t *commandTask) Check(p map[string]string) error { return parameters(p).check(t.Spec) }

// Run sends the command and returns what it wrote, also where it failed.
func (t *commandTask) Run(ctx context.Context, given map[string]string) ([]*automationpb.TaskContainer, string, error) {
	output, err := t.send(ctx, given, func() {})
	return nil, output, err
}

// send sends the command once, or to a vtworker until it takes it: notReady is called each time that it did not.
func (t *commandTask) send(ctx context.Context, given map[string]string, notReady func()) (output string, err error) {
	p := parameters(given)
	if err := p.check(t.Spec); err != nil {
		return "", err
	}
	legacy, err := t.legacy()
	if err != nil {
		return "", err
	}
	ctx, done, err := t.command.patience.context(ctx, t.env.Stop)
	if err != nil {
		return "", err
	}
	defer done()
	line := vitess.LegacyCommand{
		Args: t.command.line(p), Line: t.env.Output, Hide: t.env.Hide,
		Pause: func(ctx context.Context, d time.Duration) error {
			notReady()
			return t.env.Clock.Sleep(ctx, t.env.Stop, d)
		},
	}
	execute := legacy.ExecuteVtctl
	line.Server = p[vtctldEndpoint]
	if t.command.vtworker {
		execute, line.Server = legacy.ExecuteVtworker, p[vtworkerEndpoint]
	}
	output, err = execute(ctx, line)
	return output, t.command.judge(err)
}

// legacy reaches the servers.
func (t *commandTask) legacy() (vitess.Legacy, error) {
	if t.env.Legacy == nil {
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: "task " + t.Name + " has no way to reach legacy servers here",
			Detail: "whatever runs it gives its tasks none"}
	}
	return t.env.Legacy()
}

// context is what the command runs on. A ctx that has ended sends nothing.
func (p patience) context(ctx context.Context, stop <-chan struct{}) (context.Context, context.CancelFunc, error) {
	if ctx.Err() != nil {
		return nil, nil, &diag.Diagnostic{Severity: diag.Error, Summary: "stopped before the command was sent", Exit: diag.ExitStopped,
			Cause: errors.Join(tasks.ErrStopped, context.Cause(ctx))}
	}
	switch p {
	case unbroken:
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unbrokenLimit)
		return ctx, cancel, nil
	case waiting:
		ctx, cancel := context.WithCancelCause(ctx)
		parallel.Start(func() error { // a channel and a context cannot panic
			select {
			case <-stop:
				cancel(tasks.ErrStopped)
			case <-ctx.Done():
			}
			return nil
		})
		return ctx, func() { cancel(nil) }, nil
	}
	return ctx, func() {}, nil
}

// judge adds to a command's error what its task knows of it.
func (c *command) judge(err error) error {
	var failed *diag.Diagnostic
	if !errors.As(err, &failed) {
		return err
	}
	judged := *failed
	if c.patience == waiting && status.Code(failed.Cause) == codes.Unavailable { // it only looks, so it may look again
		judged.Temporary = true
	}
	for _, a := range c.answers {
		if strings.Contains(failed.Detail, a.text) {
			judged.Temporary = judged.Temporary || a.temporary
			if a.hint != "" {
				judged.Hint = a.hint
			}
		}
	}
	return &judged
}

// Repeatable says that a command that was cut short may be sent again: it then does the rest, does the same again, or
// the server refuses it. The tasks' Docs say which.
func (t *commandTask) Repeatable() bool { return true }

// Commands implements tasks.Commander.
func (t *commandTask) Commands(_ context.Context, given map[string]string) []string {
	p := parameters(given)
	line := t.command.line(p)
	if t.command.vtworker {
		return []string{commandLine("vtworkerclient", p[vtworkerEndpoint], "Reset"), commandLine("vtworkerclient", p[vtworkerEndpoint], line...)}
	}
	return []string{commandLine("vtctlclient", p[vtctldEndpoint], line...)}
}

func commandLine(program, server string, args ...string) string {
	words := slices.Concat([]string{program, "-server", server}, args)
	for i, word := range words {
		words[i] = spell.ShellWord(word)
	}
	return strings.Join(words, " ")
}

// Describe implements tasks.Describer.
func (t *commandTask) Describe(p map[string]string) string { return t.command.describe(p) }
