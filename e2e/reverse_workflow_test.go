//go:build e2e

package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// failReversal reverses writes by hand, from the shards that would lose them to the source, while the source cannot catch up. The server
// undoes it, and deletes the workflow with what it undoes: only the reverse workflow is left, and runs (vitess#14276).
func (k *keyspace) failReversal(t *testing.T, source string, losing []string) (reverse string) {
	t.Helper()
	var forward string
	for _, w := range k.workflows(t) {
		if !strings.HasSuffix(w.Name, "_reverse") {
			forward = w.Name
		}
	}
	held, err := k.mysql(t, source).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Close() }()
	if _, err := held.ExecContext(t.Context(), "lock tables customer write, corder write"); err != nil {
		t.Fatal(err)
	}
	reversed := make(chan error, 1)
	go func() {
		_, err := k.tryVtctl(t, "Reshard", "--workflow", forward, "--target-keyspace", k.name, "reversetraffic", "--tablet-types", "primary",
			"--max-replication-lag-allowed", "10m", "--timeout", "5s")
		reversed <- err
	}()
	waitFor(t, "the reversal to stop writes", func(context.Context) (bool, error) { return k.writesStopped(t, losing), nil })
	// Undoing begins by letting writes through. It would wait for the locked tables until its two minutes are over.
	waitFor(t, "the reversal to be undone", func(context.Context) (bool, error) { return !k.writesStopped(t, losing), nil })
	if _, err := held.ExecContext(t.Context(), "unlock tables"); err != nil {
		t.Fatal(err)
	}
	if err := <-reversed; err == nil {
		t.Fatalf("writes were reversed although %s/%s could not catch up", k.name, source)
	}
	reverse = forward + "_reverse"
	waitFor(t, reverse+" to run alone", func(context.Context) (bool, error) {
		workflows := k.workflows(t)
		return len(workflows) == 1 && workflows[0].Name == reverse &&
			!slices.ContainsFunc(workflows[0].Streams, func(s stream) bool { return s.State != "Running" }), nil
	})
	return reverse
}

// Only the reverse workflow is left, as a reversal of writes that failed leaves it: going back goes by it and makes the
// workflow again, going forward is what finish still has to do; both under load, without a row lost.
func TestOnlyTheReverseWorkflowIsLeft(t *testing.T) {
	t.Parallel()
	c := runningCluster(t)
	k := newKeyspace(t, c, fixture{name: "lost_forward", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 2000})
	sources, targets := []string{"0"}, []string{"-80", "80-"}
	k.addShards(t, targets...)
	forward, back := k.to(targets...), k.to(sources...)
	plan := k.cluster.plan(t, forward)
	const segment = "keyspace.lost_forward/0:-80,80-"

	if !t.Run("back", func(t *testing.T) {
		load := k.load(t)
		load.mayFail = true // the reversal by hand stops writes for as long as it waits
		plan.apply(t, "--until", segment+"/switch_primary")
		load.waitForCommits(t, 20)
		reverse := k.failReversal(t, "0", targets)
		load.waitForCommits(t, 20)
		k.serves(t, serving{Primary: targets, Replica: targets, Rdonly: targets})
		plan.write(t, back)
		plan.says(t, "as a failed reversal leaves it", reverse, segment+"/reverse_reads", segment+"/reverse_primary", segment+"/delete")
		plan.apply(t)
		k.isBack(t, load, sources, targets)
		plan.noChanges(t)
	}) {
		t.Fatal("what follows begins where this ends")
	}
	t.Run("forward", func(t *testing.T) {
		load := k.load(t)
		load.mayFail = true
		plan.write(t, forward)
		plan.apply(t, "--until", segment+"/switch_primary")
		load.waitForCommits(t, 20)
		k.vtctl(t, "Reshard", "--workflow", strings.TrimSuffix(k.reverseName(t), "_reverse"), "--target-keyspace", k.name, "reversetraffic", "--tablet-types", "rdonly,replica")
		reverse := k.failReversal(t, "0", targets)
		load.waitForCommits(t, 20)
		old := k.mysql(t, "0")
		plan.loseState(t) // with it, reads that went back are to be approved first
		plan.says(t, "of the reshard only the reverse streams "+reverse+" are left")
		plan.apply(t)
		load.waitForCommits(t, 20)
		load.finish(t)
		k.serves(t, serving{Primary: targets, Replica: targets, Rdonly: targets})
		if workflows := k.workflows(t); len(workflows) > 0 {
			t.Errorf("workflows are left: %+v", workflows)
		}
		if n := count(t, old, "select count(*) from _vt.vreplication"); n != 0 {
			t.Errorf("%d streams are left on the tablet of the shard that is gone: it would continue replicating", n)
		}
		k.vtctl(t, "RebuildKeyspaceGraph", k.name)
		k.compare(t, targets...)
		plan.noChanges(t)
	})
}

// reverseName is the name of the keyspace's one reverse workflow.
func (k *keyspace) reverseName(t *testing.T) string {
	t.Helper()
	for _, w := range k.workflows(t) {
		if strings.HasSuffix(w.Name, "_reverse") {
			return w.Name
		}
	}
	t.Fatal("there is no reverse workflow")
	return ""
}
