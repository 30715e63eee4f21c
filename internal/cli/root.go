// Package cli is the command line: one file a command, each turning flags into one call and handing the result to
// internal/ui. It has no domain logic; it is where configuration, clusters, state and engine are put together.
package cli

import (
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/mattn/go-shellwords"
	"github.com/spf13/cobra"

	"shardform/internal/diag"
	"shardform/internal/parallel"
	"shardform/internal/redact"
	"shardform/internal/tasks"
	"shardform/internal/tasks/builtin"
	"shardform/internal/ui"
)

// App is one invocation of the program.
type App struct {
	ui.Streams
	env      func(string) (string, bool)
	registry *tasks.Registry
	clock    tasks.Clock
	log      *slog.Logger
	signals  *signals
	results  *results // what Out is

	// Flags that every command knows.
	noColor  bool
	input    bool
	vars     []string
	varFiles []string
	chdir    string
	stream   *ui.JSONStream
	hide     *redact.Redactor // what no diagnostic may show; nil until plan files were read
}

// exitCode is an error that only sets the exit code: everything has been said.
type exitCode diag.Exit

func (e exitCode) Error() string { return "exit" }

// Main runs the command line args (without the program's name) and returns the process's exit code.
func Main(args, environ []string, streams ui.Streams) int {
	app := &App{Streams: streams, env: lookup(environ), registry: builtin.Registry(), clock: tasks.SystemClock{}}
	app.signals = watchSignals()
	return int(app.main(args))
}

// main runs the command. A panic is shown as an error: Go's own exit code for it is that of a plan with changes. So is a
// result that could not be written, whatever the command's exit code is.
func (a *App) main(args []string) diag.Exit {
	a.results = &results{w: a.Out}
	a.Out = a.results
	var exit diag.Exit
	err := parallel.Do(func() { exit = a.run(args) })
	if err := errors.Join(err, a.results.failure(), a.signals.close()); err != nil {
		return a.fail(err)
	}
	return exit
}

func lookup(environ []string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, entry := range environ {
			if value, ok := strings.CutPrefix(entry, name+"="); ok {
				return value, true
			}
		}
		return "", false
	}
}

func (a *App) run(args []string) diag.Exit {
	root := a.rootCommand()
	args, err := a.arguments(root, args)
	if err != nil {
		return a.fail(err)
	}
	root.SetArgs(args)
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	return a.fail(root.ExecuteContext(a.signals.ctx))
}

// fail shows err, if there is anything to show, and returns its exit code.
func (a *App) fail(err error) diag.Exit {
	var code exitCode
	switch {
	case err == nil:
		return diag.ExitOK
	case errors.As(err, &code):
		return diag.Exit(code)
	case a.results.failure() != nil && errors.Is(err, a.results.err) && !errors.As(err, new(*diag.Diagnostic)):
		return diag.ExitFailed // main tells it
	}
	stopped := a.signals.stopped(diag.All(err))
	list := a.hide.List(stopped)
	if a.stream != nil && a.results.failure() == nil {
		a.stream.Diagnostics(list)
	} else {
		ui.Diagnostics(a.Err, a.errStyle(), list)
	}
	return diag.ExitOf(stopped)
}

// arguments puts SHARDFORM_CLI_ARGS behind the command and takes Terraform's single-dash long flags for double-dash ones.
func (a *App) arguments(root *cobra.Command, args []string) ([]string, error) {
	extra, _ := a.env("SHARDFORM_CLI_ARGS")
	words, err := shellwords.Parse(extra)
	if err != nil {
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: "SHARDFORM_CLI_ARGS cannot be read as a command line", Detail: err.Error(), Cause: err}
	}
	args = doubleDashes(args)
	if len(words) == 0 {
		return args, nil
	}
	_, rest, err := root.Find(args)
	if err != nil {
		return args, nil // the unknown command is what is reported
	}
	return slices.Insert(args, len(args)-len(rest), doubleDashes(words)...), nil
}

func doubleDashes(args []string) []string {
	args = slices.Clone(args)
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if len(arg) > 2 && arg[0] == '-' && arg[1] >= 'a' && arg[1] <= 'z' {
			args[i] = "-" + arg
		}
	}
	return args
}

func (a *App) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "shardform",
		Short: "Reshard Vitess keyspaces from reviewed plan files",
		Long: `shardform changes the shard layout of Vitess clusters from plan files: declare the layout, plan, apply.
Every step is checkpointed, so that a run that was killed or stopped goes on where the cluster really is.

Exit codes: 0 done or no changes, 1 failed or blocked, 2 changes present (plan --detailed-exitcode), 3 unformatted files
(fmt --check), 4 waiting at a gate, 5 stopped on request, 6 refused, 7 the state is locked by another run.`,
		Version:       Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			a.log = slog.New(slog.NewTextHandler(a.Err, &slog.HandlerOptions{Level: a.logLevel()}))
			if a.chdir == "" {
				return nil
			}
			if err := os.Chdir(a.chdir); err != nil {
				return &diag.Diagnostic{Severity: diag.Error, Summary: "cannot change to the folder of --chdir", Detail: err.Error(), Cause: err}
			}
			return nil
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &diag.Diagnostic{Severity: diag.Error, Summary: err.Error(), Hint: "see " + cmd.CommandPath() + " --help", Cause: err}
	})
	flags := root.PersistentFlags()
	flags.BoolVar(&a.noColor, "no-color", false, "no colour in the output")
	flags.BoolVar(&a.input, "input", true, "ask for what is missing; --input=false never asks")
	flags.StringArrayVar(&a.vars, "var", nil, "NAME=VALUE: set a variable (repeatable)")
	flags.StringArrayVar(&a.varFiles, "var-file", nil, "FILE: set variables from a file (repeatable)")
	flags.StringVar(&a.chdir, "chdir", "", "DIR: change to this folder first")

	root.AddCommand(
		a.validateCommand(), a.fmtCommand(), a.planCommand(), a.applyCommand(), a.rollbackCommand(), a.approveCommand(), a.pauseCommand(), a.resumeCommand(), a.showCommand(), a.graphCommand(),
		a.statusCommand(), a.stateCommand(), a.historyCommand(), a.outputCommand(), a.tasksCommand(), a.sandboxCommand(),
		a.serveCommand(), a.operationCommand(), a.versionCommand(),
	)
	root.AddCommand(a.laterCommands()...)
	root.AddCommand(a.failpointCommands()...)
	return root
}

func (a *App) logLevel() slog.Level {
	level := slog.LevelError
	if text, ok := a.env("SHARDFORM_LOG"); ok {
		if level.UnmarshalText([]byte(strings.ToUpper(text))) != nil {
			level = slog.LevelDebug // as Terraform: whatever is not a level asks for everything
		}
	}
	return level
}

func (a *App) color(terminal bool) bool {
	if value, ok := a.env("NO_COLOR"); ok && value != "" {
		return false
	}
	return terminal && !a.noColor
}

func (a *App) outStyle() ui.Style { return ui.NewStyle(a.color(a.OutTerminal)) }
func (a *App) errStyle() ui.Style { return ui.NewStyle(a.color(a.ErrTerminal)) }

// json makes the command's output a JSON stream, errors included.
func (a *App) json() *ui.JSONStream {
	a.stream = ui.NewJSONStream(a.Out, a.clock.Now, Version)
	return a.stream
}

// warn shows complaints that stop nothing.
func (a *App) warn(list diag.List) {
	list = a.hide.List(list)
	if a.stream != nil {
		a.stream.Diagnostics(list)
		return
	}
	ui.Diagnostics(a.Err, a.errStyle(), list)
}

// hints says whether to tell a person what to type next.
func (a *App) hints() bool {
	value, ok := a.env("SHARDFORM_IN_AUTOMATION")
	return !ok || value == ""
}

// atMostOnePath is the argument check of commands that take [PATH].
func atMostOnePath(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return &diag.Diagnostic{Severity: diag.Error, Summary: "too many arguments",
			Detail: "expected at most one PATH, found " + strings.Join(args, " "), Hint: "see " + cmd.CommandPath() + " --help"}
	}
	return nil
}

// pathOf is the PATH argument, the current folder if there is none.
func pathOf(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}
