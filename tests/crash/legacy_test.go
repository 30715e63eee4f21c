//go:build crash

package crash

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"shardform/internal/sample"
)

func TestAKeyspaceOnALegacyClusterIsResharded(t *testing.T) {
	t.Parallel()
	r := newLegacyRig(t)
	r.plans(2, "keyspace customer on cluster old, by vtworker: - → -80,80-", "~1,000 rows", "point of no return", "migrate_master", "way back: vtctlclient MigrateServedTypes -reverse customer/- rdonly")
	r.applies(0)
	if diff := cmp.Diff(splitCommands, r.commands()); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	r.checkServing("[-80 80-]")
	r.plans(0, "No changes.")
	if commands := r.run(r.dir, "plan", "--commands"); commands.exit != 0 {
		t.Errorf("%s", commands.stderr)
	}
}

func TestALegacyMergeIsClonedAndMigratedOnce(t *testing.T) {
	t.Parallel()
	r := newLegacyRig(t)
	r.Keyspace("customer", []string{"-80", "80-"}, customerTable)
	r.Spare("customer", "-")
	r.plan(`["-"]`, "copy {\n config = { min_healthy_rdonly_tablets = 1, max_tps = 9 }\n }")
	r.applies(0)
	want := []string{
		"CopySchemaShard customer/-80 customer/-", "SplitClone --min_healthy_rdonly_tablets=1 --max_tps=9 customer/-80", "WaitForFilteredReplication -max_delay 30s customer/-",
		"SplitDiff --min_healthy_rdonly_tablets=1 --source_uid=601 customer/-", "SplitDiff --min_healthy_rdonly_tablets=1 --source_uid=602 customer/-",
		"MigrateServedTypes customer/-80 rdonly", "MigrateServedTypes customer/-80 replica", "MigrateServedTypes customer/-80 master",
	}
	if diff := cmp.Diff(want, r.commands()); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	r.checkServing("[-]")
	r.plans(0)
}

func TestLegacyReshardKilled(t *testing.T) {
	t.Parallel()
	whole := newLegacyRig(t)
	whole.applies(0)
	failpoints := numbered(whole.hits(whole.dir))
	for _, name := range []string{"rpc_ExecuteVtctlCommand_before:1", "rpc_ExecuteVtworkerCommand_after:1"} {
		if !slices.Contains(failpoints, name) {
			t.Fatalf("%s is not passed: %v", name, failpoints)
		}
	}
	eachLegacyKill(t, failpoints, newLegacyRig, func(r *legacyRig) {
		r.checkServing("[-80 80-]")
		r.checkLedger(r.dir, 1)
		r.checkOnce("CopySchemaShard customer/- customer/-80", "SplitClone", "MigrateServedTypes customer/- rdonly", "MigrateServedTypes customer/- replica", "MigrateServedTypes customer/- master")
	})
}

// eachLegacyKill kills an apply at each failpoint of a sample, runs it again to its end, and calls check.
func eachLegacyKill(t *testing.T, failpoints []string, newRig func(*testing.T) *legacyRig, check func(r *legacyRig)) {
	t.Helper()
	for _, failpoint := range sample.Of(t, 0.3, failpoints, itself) {
		t.Run(failpoint, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			if got := r.armed(failpoint).run(r.dir, applying...); !got.killed {
				t.Fatalf("not killed, but exit %d\n%s%s", got.exit, got.stdout, got.stderr)
			}
			r.finishes(r.dir)
			check(r)
		})
	}
}

func TestAFailedLegacyWaitGoesOnFromItsCheckpoint(t *testing.T) {
	t.Parallel()
	r := newLegacyRig(t)
	negative := status.Error(codes.Unknown, "last seen delay should never be negative. tablet: zone1-200 delay: -1s")
	r.fail(failing("WaitForFilteredReplication", 7, negative), nil)
	if out := r.applies(1); !strings.Contains(out, "a write to the source shard ends that") {
		t.Errorf("%s", out)
	}
	r.plans(2, "wait")
	r.applies(0)
	if diff := cmp.Diff(splitCommands, r.commands()); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

func TestALegacyCommandWhoseAnswerWasLostIsNotRunAgain(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"SplitClone", "MigrateServedTypes customer/- rdonly", "MigrateServedTypes customer/- master", "CopySchemaShard"} {
		r := newLegacyRig(t)
		r.fail(nil, failing(name, 1, status.Error(codes.Internal, "the answer was lost")))
		r.applies(0)
		if diff := cmp.Diff(splitCommands, r.commands()); diff != "" {
			t.Errorf("%s: commands (-want +got):\n%s", name, diff)
		}
	}
}

func TestAnInterruptedLegacyCloneIsRunAgain(t *testing.T) {
	t.Parallel()
	r := newLegacyRig(t)
	r.fail(failing("SplitClone", 1, status.Error(codes.Canceled, "vtworker was stopped")), nil)
	if out := r.applies(1); !strings.Contains(out, "SplitClone") {
		t.Errorf("%s", out)
	}
	r.applies(0)
	if n := r.count("SplitClone"); n != 1 {
		t.Errorf("%d clones ended", n)
	}
	r.checkServing("[-80 80-]")
}

func TestALegacyReshardGoesOnWithoutItsState(t *testing.T) {
	t.Parallel()
	r := newLegacyRig(t)
	r.applies(0, "--until", "keyspace.customer/-:-80,80-/migrate_rdonly")
	if r.Serving("customer", "rdonly") != "[-80 80-]" || r.Serving("customer", "replica") != "[-]" {
		t.Fatal("--until ended elsewhere")
	}
	if err := os.Remove(filepath.Join(r.dir, "shardform.db")); err != nil {
		t.Fatal(err)
	}
	r.plans(2, "to adopt", "= keyspace.customer/-:-80,80-/clone")
	r.applies(0)
	if diff := cmp.Diff(splitCommands, r.commands()); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	r.plans(0)
}

func TestAnObstacleToALegacyReshardIsRefusedBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(r *legacyRig)
		want    []string
	}{
		"a shard is missing": {func(r *legacyRig) {
			r.Keyspace("customer", []string{"-"}, customerTable)
			r.Spare("customer", "-80")
		}, []string{"there is no such shard", "InitShardMaster -force customer/80-"}},
		"half a clone": {func(r *legacyRig) { r.Replicate("customer", "-80", "-") }, []string{"only -80 from -", "SourceShardDelete customer/-80"}},
		"half a merge": {func(r *legacyRig) {
			r.Keyspace("customer", []string{"-80", "80-"}, customerTable)
			r.Spare("customer", "-")
			r.Table("customer", "-", customerTable)
			r.Replicate("customer", "-", "-80")
			r.plan(`["-"]`, "")
		}, []string{"only - from -80", "SourceShardDelete customer/-"}},
		"another source": {func(r *legacyRig) { r.Spare("customer", "c0-"); r.Replicate("customer", "-80", "c0-") }, []string{"it replicates from customer/c0-"}},
		"a shard left":   {func(r *legacyRig) { r.Replicate("customer", "-80", "-"); r.Freeze("customer", "-80") }, []string{"which a reshard the other way left behind", "DeleteShard -recursive customer/-80"}},
		"a shard that a split left": {func(r *legacyRig) {
			r.Keyspace("customer", []string{"-80", "80-"}, customerTable)
			r.Spare("customer", "-", "80-c0", "c0-")
			r.plan(`["-80", "80-c0", "c0-"]`, "")
		}, []string{"there is customer/-", "DeleteShard -recursive customer/-"}},
		"another table": {func(r *legacyRig) { r.Table("customer", "80-", "create table customer (id int)") }, []string{"table customer of customer/80-", "it is another"}},
		"stray followers": {func(r *legacyRig) {
			r.Spare("customer", "c0-")
			r.Replicate("customer", "c0-", "-")
			r.plan(`["-"]`, "")
		}, []string{"filtered replication that nobody planned", "SourceShardDelete customer/c0-", "not built yet"}},
	} {
		r := newLegacyRig(t)
		c.prepare(r)
		t.Log(name)
		r.plans(6, c.want...)
		r.applies(6)
		if commands := r.commands(); len(commands) > 0 {
			t.Errorf("%s: %v", name, commands)
		}
	}
}

func TestALegacyLayoutEditedHalfWay(t *testing.T) {
	t.Parallel()
	t.Run("nothing was cloned: it is forgotten", func(t *testing.T) {
		r := newLegacyRig(t)
		r.applies(0, "--until", "keyspace.customer/-:-80,80-/copy_schema")
		r.plan(`["-"]`, "")
		r.applies(0)
		r.plans(0)
	})
	t.Run("it was cloned: refused with what ends it by hand", func(t *testing.T) {
		r := newLegacyRig(t)
		r.applies(0, "--until", "keyspace.customer/-:-80,80-/migrate_rdonly")
		r.plan(`["-"]`, "")
		r.plans(6, "not built yet", "MigrateServedTypes -reverse customer/- rdonly", "SourceShardDelete customer/-80", "SourceShardDelete customer/80-")
		r.plan(`["-80", "80-"]`, "")
		r.applies(0)
		r.checkServing("[-80 80-]")
	})
}

func TestALegacyMigrationOfMasterWaitsForItsApproval(t *testing.T) {
	t.Parallel()
	r := newLegacyRig(t)
	r.plan(`["-80", "80-"]`, "switch {\n approval = true\n }")
	out := r.applies(4)
	if r.Serving("customer", "master") != "[-]" || r.Serving("customer", "replica") != "[-80 80-]" {
		t.Errorf("it went too far or not far enough:\n%s", out)
	}
	_, approve, found := strings.Cut(out, "shardform approve ")
	if !found {
		t.Fatalf("no command to approve:\n%s", out)
	}
	approve, _, _ = strings.Cut(approve, "\n")
	if got := r.run(r.dir, append([]string{"approve"}, strings.Fields(approve)...)...); got.exit != 0 {
		t.Fatalf("approve %s: %s%s", approve, got.stdout, got.stderr)
	}
	r.applies(0)
	r.checkServing("[-80 80-]")
}

func TestStoppedWritesOfALegacyReshardAreReportedFirst(t *testing.T) {
	t.Parallel()
	r := newLegacyRig(t)
	r.applies(0, "--until", "keyspace.customer/-:-80,80-/migrate_replica")
	r.StopWrites("customer", "-")
	r.plans(2, "WRITES ARE STOPPED on customer/-")
	if got := r.run(r.dir, "status", "--no-color"); !strings.Contains(got.stdout+got.stderr, "WRITES ARE STOPPED on customer/-") {
		t.Errorf("status does not say it:\n%s%s", got.stdout, got.stderr)
	}
	r.applies(0)
	r.checkServing("[-80 80-]")
}

// A migration of master that died stops writes: no window and no approval keep the next run from ending it, even where
// the state is lost that knows of the first ones.
func TestStoppedWritesOfALegacyReshardWaitForNoGate(t *testing.T) {
	t.Parallel()
	r := newLegacyRig(t)
	r.applies(0, "--until", "keyspace.customer/-:-80,80-/migrate_replica")
	if err := os.Remove(filepath.Join(r.dir, "shardform.db")); err != nil {
		t.Fatal(err)
	}
	later := time.Now().UTC().AddDate(0, 6, 0)
	r.plan(`["-80", "80-"]`, fmt.Sprintf("switch {\n approval = true\n window {\n opens = \"0 0 1 %d *\"\n lasts = \"1h\"\n }\n }", later.Month()))
	r.applies(4)
	if r.count("MigrateServedTypes customer/- master") > 0 {
		t.Fatalf("migrated without being asked: %v", r.commands())
	}
	r.StopWrites("customer", "-")
	r.applies(0)
	r.checkServing("[-80 80-]")
}

func TestRollbackOfALegacyReshardIsNotBuilt(t *testing.T) {
	t.Parallel()
	r := newLegacyRig(t)
	r.applies(0, "--until", "keyspace.customer/-:-80,80-/clone")
	got := r.run(r.dir, "rollback", "--auto-approve", "keyspace.customer")
	if got.exit != 6 || !strings.Contains(got.stdout+got.stderr, "not built yet") {
		t.Errorf("exit %d\n%s%s", got.exit, got.stdout, got.stderr)
	}
}

func TestTablesAreMovedOnALegacyCluster(t *testing.T) {
	t.Parallel()
	moving := []string{
		"CopySchemaShard --tables=orders commerce/0 customer/0", "VerticalSplitClone --tables=orders customer/0", "WaitForFilteredReplication -max_delay 30s customer/0",
		"VerticalSplitDiff customer/0", "MigrateServedFrom customer/0 rdonly", "MigrateServedFrom customer/0 replica", "MigrateServedFrom customer/0 master",
	}
	rig := func(t *testing.T) *legacyRig {
		r := newLegacyRig(t)
		r.Keyspace("commerce", []string{"0"}, "create table orders (id bigint primary key)", "create table product (id bigint primary key)")
		r.Keyspace("customer", []string{"0"})
		r.ServedFrom("customer", "commerce")
		r.writeBlocks("move_tables \"orders\" {\n from = \"commerce\"\n to = \"customer\"\n tables = [\"orders\"]\n}\n")
		return r
	}
	t.Run("whole", func(t *testing.T) {
		r := rig(t)
		r.plans(2, "move_tables.orders/migrate_master", "point of no return")
		r.applies(0)
		if diff := cmp.Diff(moving, r.commands()); diff != "" {
			t.Errorf("commands (-want +got):\n%s", diff)
		}
		r.plans(0, "No changes.")
	})
	t.Run("killed", func(t *testing.T) {
		whole := rig(t)
		whole.applies(0)
		failpoints := slices.DeleteFunc(numbered(whole.hits(whole.dir)), func(failpoint string) bool {
			name, _, _ := strings.Cut(failpoint, ":")
			return !slices.Contains([]string{"rpc_ExecuteVtctlCommand_after", "rpc_ExecuteVtworkerCommand_after", "checkpoint_task_running_after"}, name)
		})
		eachLegacyKill(t, failpoints, rig, func(r *legacyRig) {
			r.checkOnce("CopySchemaShard", "VerticalSplitClone", "MigrateServedFrom customer/0 rdonly", "MigrateServedFrom customer/0 master")
		})
	})
	t.Run("a keyspace that was not made for it", func(t *testing.T) {
		r := rig(t)
		r.Keyspace("customer", []string{"0"})
		r.plans(6, "CreateKeyspace -served_from")
	})
}
