package apply

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/diag"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/state"
)

var errDisk = errors.New("no space left on device")

// faulty is a store whose nth Update fails, once or from then on, before or after it was written.
type faulty struct {
	state.Store

	at             int
	forever, after bool

	mu sync.Mutex
	n  int // Updates so far
}

func (s *faulty) Update(ctx context.Context, fn func(state.Writer) error) error {
	s.mu.Lock()
	s.n++
	fails := s.n == s.at || s.forever && s.at > 0 && s.n > s.at
	s.mu.Unlock()
	if fails && !s.after {
		return errDisk
	}
	if err := s.Store.Update(ctx, fn); err != nil || !fails {
		return err
	}
	return errDisk
}

// mixed is a plan with everything in it: a row of tasks, parallel ones, an emitter, tasks that cannot be observed.
func mixed() *plan.Plan {
	op := operationOf("o", 0, []string{"act:a", "echo:b"}, []string{"act:c", "act:d", "act:e"}, []string{"emit:f"}, []string{"act:g"})
	op.Containers[1].Concurrency = 2
	op.Containers[2].Tasks[0].Parameters["emit"] = emission([]string{"act:x"}, []string{"act:y", "act:z"})
	return planOf(op, operationOf("p", 0, []string{"act:h"}))
}

// hesitant makes the first observation of g fail for a while, so that it is announced by a checkpoint of its own.
func hesitant(f *fixture) *fixture {
	f.world.looks["g"] = func(c *call) (bool, error) {
		if c.n == 1 {
			return false, temporary("not yet")
		}
		return false, nil
	}
	return f
}

var mixedActs = map[string]int{"a": 1, "c": 1, "d": 1, "e": 1, "g": 1, "h": 1, "x": 1, "y": 1, "z": 1}

// checkMixed fails unless everything of mixed is done and recorded, and nothing observable was done twice.
func checkMixed(f *fixture) {
	f.Helper()
	acts := map[string]int{}
	for key := range mixedActs {
		acts[key] = f.world.count(key)
	}
	if diff := cmp.Diff(mixedActs, acts); diff != "" {
		f.Errorf("what was done (-want +got):\n%s", diff)
	}
	want := map[string]string{}
	for _, name := range []string{"c1/a", "c1/b", "c2/c", "c2/d", "c2/e", "c3/f", "c3.f.1/act", "c3.f.2/act.1", "c3.f.2/act.2", "c4/g"} {
		want[name] = "DONE"
	}
	if diff := cmp.Diff(want, f.states("operation.o")); diff != "" {
		f.Errorf("recorded states (-want +got):\n%s", diff)
	}
	for _, o := range []string{"operation.o", "operation.p"} {
		if op := f.operation(o); op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE || op.Error != "" || op.Instance != 1 {
			f.Errorf("operation %+v", op)
		}
	}
}

func TestEveryFailedCheckpointIsRecoveredFrom(t *testing.T) {
	for _, variant := range []struct{ forever, after bool }{{}, {forever: true}, {after: true}, {forever: true, after: true}} {
		t.Run(fmt.Sprintf("for ever %v, after writing %v", variant.forever, variant.after), func(t *testing.T) {
			for k := 1; ; k++ {
				f := hesitant(newFixture(t))
				broken := &faulty{Store: f.store, at: k, forever: variant.forever, after: variant.after}
				o := f.options()
				o.Store = broken
				_, err := Run(t.Context(), mixed(), o)
				if broken.n < k {
					if k < 10 {
						t.Fatalf("the plan took %d checkpoints only", k)
					}
					if err != nil {
						t.Errorf("no checkpoint failed, but: %v", err)
					}
					return
				}
				if !errors.Is(err, errDisk) {
					t.Errorf("checkpoint %d: the error is %v", k, err)
				}
				result, err := Run(t.Context(), mixed(), f.options())
				if d := diag.All(err); len(d) == 1 && d[0].Summary == "this plan was applied already" {
					err = nil // only the end of the run was lost
				} else if err == nil && result.Exit != diag.ExitOK {
					t.Errorf("checkpoint %d: the second run ended with %d: %+v", k, result.Exit, result.Operations)
				}
				if err != nil {
					t.Errorf("checkpoint %d: the second run: %v", k, err)
				}
				checkMixed(f)
				if t.Failed() {
					t.Fatalf("at checkpoint %d", k)
				}
			}
		})
	}
}

// mortal is the store of a process that can be killed: from then on nothing is written or read.
type mortal struct {
	state.Store
	world *world
}

func (s mortal) Update(ctx context.Context, fn func(state.Writer) error) error {
	s.world.mu.Lock()
	dead := s.world.dead
	s.world.mu.Unlock()
	if dead {
		return errors.New("the process is dead")
	}
	return s.Store.Update(ctx, fn)
}

func TestKilledAtEveryCrashPointARunGoesOn(t *testing.T) {
	names := map[string]bool{}
	for k := 1; ; k++ {
		f := hesitant(newFixture(t))
		o := f.options()
		o.Store = mortal{f.store, f.world}
		var mu sync.Mutex
		hits, where := 0, ""
		o.hit = func(name string) {
			mu.Lock()
			defer mu.Unlock()
			names[name] = true
			if hits++; hits == k {
				where = name
				f.world.kill()
			}
		}
		_, _ = Run(t.Context(), mixed(), o)
		if where == "" {
			break
		}
		f.world.dead = false
		result, err := Run(t.Context(), mixed(), f.options())
		if d := diag.All(err); len(d) == 1 && d[0].Summary == "this plan was applied already" {
			err = nil
		}
		if err != nil || result.Exit != diag.ExitOK && result.Exit != diag.ExitRefused {
			t.Errorf("killed at %s (%d): %v, %+v", where, k, err, result)
		}
		checkMixed(f)
		if t.Failed() {
			t.Fatalf("killed at %s (%d)", where, k)
		}
	}
	for _, want := range []string{"run_started", "operation_started", "task_running", "task_done", "run_ended"} {
		for _, side := range []string{"_before", "_after"} {
			if !names["checkpoint_"+want+side] {
				t.Errorf("crash point checkpoint_%s%s was never hit", want, side)
			}
		}
	}
}
