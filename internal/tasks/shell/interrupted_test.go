package shell

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shardform/internal/tasks"
)

// interrupt runs a command until it has said "up" and leaves it running, as a program that is killed does. It returns what was
// recorded of it.
func (f *fixture) interrupt(t *testing.T, parameters map[string]string) *tasks.Process {
	t.Helper()
	recorded := make(chan *tasks.Process, 1)
	f.env.Started = func(p tasks.Process) error {
		recorded <- &p
		return nil
	}
	up := make(chan struct{}, 1)
	f.env.Output = func(line string) {
		if line == "up" {
			up <- struct{}{}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = f.run(ctx, parameters)
	}()
	<-up
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return <-recorded
}

// Another task object is what the next run of the program has.
func TestARerunEndsWhatAnInterruptedRunLeft(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"its process":              "echo up; exec $SLEEPER",
		"deaf to SIGTERM":          "trap '' TERM; $SLEEPER & echo up; while :; do sleep 60; done",
		"a child in its session":   "$SLEEPER & echo up; wait",
		"a child in another":       "setsid $SLEEPER & echo up; wait",
		"a child without the mark": "env -i $SLEEPER & echo up; wait",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			sleeper := sleeperOf(t)
			parameters := map[string]string{"script": "test -e again && exit 0; touch again; " + script, "env": `{"SLEEPER":"` + sleeper + `"}`, "on_interrupt": "rerun"}
			left := f.interrupt(t, parameters)
			again := &fixture{task: &task{Spec: spec, env: f.env, limits: f.limits}, dir: f.dir}
			record := tasks.Record{Announced: true, Process: left}
			if o, err := again.Observe(t.Context(), parameters, record); err != nil || o.State != tasks.Absent {
				t.Fatalf("observed %v, %v", o, err)
			}
			if p := again.Process(); *p != *left {
				t.Errorf("before it has ended, %+v takes the place of %+v", p, left)
			}
			if _, err := again.run(t.Context(), parameters); err != nil {
				t.Fatal(err)
			}
			if running := running(sleeper); len(running) > 0 {
				t.Errorf("left behind: %q", running)
			}
		})
	}
}

func TestWhatIsNotTheInterruptedRunsLivesOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	sleeper := sleeperOf(t)
	stranger := f.interrupt(t, map[string]string{"script": "echo up; exec $SLEEPER", "env": `{"SLEEPER":"` + sleeper + `"}`})
	host, _ := os.Hostname()
	for name, c := range map[string]struct {
		process *tasks.Process
		fresh   bool // the operation was begun again
		want    tasks.State
	}{
		"a pid that another process got":  {&tasks.Process{Host: host, Boot: bootID(), Mark: "of nobody", PID: stranger.PID, Started: "1"}, false, tasks.Absent},
		"a pid of nobody":                 {&tasks.Process{Host: host, Boot: bootID(), Mark: "of nobody", PID: 1 << 30, Started: "1"}, false, tasks.Absent},
		"killed before it was started":    {&tasks.Process{Host: host, Boot: bootID(), Mark: "of nobody"}, false, tasks.Absent},
		"another boot":                    {&tasks.Process{Host: host, Boot: "earlier", Mark: stranger.Mark, PID: stranger.PID, Started: stranger.Started}, false, tasks.Absent},
		"another host":                    {&tasks.Process{Host: "db7", Boot: "other", Mark: "of nobody", PID: 4711, Started: "1"}, false, tasks.Conflict},
		"another host, and --replace":     {&tasks.Process{Host: "db7", Boot: "other", Mark: "of nobody", PID: 4711, Started: "1"}, true, tasks.Absent},
		"recorded by an earlier version":  {nil, false, tasks.Absent},
		"another host, before it started": {&tasks.Process{Host: "db7", Boot: "other", Mark: "of nobody"}, false, tasks.Conflict},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			parameters := map[string]string{"script": "touch ran", "on_interrupt": "rerun"}
			o, err := f.Observe(t.Context(), parameters, tasks.Record{Announced: !c.fresh, Process: c.process})
			if err != nil || o.State != c.want {
				t.Fatalf("observed %+v, %v", o, err)
			}
			if c.want == tasks.Conflict {
				if !strings.Contains(o.Detail, "db7") || c.process.PID > 0 && !strings.Contains(o.Detail, "pid 4711 on db7") || !strings.Contains(strings.Join(o.Cure, "\n"), "--replace") {
					t.Errorf("it says %+v", o)
				}
				parameters["unless"] = list("true")
				if o, err := f.Observe(t.Context(), parameters, tasks.Record{Announced: true, Process: c.process}); err != nil || o.State != tasks.Done {
					t.Errorf("where unless says that it is done: %+v, %v", o, err)
				}
				return
			}
			if _, err := f.run(t.Context(), parameters); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(f.dir, "ran")); err != nil {
				t.Error(err)
			}
		})
	}
	if len(running(sleeper)) == 0 {
		t.Error("a stranger was ended")
	}
}

func TestACommandThatCannotBeRecordedIsEnded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	sleeper := sleeperOf(t)
	f.env.Started = func(tasks.Process) error { return os.ErrPermission }
	if _, err := f.run(t.Context(), map[string]string{"script": "exec " + sleeper}); err == nil {
		t.Error("no error")
	}
	if running := running(sleeper); len(running) > 0 {
		t.Errorf("left behind: %q", running)
	}
}
