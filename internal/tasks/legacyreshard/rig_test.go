package legacyreshard_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"shardform/internal/event"
	"shardform/internal/keyrange"
	"shardform/internal/tasks"
	"shardform/internal/tasks/legacyreshard"
	"shardform/internal/tasks/reshard"
	"shardform/internal/vitess"
	"shardform/internal/vitess/legacytest"
)

var registry = tasks.NewRegistry(legacyreshard.Definitions()...)

// rig runs steps against a legacy cluster.
type rig struct {
	*legacytest.World
	t       *testing.T
	legacy  *vitess.LegacyClient
	servers legacyreshard.Servers
	now     time.Time
	changes []string // commands that change something; one step runs at a time
}

const customerTable = "create table customer (id bigint primary key)"

func newRig(t *testing.T) *rig {
	r := &rig{World: legacytest.NewWorld(), t: t, now: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)}
	r.After = func(args []string) error {
		if !strings.HasPrefix(args[0], "Get") && !strings.HasPrefix(args[0], "FindAll") {
			r.changes = append(r.changes, strings.Join(args, " "))
		}
		return nil
	}
	vtctld := legacytest.Vtctld(t, r.Vtctl)
	vtworker := legacytest.Vtworker(t, (&legacytest.Worker{Run: r.Vtworker}).Handle)
	r.servers = legacyreshard.Servers{Vtctld: vtctld.Address, Vtworker: vtworker.Address}
	var err error
	if r.legacy, err = vitess.NewLegacy(vitess.LegacyConfig{RetryPause: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	return r
}

// clock tells the rig's time, and waits as the machine does.
type clock struct {
	tasks.SystemClock
	*rig
}

func (c clock) Now() time.Time { return c.now }

// reshard lays out a reshard of the keyspace customer.
func (r *rig) reshard(sources, targets string, window *reshard.Window) []reshard.Step {
	r.t.Helper()
	parse := func(names string) keyrange.Layout {
		shards, err := keyrange.ParseShards(strings.Fields(names))
		if err != nil {
			r.t.Fatal(err)
		}
		return shards
	}
	return legacyreshard.Reshard(legacyreshard.Request{
		Cluster: "old", Keyspace: "customer", Servers: r.servers, Segment: keyrange.Segment{Sources: parse(sources), Targets: parse(targets)},
		Verify: true, MaxDelay: 30 * time.Second, Window: window,
	})
}

// tasksOf are the tasks of the steps with the given names, of all without any; gates are left out, they are other tasks.
func tasksOf(steps []reshard.Step, names ...string) []reshard.StepTask {
	var found []reshard.StepTask
	for _, step := range steps {
		for _, task := range step.Tasks {
			if _, ours := registry.Spec(task.Name); ours && (len(names) == 0 || slices.Contains(names, step.Name)) {
				found = append(found, task)
			}
		}
	}
	return found
}

// task makes a task that knows nothing of what earlier ones did.
func (r *rig) task(st reshard.StepTask) tasks.Task {
	r.t.Helper()
	task, err := registry.NewTask(st.Name, &tasks.Env{
		Cluster: func(string) (vitess.Cluster, error) { return vitess.NewLegacyCluster(r.legacy, r.servers.Vtctld), nil },
		Legacy:  func() (vitess.Legacy, error) { return r.legacy, nil },
		Clock:   clock{rig: r}, Stop: make(chan struct{}),
		Progress: func(string, *event.Progress) {}, Output: func(string) {},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if err := tasks.CheckParameters(task, st.Parameters); err != nil {
		r.t.Fatal(err)
	}
	return task
}

// sees wants a task that begins anew to observe a state, and returns what it says.
func (r *rig) sees(st reshard.StepTask, want tasks.State) tasks.Observation {
	r.t.Helper()
	return r.taskSees(r.task(st), st, want)
}

func (r *rig) taskSees(task tasks.Task, st reshard.StepTask, want tasks.State) tasks.Observation {
	r.t.Helper()
	o, err := task.(tasks.Observer).Observe(r.t.Context(), st.Parameters, tasks.Record{})
	if err != nil || o.State != want {
		r.t.Errorf("%s %s observes %v (%s), %v; want %v", st.Name, st.Label, o.State, o.Detail, err, want)
	}
	return o
}

// does runs a task and wants it to see that it is done.
func (r *rig) does(st reshard.StepTask) {
	r.t.Helper()
	task := r.task(st)
	if _, _, err := task.Run(r.t.Context(), st.Parameters); err != nil {
		r.t.Fatalf("%s %s: %v", st.Name, st.Label, err)
	}
	r.taskSees(task, st, tasks.Done)
}
