//go:build e2e

package e2e

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"
)

// What Vitess v0.24 really does, shown on the cluster, and what the program makes of it. docs/contributing/e2e-findings.md tells which
// test shows what.

// api is vtctld's gRPC service, as a program sees it that believes what it is told.
func (c cluster) api(t *testing.T) vtctlservicepb.VtctldClient {
	t.Helper()
	connection, err := grpc.NewClient("passthrough:///"+c.vtctld, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return vtctlservicepb.NewVtctldClient(connection)
}

// refuses checks that a vtctldclient command fails and says something.
func (c cluster) refuses(t *testing.T, text string, args ...string) {
	t.Helper()
	if out, err := c.tryVtctl(t, args...); err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("vtctldclient %s: expected an error with %q, got %v\n%s", strings.Join(args, " "), text, err, out)
	}
}

// clean checks that the shards serve every type, with no control left, and that the serving graph can be rebuilt.
func (k *keyspace) clean(t *testing.T, shards ...string) {
	t.Helper()
	k.vtctl(t, "RebuildKeyspaceGraph", k.name)
	want := serving{Primary: shards, Replica: shards, Rdonly: shards}
	if diff := cmp.Diff(want, k.serving(t), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("what %s serves (-want +got):\n%s", k.name, diff)
	}
}

// disabled checks the controls that stop something.
func (k *keyspace) disabled(t *testing.T, when string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, k.serving(t).Disabled, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: disabled controls (-want +got):\n%s", when, diff)
	}
}

// requests are those of a name that the proxy took, in their order.
func (p *proxy) requests(name string) [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	var requests [][]byte
	for _, c := range p.calls {
		if c.name == name {
			requests = append(requests, c.request)
		}
	}
	return requests
}

const cannotRebuild = "can't rebuild serving keyspace while a migration is on going"

// What the API answers while a reshard goes on: findings 1, 2, 3, 4, 10, 11, 12 and 13.
func TestWhatTheAPIAnswersIsNotBelieved(t *testing.T) {
	t.Parallel()
	c := runningCluster(t)
	k := newKeyspace(t, c, fixture{name: "answers", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 2000, alone: true})
	load := k.load(t)
	targets := []string{"-80", "80-"}
	k.addShards(t, targets...)
	proxy := newProxy(t, c)
	wanted := k.to(targets...)
	plan := proxy.behind(c).plan(t, wanted)
	const segment = "keyspace.answers/0:-80,80-"
	api := c.api(t)

	// 1: an error has no usable code, and shardform says what is the matter all the same
	if _, err := api.GetKeyspace(t.Context(), &vtctldatapb.GetKeyspaceRequest{Keyspace: "no_such"}); status.Code(err) != codes.Unknown {
		t.Errorf("finding 1: the code of a keyspace that is not there is %s: %v", status.Code(err), err)
	}
	missing := c.plan(t, layout{keyspace: "no_such", shards: targets})
	if got := missing.run(t, "plan"); got.exit != 1 || !strings.Contains(got.stderr, `cluster main has no keyspace "no_such"`) || strings.Contains(got.stderr, "code = ") {
		t.Errorf("finding 1: a keyspace that is not there\n%s", got)
	}

	release := k.holdCopies(t, targets...)
	run := plan.start(t, nil, "apply", "--auto-approve", "--until", segment+"/switch_replica")
	k.waitForCopying(t, targets...)
	workflow := k.workflows(t)[0].Name

	// 2: WorkflowStatus knows no rows; shardform does
	answer, err := api.WorkflowStatus(t.Context(), &vtctldatapb.WorkflowStatusRequest{Keyspace: k.name, Workflow: workflow})
	if err != nil || len(answer.TableCopyState) != 0 {
		t.Errorf("finding 2: WorkflowStatus: %v (%v)", answer, err)
	}
	got := plan.run(t, "status")
	if !regexp.MustCompile(`0 / ~\d,\d{3} rows \(0%\)`).MatchString(got.stdout) {
		t.Errorf("finding 2: status does not tell the rows to copy\n%s", got)
	}
	// 4: the lag while copying is -2^63; that is not "no lag"
	if lag := k.copyStates(t)["-80"].Lag; lag != -1<<63 {
		t.Errorf("finding 4: the transaction lag while copying is %d", lag)
	}
	if strings.Contains(got.stdout, "-9223372036854775808") || strings.Contains(got.stdout, "lag") {
		t.Errorf("finding 4: status tells a lag while rows are copied\n%s", got)
	}
	if serving := k.serving(t); !slices.Equal(serving.Rdonly, []string{"0"}) {
		t.Errorf("finding 4: reads were switched in the middle of the copy: %+v", serving)
	}

	// 11: one shard without a primary, and the server lists no workflows at all
	k.vtctl(t, "CreateShard", "answers/40-c0")
	k.refuses(t, "no primary", "GetWorkflows", "--show-all", k.name)
	if got = plan.run(t, "plan"); got.exit != 0 || !strings.Contains(got.stdout, "workflow "+workflow+" is copying") || !strings.Contains(got.stderr, "answers/40-c0") {
		t.Errorf("finding 11: plan\n%s", got)
	}
	k.vtctl(t, "DeleteShards", "answers/40-c0")

	release()
	if got := run.wait(t); got.exit != 0 {
		t.Fatalf("apply: want exit code 0\n%s", got)
	}
	// 3: the lag of WorkflowStatus is made of a clock's nanoseconds: below zero, but for a part of each second
	waitFor(t, "finding 3: a lag below zero from WorkflowStatus", func(ctx context.Context) (bool, error) {
		answer, err := api.WorkflowStatus(ctx, &vtctldatapb.WorkflowStatusRequest{Keyspace: k.name, Workflow: workflow})
		return strings.Contains(answer.String(), "VStream Lag: -"), err
	})
	if got = plan.run(t, "status"); !regexp.MustCompile(`: Running, lag \d`).MatchString(got.stdout) {
		t.Errorf("finding 3: status\n%s", got)
	}

	// 12: --force of vtctldclient is not sent
	force := *proxy.behind(c)
	force.vtctl(t, "Reshard", "--workflow", workflow, "--target-keyspace", k.name, "switchtraffic", "--tablet-types", "primary", "--dry-run", "--force")
	requests := proxy.requests("WorkflowSwitchTraffic:PRIMARY:dry")
	var sent vtctldatapb.WorkflowSwitchTrafficRequest
	if len(requests) != 1 || proto.Unmarshal(requests[0], &sent) != nil || sent.Force {
		t.Errorf("finding 12: vtctldclient sent %v", &sent)
	}
	if got := plan.run(t, "plan", "--commands"); strings.Contains(got.stdout, "--force") || !strings.Contains(got.stdout, "switchtraffic") {
		t.Errorf("finding 12: plan --commands\n%s", got)
	}

	// 10: reads can be switched twice, but not switched back twice; shardform looks first
	reshard := func(args ...string) []string {
		return append([]string{"Reshard", "--workflow", workflow, "--target-keyspace", k.name}, args...)
	}
	k.vtctl(t, reshard("switchtraffic", "--tablet-types", "rdonly,replica")...)
	k.vtctl(t, reshard("reversetraffic", "--tablet-types", "rdonly,replica")...)
	k.refuses(t, "requesting reversal of read traffic", reshard("reversetraffic", "--tablet-types", "rdonly,replica")...)

	// 13: a change of the state alone wipes where the streams copy from, if it is sent as the API suggests
	before := k.streamSettings(t, targets)
	update := func(state binlogdatapb.VReplicationWorkflowState) {
		t.Helper()
		if _, err := api.WorkflowUpdate(t.Context(), &vtctldatapb.WorkflowUpdateRequest{Keyspace: k.name, TabletRequest: &tabletmanagerdatapb.UpdateVReplicationWorkflowRequest{
			Workflow: workflow, State: state.Enum(),
		}}); err != nil {
			t.Fatal(err)
		}
	}
	update(binlogdatapb.VReplicationWorkflowState_Stopped)
	if after := k.streamSettings(t, targets); !strings.Contains(before["-80"], "replica") || strings.Contains(after["-80"], "replica") {
		t.Errorf("finding 13: settings of the streams before %v and after %v", before, after)
	}
	if got := plan.run(t, "apply", "--auto-approve"); got.exit != 6 {
		t.Errorf("streams that somebody else has stopped: want exit code 6\n%s", got)
	}
	update(binlogdatapb.VReplicationWorkflowState_Running)

	plan.rollback(t, segment)
	for name, n := range proxy.reached() {
		if strings.HasSuffix(name, ":back") {
			t.Errorf("finding 10: vtctld was asked %d times for %s although reads were back already", n, name)
		}
	}
	k.isBack(t, load, []string{"0"}, targets)
}

// Deleting a workflow, and reversing it in the wrong order, leave controls behind, or worse: findings 5, 6 and 7, and "reversal
// and controls". Done by hand they are what shardform has to clean up; its own rollback never gets there.
func TestControlsThatManualStepsLeave(t *testing.T) {
	t.Parallel()
	c := clusterWithOwnVtctld(t)
	k := newKeyspace(t, c, fixture{name: "controls", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 2000, alone: true})
	load := k.load(t)
	load.mayFail = true
	sources, targets := []string{"0"}, []string{"-80", "80-"}
	k.addShards(t, targets...)
	plan := k.plan(t, k.to(sources...))
	onTargets := []string{"RDONLY -80", "RDONLY 80-", "REPLICA -80", "REPLICA 80-"}
	// cleared checks that shardform sees the controls and clears them
	cleared := func(t *testing.T) {
		t.Helper()
		k.refuses(t, cannotRebuild, "RebuildKeyspaceGraph", k.name)
		if got := plan.run(t, "plan", "--detailed-exitcode"); got.exit != 2 || !strings.Contains(got.stdout, "clear_controls") {
			t.Errorf("plan with controls that are left: want exit code 2 and clear_controls\n%s", got)
		}
		plan.apply(t)
		k.clean(t, sources...)
		plan.noChanges(t)
	}

	t.Run("reads reversed and the workflow deleted", func(t *testing.T) {
		createByHand(t, k)
		copyByHand(t, k)
		switchReadsByHand(t, k)
		byHand(t, k, "reversetraffic", "--tablet-types", "rdonly,replica")
		byHand(t, k, "cancel")
		k.disabled(t, "reads reversed and the workflow deleted", onTargets...)
		cleared(t)
	})
	t.Run("reads, then writes reversed; then the other way", func(t *testing.T) {
		createByHand(t, k)
		copyByHand(t, k)
		switchReadsByHand(t, k)
		switchWritesByHand(t, k)
		byHand(t, k, "reversetraffic", "--tablet-types", "rdonly,replica")
		byHand(t, k, "reversetraffic", "--tablet-types", "primary")
		k.disabled(t, "reads reversed, then writes")
		switchReadsByHand(t, k)
		switchWritesByHand(t, k)
		byHand(t, k, "reversetraffic", "--tablet-types", "primary")
		byHand(t, k, "reversetraffic", "--tablet-types", "rdonly,replica")
		k.disabled(t, "writes reversed, then reads", onTargets...)
		byHand(t, k, "cancel")
		cleared(t)
	})
	t.Run("finding 5: the workflow deleted while reads are switched", func(t *testing.T) {
		createByHand(t, k)
		copyByHand(t, k)
		switchReadsByHand(t, k)
		byHand(t, k, "cancel") // succeeds
		if serving := k.serving(t); !slices.Equal(serving.Replica, targets) {
			t.Errorf("finding 5: REPLICA is served by %v", serving.Replica)
		}
		k.disabled(t, "deleted while reads are switched", "RDONLY 0", "REPLICA 0")
		if n := count(t, k.mysql(t, "-80"), "select count(*) from information_schema.tables where table_schema = database()"); n != 0 {
			t.Errorf("finding 5: -80 serves reads and has %d tables", n)
		}
		cleared(t)
	})
	t.Run("a control on a shard that was deleted", func(t *testing.T) {
		createByHand(t, k)
		copyByHand(t, k)
		switchReadsByHand(t, k)
		byHand(t, k, "reversetraffic", "--tablet-types", "rdonly,replica")
		byHand(t, k, "cancel")
		k.retireTablets(t, targets...)
		k.vtctl(t, "DeleteShards", "--recursive", "--force", "controls/-80", "controls/80-")
		k.disabled(t, "the shards deleted", onTargets...)
		cleared(t)
		if got := k.shards(t); !slices.Equal(got, sources) {
			t.Errorf("shards: %v: those that were created for the moment are to be deleted again", got)
		}
	})
	t.Run("findings 6 and 7: a switch that died after its journal", func(t *testing.T) {
		k.addShards(t, targets...)
		proxy := newProxy(t, c)
		forward := proxy.behind(c).plan(t, k.to(targets...))
		arrived, proceed := proxy.hold("WorkflowSwitchTraffic:PRIMARY")
		run := forward.start(t, nil, "apply", "--auto-approve")
		k.killAfterJournal(t, run, switching{losing: sources, winning: targets}, arrived, proceed)
		run.kill(t)
		name := k.workflows(t)[0].Name
		resend := []string{"Reshard", "--workflow", name, "--target-keyspace", k.name, "switchtraffic", "--tablet-types", "primary", "--max-replication-lag-allowed", "1s"}
		waitFor(t, "the streams, which stand still, to lag", func(context.Context) (bool, error) {
			_, err := k.tryVtctl(t, append(resend, "--dry-run")...)
			if err == nil || !strings.Contains(err.Error(), "is higher than allowed lag") {
				return false, err
			}
			return true, nil
		})
		k.refuses(t, "is higher than allowed lag", resend...)
		forward.saysWritesAreStopped(t)
		if got := forward.run(t, "plan"); !strings.Contains(got.stdout, "finish") {
			t.Errorf("finding 7: plan does not finish the switch\n%s", got)
		}
		k.vtctl(t, "Reshard", "--workflow", name, "--target-keyspace", k.name, "cancel") // succeeds, and nothing takes writes any more
		k.disabled(t, "deleted after the journal", "PRIMARY 0", "RDONLY 0", "REPLICA 0")
		if n := count(t, k.mysql(t, "-80"), "select count(*) from information_schema.tables where table_schema = database()"); n != 0 {
			t.Errorf("finding 6: -80 was to take writes and has %d tables", n)
		}
		if _, err := k.gate.ExecContext(t.Context(), "update customer set name = name where customer_id = 1"); err == nil {
			t.Error("finding 6: a write was taken")
		}
		plan.says(t, "WRITES ARE STOPPED on controls/0", "PRIMARY on 0 is disabled", "clear_controls")
		plan.apply(t)
		k.clean(t, sources...)
		plan.noChanges(t)
	})
	load.waitForCommits(t, 20)
	load.finish(t)
	k.compare(t, sources...)
}

// Steps by hand in an order that Vitess takes and should not: findings 8 and 9.
func TestOrdersThatLeaveAReshardStuck(t *testing.T) {
	t.Parallel()
	c := runningCluster(t)
	k := newKeyspace(t, c, fixture{name: "orders", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 2000, alone: true})
	load := k.load(t)
	load.mayFail = true
	k.addShards(t, "-80", "80-")

	// 8: writes before reads
	createByHand(t, k)
	copyByHand(t, k)
	switchWritesByHand(t, k)
	switchReadsByHand(t, k)
	completeByHand(t, k)
	k.disabled(t, "finding 8: writes switched before reads", "RDONLY 0", "REPLICA 0")
	k.refuses(t, cannotRebuild, "RebuildKeyspaceGraph", k.name)
	plan := k.plan(t, k.to("-80", "80-"))
	if got := plan.run(t, "plan", "--detailed-exitcode"); got.exit != 2 || !strings.Contains(got.stdout, "clear_controls") {
		t.Errorf("finding 8: plan: want exit code 2 and clear_controls\n%s", got)
	}
	plan.apply(t)
	k.clean(t, "-80", "80-")
	plan.noChanges(t)
	k.retireTablets(t, "0")

	// 9: the source shards deleted before the workflow is completed
	k.addShards(t, "-")
	merge := func(args ...string) []string {
		return append([]string{"Reshard", "--workflow", "merge", "--target-keyspace", k.name}, args...)
	}
	k.vtctl(t, merge("create", "--source-shards", "-80,80-", "--target-shards", "-")...)
	copyByHand(t, k)
	k.vtctl(t, merge("switchtraffic")...)
	k.vtctl(t, "DeleteShards", "--recursive", "orders/-80", "orders/80-")
	k.refuses(t, "node doesn't exist", merge("complete")...)
	k.refuses(t, "node doesn't exist", merge("cancel")...)
	k.refuses(t, "index out of range", "MoveTables", "--workflow", "merge", "--target-keyspace", k.name, "complete", "--ignore-source-keyspace")
	if workflows := k.workflows(t); len(workflows) != 1 || slices.ContainsFunc(workflows[0].Streams, func(s stream) bool { return s.Message != "FROZEN" }) {
		t.Errorf("finding 9: workflows: %+v", workflows)
	}
	plan.write(t, k.to("-"))
	if got := plan.run(t, "plan", "--detailed-exitcode"); got.exit != 2 {
		t.Errorf("finding 9: plan: want exit code 2\n%s", got)
	}
	plan.apply(t)
	if workflows := k.workflows(t); len(workflows) > 0 {
		t.Errorf("finding 9: workflows are left: %+v", workflows)
	}
	plan.noChanges(t)
	load.waitForCommits(t, 20)
	load.finish(t)
	k.compare(t, "-")
	k.clean(t, "-")
}
