package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/event"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/tasks"
	"shardform/internal/tasks/taskstest"
)

// world is what the scripted tasks of the tests act on. Every task has a parameter "key"; what it does is counted there.
type world struct {
	mu       sync.Mutex
	acts     map[string]int         // how often Run had its effect
	observed map[string]int         // how often Observe was asked
	states   map[string]tasks.State // what Observe answers; missing: Done once acted, else Absent
	scripts  map[string]script      // what Run does instead of its effect
	looks    map[string]script      // errors of Observe
	closed   map[string]*tasks.GateClosed
	dead     bool // the process was killed: nothing has an effect any more
	running  int
	most     int // the most tasks that ran at once
}

// script is called for the nth Run (or Observe) of a key, counted from 1. acted says that the effect is to happen.
type script func(c *call) (acted bool, err error)

type call struct {
	ctx    context.Context
	env    *tasks.Env
	world  *world
	key    string
	n      int
	record tasks.Record
}

func newWorld() *world {
	return &world{
		acts: map[string]int{}, observed: map[string]int{}, states: map[string]tasks.State{},
		scripts: map[string]script{}, looks: map[string]script{}, closed: map[string]*tasks.GateClosed{},
	}
}

func (w *world) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = true
}

// set says what Observe answers from now on; 0: whether the key was done.
func (w *world) set(key string, state tasks.State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.states[key] = state
}

func (w *world) count(key string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.acts[key]
}

// scripted is the task of all kinds. act is observable; mute is not; echo is not, and may be repeated; emit expands.
type scripted struct {
	*tasks.Spec
	env   *tasks.Env
	world *world
	runs  int
}

func (s *scripted) Run(ctx context.Context, p map[string]string) ([]*automationpb.TaskContainer, string, error) {
	w, key := s.world, p["key"]
	w.mu.Lock()
	if w.dead {
		w.mu.Unlock()
		return nil, "", fmt.Errorf("the process is dead")
	}
	s.runs++
	w.running++
	w.most = max(w.most, w.running)
	run := w.scripts[key]
	w.mu.Unlock()
	acted, err := true, error(nil)
	if run != nil {
		acted, err = run(&call{ctx: ctx, env: s.env, world: w, key: key, n: s.runs})
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running--
	if acted && !w.dead {
		w.acts[key]++
	}
	if err == nil && w.dead {
		err = fmt.Errorf("the process is dead")
	}
	return nil, "output of " + key + p["secret"], err
}

type observable struct{ scripted }

func (s *observable) Observe(ctx context.Context, p map[string]string, record tasks.Record) (tasks.Observation, error) {
	w, key := s.world, p["key"]
	w.mu.Lock()
	w.observed[key]++
	look, n := w.looks[key], w.observed[key]
	w.mu.Unlock()
	if look != nil {
		if _, err := look(&call{ctx: ctx, env: s.env, world: w, key: key, n: n, record: record}); err != nil {
			return tasks.Observation{}, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	o := tasks.Observation{State: w.states[key], Detail: "seen " + key, Output: "seen output of " + key, Expected: "no " + key, Cure: []string{"remove ADDR"}}
	if o.State == 0 {
		o.State = tasks.Absent
		if w.acts[key] > 0 {
			o.State = tasks.Done
		}
	}
	return o, nil
}

type repeatableTask struct{ scripted }

func (*repeatableTask) Repeatable() bool { return true }

// gate is closed as long as world.closed says so; one for an approval opens by that too.
type gate struct{ scripted }

func (*gate) Gate() tasks.Gate { return tasks.GateApproval }

func (g *gate) ask(ctx context.Context, key string) (string, *tasks.GateClosed, error) {
	g.world.mu.Lock()
	closed := g.world.closed[key]
	g.world.mu.Unlock()
	if closed == nil || closed.Gate != tasks.GateApproval {
		return "open", closed, nil
	}
	step := g.env.Address.Container()
	approval, ok, err := g.env.Approval(ctx, step)
	if ok {
		return "approved by " + approval.By, nil, err
	}
	needs := *closed
	needs.Command = g.env.ApproveCommand(step)
	return "", &needs, err
}

func (g *gate) Observe(ctx context.Context, p map[string]string, _ tasks.Record) (tasks.Observation, error) {
	g.world.mu.Lock()
	g.world.observed[p["key"]]++
	look, n := g.world.looks[p["key"]], g.world.observed[p["key"]]
	g.world.mu.Unlock()
	if look != nil {
		if _, err := look(&call{ctx: ctx, env: g.env, world: g.world, key: p["key"], n: n}); err != nil {
			return tasks.Observation{}, err
		}
	}
	text, closed, err := g.ask(ctx, p["key"])
	if closed != nil {
		return tasks.Observation{State: tasks.Absent, Detail: closed.Reason}, err
	}
	return tasks.Observation{State: tasks.Done, Detail: text}, err
}

func (g *gate) Run(ctx context.Context, p map[string]string) ([]*automationpb.TaskContainer, string, error) {
	if run := g.world.scripts[p["key"]]; run != nil {
		g.runs++
		if _, err := run(&call{ctx: ctx, env: g.env, world: g.world, key: p["key"], n: g.runs}); err != nil {
			return nil, "", err
		}
	}
	text, closed, err := g.ask(ctx, p["key"])
	if err == nil && closed != nil {
		err = closed
	}
	return nil, text, err
}

// emitter emits the containers that its parameter "emit" has as JSON: lists of task names with keys, "act:key".
type emitter struct{ scripted }

func (e *emitter) Run(ctx context.Context, p map[string]string) ([]*automationpb.TaskContainer, string, error) {
	if _, _, err := e.scripted.Run(ctx, p); err != nil {
		return nil, "", err
	}
	containers, err := e.containers(p)
	return containers, "emitted", err
}

func (*emitter) Repeatable() bool { return true }

func (e *emitter) containers(p map[string]string) ([]*automationpb.TaskContainer, error) {
	var containers []*automationpb.TaskContainer
	return containers, json.Unmarshal([]byte(p["emit"]), &containers)
}

type expander struct{ emitter }

func (e *expander) Expand(p map[string]string) ([]*automationpb.TaskContainer, error) {
	return e.containers(p)
}

func (w *world) registry() *tasks.Registry {
	define := func(name string, wrap func(scripted) tasks.Task, more ...tasks.Parameter) tasks.Definition {
		spec := &tasks.Spec{Name: name, Summary: "does " + name, Parameters: append([]tasks.Parameter{
			{Name: "key", Kind: tasks.String, Required: true}, {Name: "secret", Kind: tasks.String},
		}, more...)}
		return tasks.Definition{Spec: spec, New: func(env *tasks.Env) tasks.Task { return wrap(scripted{Spec: spec, env: env, world: w}) }}
	}
	emit := tasks.Parameter{Name: "emit", Kind: tasks.String, Required: true}
	return tasks.NewRegistry(
		define("act", func(s scripted) tasks.Task { return &observable{s} }),
		define("mute", func(s scripted) tasks.Task { return &s }),
		define("gate", func(s scripted) tasks.Task { return &gate{s} }),
		define("echo", func(s scripted) tasks.Task { return &repeatableTask{s} }),
		define("emit", func(s scripted) tasks.Task { return &emitter{s} }, emit),
		define("expand", func(s scripted) tasks.Task { return &expander{emitter{s}} }, emit),
		define("HorizontalReshardingTask", func(s scripted) tasks.Task { return &emitter{s} }, emit),
	)
}

// fixture is a store on disk, a world and what was reported.
type fixture struct {
	*testing.T
	world *world
	path  string
	store state.Store
	mu    sync.Mutex
	seen  []event.Event
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{T: t, world: newWorld(), path: filepath.Join(t.TempDir(), "shardform.db")}
	f.store = f.open()
	return f
}

// open makes a store of the fixture's file.
func (f *fixture) open() state.Store {
	s := state.OpenBolt(f.path, state.BoltOptions{})
	f.Cleanup(func() {
		if err := s.Close(); err != nil {
			f.Errorf("closing the store: %v", err)
		}
	})
	return s
}

func (f *fixture) sink(e event.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, e)
}

// kinds are the kinds of event at an address, in order.
func (f *fixture) kinds(a string) []event.Kind {
	f.mu.Lock()
	defer f.mu.Unlock()
	var kinds []event.Kind
	for _, e := range f.seen {
		if e.Address.String() == a {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}

func (f *fixture) options() Options {
	return Options{Store: f.store, Registry: f.world.registry(), Clock: taskstest.NewClock(), Sink: f.sink, Who: state.Holder{User: "ops", Host: "host", PID: 1}}
}

// apply runs p and fails the test on an error of the run as a whole.
func (f *fixture) apply(p *plan.Plan, edit ...func(*Options)) *Result {
	f.Helper()
	o := f.options()
	for _, e := range edit {
		e(&o)
	}
	result, err := Run(f.Context(), p, o)
	if err != nil {
		f.Fatalf("run: %v", err)
	}
	return result
}

// tasks reads the recorded tasks of the newest instance, "container/task" to record.
func (f *fixture) tasks(operation string) map[string]state.Task {
	f.Helper()
	all := map[string]state.Task{}
	f.view(func(r state.Reader) error {
		op, ok, err := r.Latest(address(operation))
		if err != nil || !ok {
			return err
		}
		containers, err := r.Containers(op.ID)
		for _, c := range containers {
			for _, t := range c.Tasks {
				all[c.Address.Last()+"/"+t.Address.Last()] = t
			}
		}
		return err
	})
	return all
}

// states are the recorded states of the tasks, with "!" behind those that ended with an error.
func (f *fixture) states(operation string) map[string]string {
	f.Helper()
	all := map[string]string{}
	for name, t := range f.tasks(operation) {
		all[name] = t.State.String()
		if t.Error != "" {
			all[name] += "!"
		}
	}
	return all
}

func (f *fixture) operation(a string) (op state.Operation) {
	f.Helper()
	f.view(func(r state.Reader) (err error) {
		op, _, err = r.Latest(address(a))
		return err
	})
	return op
}

// ledger is every event of the ledger with the last part of its address.
func (f *fixture) ledger() []string {
	f.Helper()
	var lines []string
	f.view(func(r state.Reader) error {
		entries, err := r.Ledger("")
		for _, e := range entries {
			line := e.Event
			if !e.Address.IsZero() {
				line += " " + e.Address.Last()
			}
			lines = append(lines, line)
		}
		return err
	})
	return lines
}

func (f *fixture) view(fn func(state.Reader) error) {
	f.Helper()
	if err := f.store.View(context.Background(), fn); err != nil {
		f.Fatalf("reading the state: %v", err)
	}
}

func address(s string) addr.Address {
	a, err := addr.Parse(s)
	if err != nil {
		panic(err)
	}
	return a
}

// operationOf plans an operation block: each container is a list of "name:key".
func operationOf(name string, concurrency int, containers ...[]string) plan.Operation {
	op := plan.Operation{
		Address: addr.Operation(name), Kind: plan.KindTasks, Action: plan.Add, Instance: 1, Digest: "digest-" + name,
		Retry: config.Retry{Attempts: 3, Backoff: time.Second, MaxBackoff: 4 * time.Second},
	}
	for i, list := range containers {
		c := plan.Container{Address: op.Address.WithContainer(fmt.Sprintf("c%d", i+1)), Concurrency: concurrency}
		for _, item := range list {
			kind, key := cut(item)
			c.Tasks = append(c.Tasks, plan.Task{Address: c.Address.WithTask(key), Name: kind, Action: plan.Add, Parameters: map[string]string{"key": key}})
		}
		op.Containers = append(op.Containers, c)
	}
	return op
}

func cut(item string) (kind, key string) {
	for i := range item {
		if item[i] == ':' {
			return item[:i], item[i+1:]
		}
	}
	return item, item
}

func planOf(operations ...plan.Operation) *plan.Plan {
	return &plan.Plan{Operations: operations, Digest: "plan-digest"}
}

// temporary is an error that trying again may cure.
func temporary(text string) error {
	return &diag.Diagnostic{Severity: diag.Error, Summary: text, Temporary: true}
}
