//go:build crash

package crash

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"shardform/internal/vitess/legacytest"
)

// legacyRig is the program beside a legacy cluster with the keyspace customer, whose shard - is to become -80 and 80-.
type legacyRig struct {
	testProgram
	*legacytest.World
	dir              string
	vtctld, vtworker *legacytest.Server

	mu            sync.Mutex // guards what follows: the servers run in goroutines of their own
	done          []string   // the commands that changed something, in order
	before, after hook       // of the test
}

// hook is asked for each command, and its error is the command's.
type hook func(args []string) error

// fail sets the hooks; nil: none.
func (r *legacyRig) fail(before, after hook) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before, r.after = before, after
}

func (r *legacyRig) asked(which *hook, args []string) error {
	r.mu.Lock()
	ask := *which
	r.mu.Unlock()
	if ask == nil {
		return nil
	}
	return ask(args)
}

const customerTable = "create table customer (id bigint primary key)"

func newLegacyRig(t *testing.T) *legacyRig {
	r := &legacyRig{testProgram: build(t), World: legacytest.NewWorld()}
	r.dir = r.folder()
	r.World.Before = func(args []string) error { return r.asked(&r.before, args) }
	r.World.After = func(args []string) error {
		if !strings.HasPrefix(args[0], "Get") && !strings.HasPrefix(args[0], "FindAll") {
			r.mu.Lock()
			r.done = append(r.done, strings.Join(args, " "))
			r.mu.Unlock()
		}
		return r.asked(&r.after, args)
	}
	r.vtctld = legacytest.Vtctld(t, r.Vtctl)
	r.vtworker = legacytest.Vtworker(t, (&legacytest.Worker{Run: r.Vtworker}).Handle)
	r.Keyspace("customer", []string{"-"}, customerTable)
	r.Spare("customer", "-80", "80-")
	r.plan(`["-80", "80-"]`, "")
	return r
}

// plan writes the plan file, settings being the inside of the reshard block.
func (r *legacyRig) plan(shards, settings string) {
	r.write(fmt.Sprintf("keyspace \"customer\" {\n shards = %s\n reshard {\n retry {\n backoff = \"1ms\"\n max_backoff = \"1ms\"\n }\n %s\n }\n}\n", shards, settings))
}

func (r *legacyRig) write(blocks string) {
	r.writePlan(r.dir, fmt.Sprintf("cluster \"old\" {\n legacy {\n vtctld = %q\n vtworker = %q\n }\n}\n", r.vtctld.Address, r.vtworker.Address)+blocks)
}

// applies runs apply and wants its exit code.
func (r *legacyRig) applies(exit int, args ...string) string {
	r.t.Helper()
	got := r.run(r.dir, "", append(slices.Clone(applying), args...)...)
	if got.exit != exit {
		r.t.Errorf("apply %v ends with exit %d, want %d\n%s%s", args, got.exit, exit, got.stdout, got.stderr)
	}
	return got.stdout + got.stderr
}

// plans runs plan and wants its exit code and texts.
func (r *legacyRig) plans(exit int, texts ...string) {
	r.t.Helper()
	got := r.run(r.dir, "", "plan", "--detailed-exitcode", "--no-color")
	if got.exit != exit {
		r.t.Errorf("plan ends with exit %d, want %d\n%s%s", got.exit, exit, got.stdout, got.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(got.stdout+got.stderr, text) {
			r.t.Errorf("plan does not say %q:\n%s%s", text, got.stdout, got.stderr)
		}
	}
}

func (r *legacyRig) wants(serving string) {
	r.t.Helper()
	for _, tabletType := range []string{"rdonly", "replica", "master"} {
		if got := r.Serving("customer", tabletType); got != serving {
			r.t.Errorf("%s is served from %s, want %s", tabletType, got, serving)
		}
	}
}

// commands are the changing commands so far.
func (r *legacyRig) commands() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.done)
}

func (r *legacyRig) count(name string) int {
	n := 0
	for _, c := range r.commands() {
		if strings.HasPrefix(c, name) {
			n++
		}
	}
	return n
}

// split are the commands of the whole split.
var split = []string{
	"CopySchemaShard customer/- customer/-80", "CopySchemaShard customer/- customer/80-", "SplitClone customer/-",
	"WaitForFilteredReplication -max_delay 30s customer/-80", "WaitForFilteredReplication -max_delay 30s customer/80-",
	"SplitDiff customer/-80", "SplitDiff customer/80-",
	"MigrateServedTypes customer/- rdonly", "MigrateServedTypes customer/- replica", "MigrateServedTypes customer/- master",
}

func TestAKeyspaceOnALegacyClusterIsResharded(t *testing.T) {
	t.Parallel()
	r := newLegacyRig(t)
	r.plans(2, "keyspace customer on cluster old, by vtworker: - → -80,80-", "~1,000 rows", "point of no return", "migrate_master", "way back: vtctlclient MigrateServedTypes -reverse customer/- rdonly")
	r.applies(0)
	if diff := cmp.Diff(split, r.commands()); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	r.wants("[-80 80-]")
	r.plans(0, "No changes.")
	if commands := r.run(r.dir, "", "plan", "--commands"); commands.exit != 0 {
		t.Errorf("%s", commands.stderr)
	}
}

func TestAMergeIsClonedAndMigratedOnce(t *testing.T) {
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
	r.wants("[-]")
	r.plans(0)
}

func TestALegacyReshardIsKilledAtEveryCrashPointAndRunAgain(t *testing.T) {
	t.Parallel()
	clean := newLegacyRig(t)
	clean.applies(0)
	names := slices.Compact(slices.Sorted(slices.Values(clean.hits(clean.dir))))
	if !slices.Contains(names, "rpc_ExecuteVtctlCommand_before") || !slices.Contains(names, "rpc_ExecuteVtworkerCommand_after") {
		t.Fatalf("the crash points of the commands are not hit: %v", names)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hit := 0
			for nth := 1; ; nth++ {
				failpoint := fmt.Sprintf("%s:%d", name, nth)
				r := newLegacyRig(t)
				if got := r.run(r.dir, failpoint, applying...); !got.killed {
					break
				}
				hit++
				r.finishes(r.dir, failpoint)
				r.wants("[-80 80-]")
				r.checkLedger(r.dir, failpoint, 1)
				for _, once := range []string{"CopySchemaShard customer/- customer/-80", "SplitClone", "MigrateServedTypes customer/- rdonly", "MigrateServedTypes customer/- replica", "MigrateServedTypes customer/- master"} {
					if n := r.count(once); n != 1 {
						t.Errorf("%s: %s was done %d times", failpoint, once, n)
					}
				}
			}
			if hit == 0 {
				t.Error("it was never hit")
			}
		})
	}
}

// failing fails the first n commands of a name with the error.
func failing(name string, n int, err error) hook {
	var mu sync.Mutex
	return func(args []string) error {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasPrefix(strings.Join(args, " "), name) && n > 0 {
			n--
			return err
		}
		return nil
	}
}

func TestAFailedWaitGoesOnFromItsCheckpoint(t *testing.T) {
	t.Parallel()
	r := newLegacyRig(t)
	negative := status.Error(codes.Unknown, "last seen delay should never be negative. tablet: zone1-200 delay: -1s")
	r.fail(failing("WaitForFilteredReplication", 7, negative), nil)
	if out := r.applies(1); !strings.Contains(out, "a write to the source shard ends that") {
		t.Errorf("%s", out)
	}
	r.plans(2, "wait")
	r.applies(0)
	if diff := cmp.Diff(split, r.commands()); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

func TestWhatWasDoneThoughTheAnswerWasLostIsNotDoneAgain(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"SplitClone", "MigrateServedTypes customer/- rdonly", "MigrateServedTypes customer/- master", "CopySchemaShard"} {
		r := newLegacyRig(t)
		r.fail(nil, failing(name, 1, status.Error(codes.Internal, "the answer was lost")))
		r.applies(0)
		if diff := cmp.Diff(split, r.commands()); diff != "" {
			t.Errorf("%s: commands (-want +got):\n%s", name, diff)
		}
	}
}

func TestAnInterruptedCloneIsRunAgain(t *testing.T) {
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
	r.wants("[-80 80-]")
}

func TestALostStateIsSeenAgain(t *testing.T) {
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
	if diff := cmp.Diff(split, r.commands()); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	r.plans(0)
}

func TestWhatStandsInTheWayIsRefusedBeforeAnythingIsDone(t *testing.T) {
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
		r.wants("[-80 80-]")
	})
}

func TestTheMigrationOfMasterWaitsForItsApproval(t *testing.T) {
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
	if got := r.run(r.dir, "", append([]string{"approve"}, strings.Fields(approve)...)...); got.exit != 0 {
		t.Fatalf("approve %s: %s%s", approve, got.stdout, got.stderr)
	}
	r.applies(0)
	r.wants("[-80 80-]")
}

func TestStoppedWritesAreSaidFirst(t *testing.T) {
	t.Parallel()
	r := newLegacyRig(t)
	r.applies(0, "--until", "keyspace.customer/-:-80,80-/migrate_replica")
	r.StopWrites("customer", "-")
	r.plans(2, "WRITES ARE STOPPED on customer/-")
	if got := r.run(r.dir, "", "status", "--no-color"); !strings.Contains(got.stdout+got.stderr, "WRITES ARE STOPPED on customer/-") {
		t.Errorf("status does not say it:\n%s%s", got.stdout, got.stderr)
	}
	r.applies(0)
	r.wants("[-80 80-]")
}

// A migration of master that died stops writes: no window and no approval keep the next run from ending it, even where
// the state is lost that knows of the first ones.
func TestStoppedWritesWaitForNobody(t *testing.T) {
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
	r.wants("[-80 80-]")
}

func TestRollbackOfALegacyReshardIsNotBuilt(t *testing.T) {
	t.Parallel()
	r := newLegacyRig(t)
	r.applies(0, "--until", "keyspace.customer/-:-80,80-/clone")
	got := r.run(r.dir, "", "rollback", "--auto-approve", "keyspace.customer")
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
		r.write("move_tables \"orders\" {\n from = \"commerce\"\n to = \"customer\"\n tables = [\"orders\"]\n}\n")
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
		for _, name := range []string{"rpc_ExecuteVtctlCommand_after", "rpc_ExecuteVtworkerCommand_after", "checkpoint_task_running_after"} {
			for nth := 1; ; nth++ {
				failpoint := fmt.Sprintf("%s:%d", name, nth)
				r := rig(t)
				if !r.run(r.dir, failpoint, applying...).killed {
					break
				}
				r.finishes(r.dir, failpoint)
				for _, once := range []string{"CopySchemaShard", "VerticalSplitClone", "MigrateServedFrom customer/0 rdonly", "MigrateServedFrom customer/0 master"} {
					if n := r.count(once); n != 1 {
						t.Errorf("%s: %s was done %d times", failpoint, once, n)
					}
				}
			}
		}
	})
	t.Run("a keyspace that was not made for it", func(t *testing.T) {
		r := rig(t)
		r.Keyspace("customer", []string{"0"})
		r.plans(6, "CreateKeyspace -served_from")
	})
}
