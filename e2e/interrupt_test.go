//go:build e2e

package e2e

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// How scenarios hold the cluster in the middle of something, so that "mid-copy" and "inside the switch" are states that
// the cluster shows, not moments that a test happens to hit.

// holdCopies throttles VReplication in the whole keyspace: streams begin to copy and get no further, until release.
func (k *keyspace) holdCopies(t *testing.T, targets ...string) (release func()) {
	t.Helper()
	k.vtctl(t, "UpdateThrottlerConfig", "--enable", "--throttle-app", "vreplication", "--throttle-app-ratio", "1", "--throttle-app-duration", "1h", k.name)
	for _, target := range targets { // it is the targets that copy
		alias := tabletAlias(k.uids[target][0])
		waitFor(t, alias+" to throttle VReplication", func(context.Context) (bool, error) {
			status, err := k.tryVtctl(t, "GetThrottlerStatus", alias)
			return strings.Contains(status, `"vreplication"`), err
		})
	}
	return func() {
		t.Helper()
		k.vtctl(t, "UpdateThrottlerConfig", "--disable", k.name)
	}
}

// copyState is what one shard's streams still have to do.
type copyState struct {
	States []string // of the streams: Copying, Running
	Left   []string // tables
	Lag    int64    // max_v_replication_transaction_lag of the workflow
}

// copyStates reads, by shard, how far the streams of the one workflow that there is are.
func (k *keyspace) copyStates(t *testing.T) map[string]copyState {
	t.Helper()
	var list struct {
		Workflows []struct {
			Lag          json.Number `json:"max_v_replication_transaction_lag"`
			ShardStreams map[string]struct {
				Streams []struct {
					State      string
					CopyStates []struct{ Table string } `json:"copy_states"`
				}
			} `json:"shard_streams"`
		}
	}
	k.read(t, &list, "GetWorkflows", "--show-all", k.name)
	if len(list.Workflows) != 1 {
		return nil
	}
	found := make(map[string]copyState)
	for at, shard := range list.Workflows[0].ShardStreams {
		name, _, _ := strings.Cut(at, "/")
		state := found[name]
		state.Lag, _ = list.Workflows[0].Lag.Int64() // absent is 0
		for _, s := range shard.Streams {
			state.States = append(state.States, s.State)
			for _, c := range s.CopyStates {
				if !slices.Contains(state.Left, c.Table) {
					state.Left = append(state.Left, c.Table)
				}
			}
		}
		slices.Sort(state.Left)
		found[name] = state
	}
	return found
}

// waitForCopying waits until every target copies, with tables left, and no more.
func (k *keyspace) waitForCopying(t *testing.T, targets ...string) {
	t.Helper()
	waitFor(t, fmt.Sprintf("%s to be in the middle of copying to %v", k.name, targets), func(context.Context) (bool, error) {
		states := k.copyStates(t)
		for _, target := range targets {
			if len(states[target].Left) == 0 || slices.ContainsFunc(states[target].States, func(s string) bool { return s != "Copying" }) {
				return false, fmt.Errorf("streams: %+v", states)
			}
		}
		return true, nil
	})
}

// slowInserts makes a shard's MySQL take inserts into a table slowly, one in d, and gives what undoes it.
func (k *keyspace) slowInserts(t *testing.T, shard, table string, d time.Duration) (undo func()) {
	t.Helper()
	db := k.mysql(t, shard)
	execute := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	execute(fmt.Sprintf("create trigger slow_inserts before insert on %s for each row set @slept = sleep(%f)", table, d.Seconds()))
	return func() { t.Helper(); execute("drop trigger if exists slow_inserts") }
}

// mysql connects to the MySQL of a shard's primary. It keeps no connection that a restart could break.
func (k *keyspace) mysql(t *testing.T, shard string) *sql.DB {
	t.Helper()
	db := k.database(t, k.name, k.uids[shard][0])
	db.SetMaxIdleConns(-1)
	return db
}

// count is the number that a query gives.
func count(t *testing.T, db *sql.DB, query string, args ...any) (n int64) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// lockTable takes a lock on a table of a tablet's MySQL, as a backup or a forgotten session would; mode is read (nobody
// writes) or write (nobody else reads either).
func (k *keyspace) lockTable(t *testing.T, uid int, table, mode string) (unlock func()) {
	t.Helper()
	connection, err := k.database(t, k.name, uid).Conn(t.Context())
	if err == nil {
		_, err = connection.ExecContext(t.Context(), fmt.Sprintf("lock tables %s %s", table, mode))
	}
	if err != nil {
		t.Fatalf("locking %s on tablet %d: %v", table, uid, err)
	}
	t.Cleanup(func() { connection.Close() })
	return func() {
		t.Helper()
		if _, err := connection.ExecContext(t.Context(), "unlock tables"); err != nil {
			t.Errorf("unlocking %s on tablet %d: %v", table, uid, err)
		}
	}
}

// reaches waits until the running program has done what closes the channel, and fails the test if it ends without.
func (r *process) reaches(t *testing.T, what string, closed <-chan struct{}) {
	t.Helper()
	select {
	case <-closed:
	case <-r.done:
		t.Fatalf("shardform %s ended and did not get to %s\n%s", strings.Join(r.cmd.Args[1:], " "), what, r.written())
	case <-time.After(5 * time.Minute):
		t.Fatalf("shardform %s does not get to %s\n%s", strings.Join(r.cmd.Args[1:], " "), what, r.written())
	}
}

// freeze stops a server of the cluster as a machine does that swaps; thaw continues it.
func (c cluster) freeze(t *testing.T, server string) (thaw func()) {
	t.Helper()
	c.signal(t, server, syscall.SIGSTOP)
	thaw = sync.OnceFunc(func() { c.signal(t, server, syscall.SIGCONT) })
	t.Cleanup(thaw)
	return thaw
}

// kill is kill -9.
func (r *process) kill(t *testing.T) {
	t.Helper()
	r.signal(os.Kill)
	if got := r.wait(t); got.exit != -1 {
		t.Fatalf("shardform %s ended before it was killed\n%s", strings.Join(r.cmd.Args[1:], " "), got)
	}
}

// switching is the shards that lose writes in a switch, and those that win them.
type switching struct{ losing, winning []string }

// stopInside sends the PRIMARY switch on its way, which waits in the proxy, and holds it where writes are stopped and no
// journal is written: the winning shards cannot catch up. unblock lets them.
func (k *keyspace) stopInside(t *testing.T, run *process, load *load, s switching, arrived <-chan struct{}, proceed func()) (unblock func()) {
	t.Helper()
	run.reaches(t, "the PRIMARY switch", arrived)
	var unlocks []func()
	for _, shard := range s.winning {
		unlocks = append(unlocks, k.lockTable(t, k.uids[shard][0], "customer", "write"))
	}
	load.waitForCommits(t, 30) // which the winning shards do not have
	proceed()
	waitFor(t, "the switch to stop writes", func(context.Context) (bool, error) { return k.writesStopped(t, s.losing), nil })
	return func() {
		t.Helper()
		for _, unlock := range unlocks {
			unlock()
		}
	}
}

// writesStopped reports whether a control stops writes on each of the shards.
func (k *keyspace) writesStopped(t *testing.T, shards []string) bool {
	t.Helper()
	disabled := k.serving(t).Disabled
	return !slices.ContainsFunc(shards, func(shard string) bool { return !slices.Contains(disabled, "PRIMARY "+shard) })
}

// killAfterJournal sends the PRIMARY switch on its way, which waits in the proxy, and kills vtctld when the journals, its
// point of no return, are written and nothing after them is done. It is started again, without the locks that it held.
func (k *keyspace) killAfterJournal(t *testing.T, run *process, s switching, arrived <-chan struct{}, proceed func()) {
	t.Helper()
	run.reaches(t, "the PRIMARY switch", arrived)
	var unlocks []func()
	for _, shard := range s.losing {
		unlocks = append(unlocks, k.lockTable(t, k.uids[shard][0], "_vt.resharding_journal", "read"))
	}
	proceed()
	const journaling = "select count(*) from information_schema.processlist where info like 'insert into _vt.resharding_journal%' and state like 'Waiting for table%'"
	for _, shard := range s.losing {
		db := k.mysql(t, shard)
		waitFor(t, "the switch to write its journal on "+shard, func(context.Context) (bool, error) { return count(t, db, journaling) > 0, nil })
	}
	journals := k.journals(t, s.losing)
	signalVtctld(t, k.cluster, syscall.SIGSTOP) // what it sent continues
	for _, unlock := range unlocks {
		unlock()
	}
	waitFor(t, "the journals to be written", func(context.Context) (bool, error) {
		return k.journals(t, s.losing) == journals+int64(len(s.losing)), nil
	})
	k.killVtctld(t)
	k.startVtctld(t)
}

// journals counts the journals on the primaries of shards.
func (k *keyspace) journals(t *testing.T, shards []string) (n int64) {
	t.Helper()
	for _, shard := range shards {
		n += count(t, k.mysql(t, shard), "select count(*) from _vt.resharding_journal")
	}
	return n
}

// serves checks what serves each tablet type, and that no control stops anything that serves.
func (k *keyspace) serves(t *testing.T, want serving) {
	t.Helper()
	got := k.serving(t)
	got.Disabled = slices.DeleteFunc(got.Disabled, func(control string) bool { // on what reads were switched away from
		kind, shard, _ := strings.Cut(control, " ")
		return !slices.Contains(map[string][]string{"PRIMARY": want.Primary, "REPLICA": want.Replica, "RDONLY": want.Rdonly}[kind], shard)
	})
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("what %s serves (-want +got):\n%s", k.name, diff)
	}
}

// vdiffs gives the state of every VDiff of the one workflow, by its UUID.
func (k *keyspace) vdiffs(t *testing.T) map[string]string {
	t.Helper()
	states := make(map[string]string)
	for _, w := range k.workflows(t) {
		var list []struct {
			UUID, State string
		}
		k.read(t, &list, "VDiff", "--workflow", w.Name, "--target-keyspace", k.name, "--format", "json", "show", "all")
		for _, d := range list {
			states[d.UUID] = d.State
		}
	}
	return states
}

// waitForVDiff waits until there is one VDiff, in that state.
func (k *keyspace) waitForVDiff(t *testing.T, state string) {
	t.Helper()
	waitFor(t, "a VDiff to be "+state, func(context.Context) (bool, error) {
		states := k.vdiffs(t)
		if len(states) != 1 || !slices.Contains(slices.Collect(maps.Values(states)), state) {
			return false, fmt.Errorf("VDiffs: %v", states)
		}
		return true, nil
	})
}
