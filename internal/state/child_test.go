package state_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
)

// The tests run themselves again as a second process that does one of these things with the state file named.
const childEnv = "SHARDFORM_STATE_TEST_CHILD"

var childModes = map[string]func(path string, args []string) error{
	"burst":         childBurst,
	"crash":         childCrash,
	"lock":          childLock,
	"lock and make": childLockAndMake,
	"hold":          childHold,
	"limited":       childLimited,
}

func TestMain(m *testing.M) {
	if mode, ok := os.LookupEnv(childEnv); ok {
		if err := childModes[mode](os.Args[1], os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child is a second process.
type child struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startChild(t testing.TB, mode, path string, args ...string) *child {
	t.Helper()
	c := &child{Cmd: exec.Command(os.Args[0], append([]string{path}, args...)...)}
	c.Env = append(os.Environ(), childEnv+"="+mode)
	c.Stderr = os.Stderr
	var err error
	if c.in, err = c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewScanner(out)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	return c
}

// line is the next line that the child prints; "" at its end.
func (c *child) line() string {
	c.out.Scan()
	return c.out.Text()
}

func waitForStdin() { _, _ = io.Copy(io.Discard, os.Stdin) }

// childBurst makes args[0] checkpoints as fast as it can, after "ready" and a line on stdin, and prints how long that took.
func childBurst(path string, args []string) error {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	s := state.OpenBolt(path, state.BoltOptions{})
	op, containers := bigOperation(1000)
	id, err := createOperation(context.Background(), s, op, containers)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	waitForStdin()
	start := time.Now()
	for i := range n {
		if err := checkpoint(context.Background(), s, id, containers, i); err != nil {
			return err
		}
	}
	fmt.Println(time.Since(start))
	return s.Close()
}

// childCrash makes checkpoints until it is killed and prints the serial of each once it is acknowledged.
func childCrash(path string, _ []string) error {
	s := state.OpenBolt(path, state.BoltOptions{})
	op, containers := bigOperation(300)
	serial := uint64(0)
	ctx := context.Background()
	for i := 0; ; i++ {
		err := s.Update(ctx, func(w state.Writer) error {
			serial = w.Meta().Serial + 1
			if i%50 == 0 {
				created, err := w.CreateOperation(op, containers)
				op.ID = created.ID
				return err
			}
			task := containers[i%len(containers)].Tasks[0]
			task.State, task.Output = automationpb.TaskState_DONE, strings.Repeat("x", i%3000)
			if err := w.PutTask(op.ID, task); err != nil {
				return err
			}
			return w.Append(state.LedgerEntry{Time: time.Now(), Run: "r", Event: "task_done", Detail: strconv.FormatUint(serial, 10)})
		})
		if err != nil {
			return err
		}
		fmt.Println(serial)
	}
}

// childLock holds the run lock until its stdin ends.
func childLock(path string, _ []string) error {
	return lockFor(path, func(state.Store) error { return nil })
}

// childLockAndMake does so too, and makes the file under the lock.
func childLockAndMake(path string, _ []string) error {
	return lockFor(path, func(s state.Store) error { return s.Update(context.Background(), nothing) })
}

func lockFor(path string, first func(state.Store) error) error {
	s := state.OpenBolt(path, state.BoltOptions{})
	unlock, err := s.Lock(context.Background(), state.Holder{User: "ann", Host: "db1", PID: os.Getpid(), Since: time.Now(), Operation: "apply"}, 0)
	if err != nil {
		return err
	}
	if err := first(s); err != nil {
		return err
	}
	fmt.Println("locked")
	waitForStdin()
	return unlock()
}

// childHold stays inside of one Update (args[0] "update") or View until its stdin ends.
func childHold(path string, args []string) error {
	s := state.OpenBolt(path, state.BoltOptions{})
	stay := func() error { fmt.Println("holding"); waitForStdin(); return nil }
	if args[0] == "update" {
		return s.Update(context.Background(), func(state.Writer) error { return stay() })
	}
	return s.View(context.Background(), func(state.Reader) error { return stay() })
}

// childLimited may not write files beyond args[0] bytes and makes runs until that fails.
func childLimited(path string, args []string) error {
	limit, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
		return err
	}
	s := state.OpenBolt(path, state.BoltOptions{})
	for i := 0; ; i++ {
		err := s.Update(context.Background(), func(w state.Writer) error {
			return w.PutRun(state.Run{ID: fmt.Sprintf("%06d", i), PlanDigest: strings.Repeat("d", 2000)})
		})
		if err != nil {
			fmt.Println(err)
			// The store is not stuck: it reads, and once more fails clearly.
			return s.View(context.Background(), func(r state.Reader) error {
				runs, err := r.Runs()
				fmt.Println(i, len(runs))
				return err
			})
		}
	}
}
