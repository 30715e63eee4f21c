package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"shardform/internal/parallel"
	"shardform/internal/transcript"
)

// limits bound what a command may do to the run; tests shorten them.
type limits struct {
	output int           // bytes of output kept
	grace  time.Duration // between SIGTERM and SIGKILL
	drain  time.Duration // how long to read on when the command has ended but something it left behind holds its output
}

var standardLimits = limits{output: 64 << 10, grace: 5 * time.Second, drain: time.Second}

// exit is how a command ended.
type exit struct {
	code                int // -1 if a signal ended it
	signal              syscall.Signal
	timedOut, cancelled bool
	unstarted           bool // cancelled before it began
}

func (e exit) ok() bool { return e.code == 0 && !e.timedOut && !e.cancelled }

func (e exit) String() string {
	if e.code < 0 {
		return fmt.Sprintf("signal %d (%s)", int(e.signal), e.signal)
	}
	return fmt.Sprintf("exit code %d", e.code)
}

// start runs argv to its end in a session of its own, marked. started, which may be nil, gets its pid; its error ends it. The
// error is that it could not be started, or that of started.
func (t *task) start(ctx context.Context, inv *invocation, argv []string, mark string, started func(pid int) error, sink *transcript.Transcript) (exit, error) {
	if ctx.Err() != nil {
		return exit{code: -1, cancelled: true, unstarted: true}, nil
	}
	mark = runVariable + "=" + mark
	cmd, err := t.command(inv, argv, mark)
	if err != nil {
		return exit{}, err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return exit{}, err
	}
	defer reader.Close()
	cmd.Stdout, cmd.Stderr = writer, writer
	err = cmd.Start()
	writer.Close()
	if err != nil {
		return exit{}, err
	}
	reading := parallel.Start(func() error {
		defer reader.Close() // what nobody reads would block the command
		_, _ = io.Copy(sink, reader)
		sink.End()
		return nil
	})
	running := parallel.Start(func() error {
		awaitExit(cmd)
		return nil
	})

	var e exit
	var unrecorded error
	if started != nil {
		unrecorded = started(cmd.Process.Pid)
	}
	var expired <-chan time.Time
	if inv.timeout > 0 {
		timer := time.NewTimer(inv.timeout)
		defer timer.Stop()
		expired = timer.C
	}
	if unrecorded == nil {
		select {
		case <-running.Done():
		case <-expired:
			e.timedOut = true
		case <-ctx.Done():
			e.cancelled = true
		}
	}
	if e.timedOut || e.cancelled || unrecorded != nil {
		killed := &family{leader: cmd.Process.Pid, mark: mark}
		killed.end(running.Done(), t.limits.grace)
	}
	_ = cmd.Wait() // how it ended is in its state
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	e.code, e.signal = cmd.ProcessState.ExitCode(), status.Signal()
	select {
	case <-reading.Done():
	case <-time.After(t.limits.drain):
		// Something the command left in the background still holds its output; it is none of the task's.
		reader.SetReadDeadline(time.Now())
	}
	return e, errors.Join(unrecorded, running.Wait(), reading.Wait())
}

// runVariable marks the processes of one run of a command, wherever they went.
const runVariable = "SHARDFORM_TASK_RUN"

func (t *task) command(inv *invocation, argv []string, mark string) (*exec.Cmd, error) {
	program := argv[0]
	if strings.ContainsRune(program, '/') {
		absolute, err := filepath.Abs(t.resolve(program))
		if err != nil {
			return nil, err
		}
		program = absolute
	}
	cmd := exec.Command(program, argv[1:]...)
	cmd.Args[0] = argv[0]
	if cmd.Err != nil {
		return nil, cmd.Err
	}
	cmd.Dir = t.env.Dir
	if inv.dir != "" {
		cmd.Dir = t.resolve(inv.dir)
	}
	if cmd.Dir != "" {
		if info, err := os.Stat(cmd.Dir); err != nil {
			return nil, err
		} else if !info.IsDir() {
			return nil, &fs.PathError{Op: "chdir", Path: cmd.Dir, Err: syscall.ENOTDIR}
		}
	}
	cmd.Env = append(os.Environ(), mark)
	for _, name := range slices.Sorted(maps.Keys(inv.env)) {
		cmd.Env = append(cmd.Env, name+"="+inv.env[name])
	}
	// A session has a group and no terminal: a program that asks for a password there fails instead of waiting for ever.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, nil
}

// resolve makes a path of the plan file one of the working directory.
func (t *task) resolve(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(t.env.Dir, path)
}

// startProblem is why a command could not be started, without its arguments or environment.
func startProblem(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return fmt.Sprintf("%s %s: %v", path.Op, path.Path, path.Err)
	}
	var lookup *exec.Error
	if errors.As(err, &lookup) {
		return fmt.Sprintf("%s: %v", lookup.Name, lookup.Err)
	}
	return err.Error()
}
