package legacyreshard_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/tasks"
	"shardform/internal/tasks/legacyreshard"
	"shardform/internal/tasks/reshard"
)

// traceless are the tasks whose work cannot be seen before a later step has begun.
var traceless = []string{"legacy_wait", "legacy_diff", "legacy_move_wait", "legacy_move_diff"}

// walk does all tasks in order. Each one is seen as not done before, and all as done behind the last, by tasks that know
// of nothing but the cluster.
func (r *rig) walk(all []reshard.StepTask) {
	r.t.Helper()
	merged := map[string]bool{} // what one task does for several sources
	for _, st := range all {
		key := st.Name + st.Parameters["type"]
		if merged[key] && (st.Name == "legacy_clone" || st.Name == "legacy_migrate") && strings.Contains(st.Parameters["sources"], ",") {
			r.sees(st, tasks.Done)
			continue
		}
		merged[key] = true
		r.sees(st, tasks.Absent)
		r.does(st)
		if !slices.Contains(traceless, st.Name) {
			r.sees(st, tasks.Done)
		}
	}
	for _, st := range all {
		r.sees(st, tasks.Done)
	}
}

func (r *rig) wantsChanges(want ...string) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.changes); diff != "" {
		r.t.Errorf("changing commands (-want +got):\n%s", diff)
	}
}

func TestASplitStepByStep(t *testing.T) {
	r := newRig(t)
	r.Keyspace("customer", []string{"0"}, customerTable)
	r.Spare("customer", "-80", "80-")
	r.walk(tasksOf(r.reshard("0", "-80 80-", nil)))
	r.wantsChanges("CopySchemaShard customer/0 customer/-80", "CopySchemaShard customer/0 customer/80-", "SplitClone customer/0",
		"WaitForFilteredReplication -max_delay 30s customer/-80", "WaitForFilteredReplication -max_delay 30s customer/80-",
		"SplitDiff customer/-80", "SplitDiff customer/80-",
		"MigrateServedTypes customer/0 rdonly", "MigrateServedTypes customer/0 replica", "MigrateServedTypes customer/0 master")
}

func TestAMergeStepByStep(t *testing.T) {
	r := newRig(t)
	r.Keyspace("customer", []string{"-80", "80-"}, customerTable)
	r.Spare("customer", "-")
	r.walk(tasksOf(r.reshard("-80 80-", "-", nil)))
	r.wantsChanges("CopySchemaShard customer/-80 customer/-", "SplitClone customer/-80", "WaitForFilteredReplication -max_delay 30s customer/-",
		"SplitDiff --source_uid=301 customer/-", "SplitDiff --source_uid=302 customer/-",
		"MigrateServedTypes customer/-80 rdonly", "MigrateServedTypes customer/-80 replica", "MigrateServedTypes customer/-80 master")
}

func TestAMoveStepByStep(t *testing.T) {
	r := newRig(t)
	r.Keyspace("commerce", []string{"0"}, "create table orders (id bigint primary key)", customerTable)
	r.Keyspace("shop", []string{"0"})
	r.ServedFrom("shop", "commerce")
	r.walk(tasksOf(legacyreshard.Move(legacyreshard.MoveRequest{
		Cluster: "old", Servers: r.servers, From: "commerce", To: "shop", Source: "0", Shards: []string{"0"}, Tables: []string{"orders"}, MaxDelay: time.Second,
	})))
	r.wantsChanges("CopySchemaShard --tables=orders commerce/0 shop/0", "VerticalSplitClone --tables=orders shop/0", "WaitForFilteredReplication -max_delay 1s shop/0",
		"VerticalSplitDiff shop/0", "MigrateServedFrom shop/0 rdonly", "MigrateServedFrom shop/0 replica", "MigrateServedFrom shop/0 master")
}

// What a plan shows of a diff with several sources says where their uids are: there are none before the clone.
func TestTheDiffOfAMergeIsShownForEverySource(t *testing.T) {
	r := newRig(t)
	for _, tc := range []struct {
		sources, targets string
		want             []string
	}{
		{"0", "-80 80-", []string{"SplitDiff customer/-80"}},
		{"-80 80-", "-", []string{"# for each of -80, 80-, UID being its uid in: vtctlclient GetShard customer/-", "SplitDiff --source_uid=UID customer/-"}},
		{"-40 40-80 80-", "-60 60-", []string{"# for each of -40, 40-80, UID being its uid in: vtctlclient GetShard customer/-60", "SplitDiff --source_uid=UID customer/-60"}},
	} {
		st := tasksOf(r.reshard(tc.sources, tc.targets, nil), "diff")[0]
		got := r.task(st).(tasks.Commander).Commands(t.Context(), st.Parameters)
		got = slices.DeleteFunc(got, func(line string) bool { return strings.HasSuffix(line, " Reset") })
		for i := range got {
			got[i] = strings.TrimPrefix(got[i], "vtworkerclient -server "+r.servers.Vtworker+" ")
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s to %s (-want +got):\n%s", tc.sources, tc.targets, diff)
		}
	}
}

// The gate in front of the migration of master may have been passed a day ago.
func TestMasterIsMigratedInsideOfTheWindowOnly(t *testing.T) {
	r := newRig(t)
	r.Keyspace("customer", []string{"-"}, customerTable)
	r.Spare("customer", "-80", "80-")
	steps := r.reshard("-", "-80 80-", &reshard.Window{Opens: "0 2 * * *", Lasts: time.Hour, Timezone: "UTC"})
	all := tasksOf(steps)
	master := all[len(all)-1]
	for _, st := range all[:len(all)-1] {
		r.does(st)
	}
	before := len(r.changes)
	_, _, err := r.task(master).Run(t.Context(), master.Parameters)
	var closed *tasks.GateClosed
	if !errors.As(err, &closed) || closed.Gate != tasks.GateWindow || !closed.Opens.Equal(time.Date(2026, 3, 5, 2, 0, 0, 0, time.UTC)) {
		t.Errorf("at noon: %v, %+v", err, closed)
	}
	if len(r.changes) != before {
		t.Errorf("commands outside of the window: %v", r.changes[before:])
	}
	r.now = time.Date(2026, 3, 5, 2, 30, 0, 0, time.UTC)
	r.does(master)
}

// Writes that an earlier migration has stopped are worth more than the window.
func TestStoppedWritesWaitForNoWindow(t *testing.T) {
	r := newRig(t)
	r.Keyspace("customer", []string{"-"}, customerTable)
	r.Spare("customer", "-80", "80-")
	all := tasksOf(r.reshard("-", "-80 80-", &reshard.Window{Opens: "0 2 * * *", Lasts: time.Hour, Timezone: "UTC"}))
	for _, st := range all[:len(all)-1] {
		r.does(st)
	}
	r.StopWrites("customer", "-")
	if o := r.sees(all[len(all)-1], tasks.Absent); !strings.Contains(o.Detail, "WRITES ARE STOPPED") {
		t.Errorf("it says %q", o.Detail)
	}
	r.does(all[len(all)-1])
}
