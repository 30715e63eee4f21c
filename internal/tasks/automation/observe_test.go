package automation_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"shardform/internal/tasks"
	"shardform/internal/vitess"
	"shardform/internal/vitess/legacytest"
)

// splitting is a cluster whose keyspace customer is to be split, with tasks for it.
func splitting(t *testing.T) (w *legacytest.World, r *rig, p map[string]string) {
	w = legacytest.NewWorld()
	w.Keyspace("customer", []string{"-"}, "create table customer (id bigint primary key)")
	w.Spare("customer", "-80", "80-")
	ctl := legacytest.Vtctld(t, w.Vtctl)
	worker := legacytest.Vtworker(t, (&legacytest.Worker{Run: w.Vtworker}).Handle)
	legacy, err := vitess.NewLegacy(vitess.LegacyConfig{RetryPause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return w, newRig(legacy), map[string]string{"keyspace": "customer", "source_shard": "-", "vtworker_endpoint": worker.Address, "vtctld_endpoint": ctl.Address}
}

func observes(t *testing.T, task tasks.Task, p map[string]string, record tasks.Record, want tasks.State) {
	t.Helper()
	if o, err := task.(tasks.Observer).Observe(t.Context(), p, record); err != nil || o.State != want {
		t.Errorf("observed %v (%s), %v; want %v", o.State, o.Detail, err, want)
	}
}

// A clone whose vtworker died after the work is sent again, and refused.
func TestACloneThatLostItsVtworkerIsLookedAt(t *testing.T) {
	w, r, p := splitting(t)
	lost := true
	w.After = func(args []string) error {
		if args[0] == "SplitClone" && lost {
			lost = false
			return status.Error(codes.Unavailable, "transport is closing")
		}
		return nil
	}
	task := r.task(t, "SplitCloneTask")
	observes(t, task, p, tasks.Record{}, tasks.Absent)
	if _, _, err := task.Run(t.Context(), p); err == nil || !strings.Contains(err.Error(), "filtered replication already enabled") {
		t.Fatalf("error %v", err)
	}
	observes(t, task, p, tasks.Record{Announced: true}, tasks.Done)
}

func TestAnInterruptedCommandIsLookedAtWhereThatIsPossible(t *testing.T) {
	w, r, p := splitting(t)
	w.Replicate("customer", "-80", "-")
	for name, c := range map[string]struct {
		record tasks.Record
		want   tasks.State
		drop   string
		half   bool
	}{
		"half of it is there":      {tasks.Record{Announced: true}, tasks.Absent, "", true},
		"never sent":               {tasks.Record{}, tasks.Absent, "", false},
		"interrupted":              {tasks.Record{Announced: true}, tasks.Done, "", false},
		"failed in an earlier run": {tasks.Record{Attempts: 1}, tasks.Done, "", false},
		"nobody can look":          {tasks.Record{Announced: true}, tasks.Absent, "vtctld_endpoint", false},
	} {
		given := map[string]string{}
		for name, value := range p {
			if name != c.drop {
				given[name] = value
			}
		}
		t.Log(name)
		if !c.half {
			w.Spare("customer", "80-")
			w.Replicate("customer", "80-", "-")
		}
		observes(t, r.task(t, "SplitCloneTask"), given, c.record, c.want)
		w.Spare("customer", "80-")
	}
}

// A reversal that was interrupted is not done because the type was migrated before.
func TestAnInterruptedReversalIsSentAgain(t *testing.T) {
	w, r, p := splitting(t)
	w.Replicate("customer", "-80", "-")
	w.Replicate("customer", "80-", "-")
	delete(p, "vtworker_endpoint")
	p["type"] = "rdonly"
	interrupted := tasks.Record{Announced: true}
	observes(t, r.task(t, "MigrateServedTypesTask"), p, interrupted, tasks.Absent)
	if _, _, err := r.run(t, t.Context(), "MigrateServedTypesTask", p); err != nil {
		t.Fatal(err)
	}
	observes(t, r.task(t, "MigrateServedTypesTask"), p, interrupted, tasks.Done)
	p["reverse"] = "true"
	observes(t, r.task(t, "MigrateServedTypesTask"), p, interrupted, tasks.Absent)
}
