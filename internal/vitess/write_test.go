package vitess

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	querypb "vitess.io/vitess/go/vt/proto/query"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vschemapb "vitess.io/vitess/go/vt/proto/vschema"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"
)

// accepting answers every change with success, and reads as a keyspace in the middle of a reshard.
func accepting(_ context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
	switch method {
	case "ReshardCreate":
		return &vtctldatapb.WorkflowStatusResponse{}, nil
	case "CopySchemaShard":
		return &vtctldatapb.CopySchemaShardResponse{}, nil
	case "WorkflowUpdate":
		return &vtctldatapb.WorkflowUpdateResponse{}, nil
	case "WorkflowDelete":
		return &vtctldatapb.WorkflowDeleteResponse{}, nil
	case "MoveTablesComplete":
		return &vtctldatapb.MoveTablesCompleteResponse{}, nil
	case "WorkflowSwitchTraffic":
		return &vtctldatapb.WorkflowSwitchTrafficResponse{DryRunResults: []string{"Lock keyspace ks"}}, nil
	case "VDiffCreate":
		return &vtctldatapb.VDiffCreateResponse{}, nil
	case "VDiffResume":
		return &vtctldatapb.VDiffResumeResponse{}, nil
	case "VDiffStop":
		return &vtctldatapb.VDiffStopResponse{}, nil
	case "VDiffDelete":
		return &vtctldatapb.VDiffDeleteResponse{}, nil
	case "ApplyVSchema":
		return &vtctldatapb.ApplyVSchemaResponse{}, nil
	case "DeleteShards":
		return &vtctldatapb.DeleteShardsResponse{}, nil
	case "CreateShard":
		return &vtctldatapb.CreateShardResponse{}, nil
	case "SetShardTabletControl":
		return &vtctldatapb.SetShardTabletControlResponse{}, nil
	case "RebuildKeyspaceGraph":
		return &vtctldatapb.RebuildKeyspaceGraphResponse{}, nil
	case "ExecuteFetchAsDBA":
		return &vtctldatapb.ExecuteFetchAsDBAResponse{Result: &querypb.QueryResult{}}, nil
	case "VDiffShow":
		stopped := &tabletmanagerdatapb.VDiffResponse{Output: result(listColumns, []string{"1", "u", "stopped", allRows, ""})}
		return &vtctldatapb.VDiffShowResponse{TabletResponses: map[string]*tabletmanagerdatapb.VDiffResponse{"-80": stopped, "80-": stopped}}, nil
	}
	return clusterAnswer(method), nil
}

func TestRequestsSpellEverythingOut(t *testing.T) {
	inOrder := tabletmanagerdatapb.TabletSelectionPreference_INORDER
	update := func(state binlogdatapb.VReplicationWorkflowState, message string) *vtctldatapb.WorkflowUpdateRequest {
		return &vtctldatapb.WorkflowUpdateRequest{Keyspace: "ks", TabletRequest: &tabletmanagerdatapb.UpdateVReplicationWorkflowRequest{
			Workflow: "rs", Cells: []string{"NULL"}, TabletTypes: []topodatapb.TabletType{-1},
			TabletSelectionPreference: tabletmanagerdatapb.TabletSelectionPreference_UNKNOWN.Enum(), State: &state, Message: &message,
		}}
	}
	for _, c := range []struct {
		rpc  string
		do   func(context.Context, *Client) error
		want proto.Message
	}{
		{"ReshardCreate", func(ctx context.Context, c *Client) error {
			return c.ReshardCreate(ctx, ReshardCreate{Workflow: "rs", Keyspace: "ks", Sources: []string{"0"}, Targets: []string{"-80", "80-"}, Cells: []string{"zone1"},
				TabletTypes: []string{"REPLICA", "PRIMARY"}, OnDDL: "STOP", DeferSecondaryKeys: true, AutoStart: true, Config: map[string]string{"a": "1"}})
		}, &vtctldatapb.ReshardCreateRequest{Workflow: "rs", Keyspace: "ks", SourceShards: []string{"0"}, TargetShards: []string{"-80", "80-"}, Cells: []string{"zone1"},
			TabletTypes:               []topodatapb.TabletType{topodatapb.TabletType_REPLICA, topodatapb.TabletType_PRIMARY},
			TabletSelectionPreference: inOrder, OnDdl: "STOP", DeferSecondaryKeys: true, AutoStart: true, WorkflowOptions: &vtctldatapb.WorkflowOptions{Config: map[string]string{"a": "1"}}}},
		{"CopySchemaShard", func(ctx context.Context, c *Client) error {
			return c.CopySchema(ctx, CopySchema{Keyspace: "ks", Source: "0", Target: "-80", Tables: []string{"customer"}})
		}, &vtctldatapb.CopySchemaShardRequest{SourceTabletAlias: alias(100), Tables: []string{"customer"}, DestinationKeyspace: "ks", DestinationShard: "-80",
			WaitReplicasTimeout: &vttimepb.Duration{Seconds: 1}}},
		{"WorkflowUpdate", func(ctx context.Context, c *Client) error { return c.StartWorkflow(ctx, "ks", "rs") }, update(binlogdatapb.VReplicationWorkflowState_Running, "")},
		{"WorkflowUpdate", func(ctx context.Context, c *Client) error { return c.StopWorkflow(ctx, "ks", "rs", PausedMessage) },
			update(binlogdatapb.VReplicationWorkflowState_Stopped, "paused by shardform")},
		{"WorkflowDelete", func(ctx context.Context, c *Client) error { return c.DeleteWorkflow(ctx, "ks", "rs", true) },
			&vtctldatapb.WorkflowDeleteRequest{Keyspace: "ks", Workflow: "rs", KeepData: true}},
		{"MoveTablesComplete", func(ctx context.Context, c *Client) error { return c.CompleteWorkflow(ctx, "ks", "rs") },
			&vtctldatapb.MoveTablesCompleteRequest{Workflow: "rs", TargetKeyspace: "ks", KeepData: true}},
		{"WorkflowSwitchTraffic", func(ctx context.Context, c *Client) error {
			_, err := c.SwitchTraffic(ctx, SwitchTraffic{Keyspace: "ks", Workflow: "rs", Types: []TabletType{Rdonly, Replica}, Backward: true, MaxLag: time.Minute, Timeout: 1500 * time.Millisecond, ReverseReplication: true})
			return err
		}, &vtctldatapb.WorkflowSwitchTrafficRequest{Keyspace: "ks", Workflow: "rs", TabletTypes: []topodatapb.TabletType{topodatapb.TabletType_RDONLY, topodatapb.TabletType_REPLICA},
			MaxReplicationLagAllowed: &vttimepb.Duration{Seconds: 60}, EnableReverseReplication: true, Direction: 1, Timeout: &vttimepb.Duration{Seconds: 1, Nanos: 500_000_000}}},
		{"VDiffCreate", func(ctx context.Context, c *Client) error {
			return c.VDiffCreate(ctx, VDiffCreate{Keyspace: "ks", Workflow: "rs", UUID: "u", MaxExtraRows: 1000, Samples: 10})
		}, &vtctldatapb.VDiffCreateRequest{Workflow: "rs", TargetKeyspace: "ks", Uuid: "u",
			TabletTypes:               []topodatapb.TabletType{topodatapb.TabletType_RDONLY, topodatapb.TabletType_REPLICA, topodatapb.TabletType_PRIMARY},
			TabletSelectionPreference: inOrder, FilteredReplicationWaitTime: &vttimepb.Duration{Seconds: 30}, WaitUpdateInterval: &vttimepb.Duration{Seconds: 60},
			MaxExtraRowsToCompare: 1000, MaxReportSampleRows: 10, MaxDiffDuration: &vttimepb.Duration{}, AutoRetry: true, RowDiffColumnTruncateAt: 128, AutoStart: proto.Bool(true)}},
		{"VDiffStop", func(ctx context.Context, c *Client) error { return c.VDiffStop(ctx, "ks", "rs", "u") },
			&vtctldatapb.VDiffStopRequest{Workflow: "rs", TargetKeyspace: "ks", Uuid: "u"}},
		{"VDiffResume", func(ctx context.Context, c *Client) error { return c.VDiffResume(ctx, "ks", "rs", "u") },
			&vtctldatapb.VDiffResumeRequest{Workflow: "rs", TargetKeyspace: "ks", Uuid: "u", TargetShards: []string{"-80", "80-"}}},
		{"VDiffDelete", func(ctx context.Context, c *Client) error { return c.VDiffDelete(ctx, "ks", "rs", "u") },
			&vtctldatapb.VDiffDeleteRequest{Workflow: "rs", TargetKeyspace: "ks", Arg: "u"}},
		{"ApplyVSchema", func(ctx context.Context, c *Client) error { return c.ApplyVSchema(ctx, "ks", `{"sharded": true}`) },
			&vtctldatapb.ApplyVSchemaRequest{Keyspace: "ks", VSchema: &vschemapb.Keyspace{Sharded: true}}},
		{"DeleteShards", func(ctx context.Context, c *Client) error { return c.DeleteShard(ctx, "ks", "0") },
			&vtctldatapb.DeleteShardsRequest{Shards: []*vtctldatapb.Shard{{Keyspace: "ks", Name: "0"}}, Recursive: true}},
		{"CreateShard", func(ctx context.Context, c *Client) error { return c.CreateShard(ctx, "ks", "0") },
			&vtctldatapb.CreateShardRequest{Keyspace: "ks", ShardName: "0"}},
		{"SetShardTabletControl", func(ctx context.Context, c *Client) error { return c.ClearTabletControl(ctx, "ks", "0", Rdonly) },
			&vtctldatapb.SetShardTabletControlRequest{Keyspace: "ks", Shard: "0", TabletType: topodatapb.TabletType_RDONLY}},
		{"RebuildKeyspaceGraph", func(ctx context.Context, c *Client) error { return c.RebuildKeyspaceGraph(ctx, "ks") },
			&vtctldatapb.RebuildKeyspaceGraphRequest{Keyspace: "ks"}},
		{"ExecuteFetchAsDBA", func(ctx context.Context, c *Client) error { return c.RemoveStreams(ctx, "ks", "rs") },
			&vtctldatapb.ExecuteFetchAsDBARequest{TabletAlias: alias(200), MaxRows: 1, Query: "delete from _vt.vreplication where workflow = 'rs' and db_name = database()"}},
	} {
		t.Run(c.rpc, func(t *testing.T) {
			f := &fakeVtctld{answer: accepting}
			var hooks []string
			client := dialFake(t, f, func(config *Config) {
				config.Before = func(rpc string) { hooks = append(hooks, "before "+rpc) }
				config.After = func(rpc string) { hooks = append(hooks, "after "+rpc) }
			})
			if err := c.do(t.Context(), client); err != nil {
				t.Fatal(err)
			}
			sent := f.requestsOf(c.rpc)
			if len(sent) != 1 {
				t.Fatalf("%d calls of %s", len(sent), c.rpc)
			}
			if diff := cmp.Diff(c.want, sent[0], protocmp.Transform()); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if !slices.Contains(hooks, "before "+c.rpc) || !slices.Contains(hooks, "after "+c.rpc) {
				t.Errorf("hooks called: %v", hooks)
			}
		})
	}
}

func TestRequestsThatVtctldWouldMisreadAreRefused(t *testing.T) {
	f := &fakeVtctld{answer: accepting}
	c := dialFake(t, f)
	_, noTypes := c.SwitchTraffic(t.Context(), SwitchTraffic{Keyspace: "ks", Workflow: "rs", Timeout: time.Minute})
	_, short := c.SwitchTraffic(t.Context(), SwitchTraffic{Keyspace: "ks", Workflow: "rs", Types: []TabletType{Primary}, Timeout: time.Millisecond})
	_, unknown := c.SwitchTraffic(t.Context(), SwitchTraffic{Keyspace: "ks", Workflow: "rs", Types: []TabletType{"replica"}, Timeout: time.Minute})
	_, resumed := c.SwitchTraffic(t.Context(), SwitchTraffic{Keyspace: "ks", Workflow: "rs", Types: []TabletType{Replica, Primary}, Timeout: time.Minute, Resume: true})
	for name, err := range map[string]error{
		"no types": noTypes, "timeout below a second": short, "unknown type": unknown, "resuming more than PRIMARY": resumed,
		"unknown on_ddl": c.ReshardCreate(t.Context(), ReshardCreate{Workflow: "rs", Keyspace: "ks", OnDDL: "stop"}),
		"bad vschema":    c.ApplyVSchema(t.Context(), "ks", `{"tabels": {}}`),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if len(f.calls) != 0 {
		t.Errorf("calls were sent: %v", f.calls)
	}
}

func TestLimitsExceedWhatTheServerMayNeed(t *testing.T) {
	for _, timeout := range []time.Duration{time.Second, 30 * time.Second, 10 * time.Minute} {
		server := serverLock + serverLock + serverRefresh + 3*timeout + max(timeout, 30*time.Second) + serverCancel
		if limit := limitSwitch(timeout); limit <= server {
			t.Errorf("a switch of %v may take the server %v, and is cut off after %v", timeout, server, limit)
		}
	}
}

func TestQuestionsThatASandboxDoesNotKnowHaveNoAnswer(t *testing.T) {
	c := dialFake(t, &fakeVtctld{answer: func(_ context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		if method == "FindAllShardsInKeyspace" {
			return &vtctldatapb.FindAllShardsInKeyspaceResponse{}, nil
		}
		return nil, nil
	}})
	if n, err := c.UnresolvedTransactions(t.Context(), "ks"); n != 0 || err != nil {
		t.Errorf("transactions: %d, %v", n, err)
	}
	if ddls, err := c.OnlineDDLs(t.Context(), "ks"); len(ddls) != 0 || err != nil {
		t.Errorf("migrations: %v, %v", ddls, err)
	}
}

func TestVtctldIsNotAskedWhatWouldKillIt(t *testing.T) {
	f := &fakeVtctld{answer: func(_ context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		if method == "ExecuteFetchAsDBA" {
			return &vtctldatapb.ExecuteFetchAsDBAResponse{Result: result("n", []string{"2"})}, nil
		}
		return clusterAnswer(method), nil // where 80- has no primary
	}}
	n, err := dialFake(t, f).UnresolvedTransactions(t.Context(), "ks")
	if n != 4 || err != nil || len(f.requestsOf("GetUnresolvedTransactions")) != 0 {
		t.Errorf("transactions: %d, %v after %v", n, err, f.calls)
	}
}

func TestTransactionsAreCountedBesidePrimariesThatAreNotServing(t *testing.T) {
	f := &fakeVtctld{answer: func(_ context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		switch method {
		case "FindAllShardsInKeyspace":
			return &vtctldatapb.FindAllShardsInKeyspaceResponse{Shards: map[string]*vtctldatapb.Shard{
				"0":   {Keyspace: "ks", Name: "0", Shard: &topodatapb.Shard{PrimaryAlias: &topodatapb.TabletAlias{Cell: "zone1", Uid: 100}}},
				"-80": {Keyspace: "ks", Name: "-80", Shard: &topodatapb.Shard{PrimaryAlias: &topodatapb.TabletAlias{Cell: "zone1", Uid: 200}}},
			}}, nil
		case "GetUnresolvedTransactions":
			return nil, status.Error(codes.Unknown, "TabletManager.GetUnresolvedTransactions on zone1-0000000200: rpc error: code = Code(17) desc = operation not allowed in state NOT_SERVING")
		case "ExecuteFetchAsDBA":
			return &vtctldatapb.ExecuteFetchAsDBAResponse{Result: result("n", []string{"1"})}, nil
		}
		return nil, nil
	}}
	n, err := dialFake(t, f).UnresolvedTransactions(t.Context(), "ks")
	if n != 2 || err != nil {
		t.Errorf("transactions: %d, %v after %v; want those of both primaries", n, err, f.calls)
	}
}

func TestOpenMigrationsAreListedOnce(t *testing.T) {
	f := &fakeVtctld{answer: func(_ context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		if method != "GetSchemaMigrations" {
			return nil, nil
		}
		migration := func(uuid string, s vtctldatapb.SchemaMigration_Status) *vtctldatapb.SchemaMigration {
			return &vtctldatapb.SchemaMigration{Uuid: uuid, Status: s}
		}
		return &vtctldatapb.GetSchemaMigrationsResponse{Migrations: []*vtctldatapb.SchemaMigration{
			migration("b", vtctldatapb.SchemaMigration_RUNNING), migration("b", vtctldatapb.SchemaMigration_RUNNING),
			migration("a", vtctldatapb.SchemaMigration_QUEUED), migration("c", vtctldatapb.SchemaMigration_COMPLETE), migration("d", vtctldatapb.SchemaMigration_FAILED),
		}}, nil
	}}
	got, err := dialFake(t, f).OnlineDDLs(t.Context(), "ks")
	if diff := cmp.Diff([]string{"a (queued)", "b (running)"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// The journal's number was read from a real source's _vt.resharding_journal.
func TestJournalIDIsTheServers(t *testing.T) {
	w := workflow(t, "sf_94bc502c", "-80<-0 Stopped", "80-<-0 Stopped")
	w.Streams[0].ID, w.Streams[1].ID = 4, 4
	if got := journalID("customer", &w); got != 7955136660067789287 {
		t.Errorf("id = %d", got)
	}
	w.Streams[0].ID, w.Streams[1].ID = 1, 1
	if got := journalID("customer", &w); got != 8200191490597391617 {
		t.Errorf("id = %d", got)
	}
}

func TestASwitchThatDiedIsFinishedByWhatItsJournalSays(t *testing.T) {
	written := &vtctldatapb.ExecuteFetchAsDBAResponse{Result: result("id", []string{"1"})}
	for _, c := range []struct {
		name    string
		journal proto.Message
		failing error
		want    []string // what was changed
	}{
		{"not written: the control is cleared and the switch starts over", &vtctldatapb.ExecuteFetchAsDBAResponse{Result: result("id")}, nil,
			[]string{"SetShardTabletControl 0", "RefreshStateByShard", "WorkflowSwitchTraffic"}},
		{"written: the flags are flipped, the losing side first", written, nil,
			[]string{"SetShardIsPrimaryServing 0 false", "SetShardIsPrimaryServing -80 true", "WorkflowSwitchTraffic"}},
		{"no such thing: sent again", nil, nil, []string{"WorkflowSwitchTraffic"}},
		{"unreadable: nothing is done", nil, status.Error(codes.Unavailable, "tablet is down"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var changed []string
			f := &fakeVtctld{}
			f.answer = func(ctx context.Context, method string, nth int, request proto.Message) (proto.Message, error) {
				switch r := request.(type) {
				case *vtctldatapb.ExecuteFetchAsDBARequest:
					return c.journal, c.failing
				case *vtctldatapb.SetShardIsPrimaryServingRequest:
					changed = append(changed, fmt.Sprintf("%s %s %v", method, r.Shard, r.IsServing))
					return &vtctldatapb.SetShardIsPrimaryServingResponse{}, nil
				case *vtctldatapb.SetShardTabletControlRequest:
					changed = append(changed, method+" "+r.Shard)
				case *vtctldatapb.RefreshStateByShardRequest, *vtctldatapb.WorkflowSwitchTrafficRequest:
					changed = append(changed, method)
				}
				return accepting(ctx, method, nth, request)
			}
			_, err := dialFake(t, f).SwitchTraffic(t.Context(), SwitchTraffic{Keyspace: "ks", Workflow: "rs", Types: []TabletType{Primary}, MaxLag: time.Hour, Timeout: time.Minute, Resume: true})
			if (err != nil) != (c.failing != nil) {
				t.Errorf("error %v", err)
			}
			if diff := cmp.Diff(c.want, changed); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestALiteralEndsWhereItIsMeantToInEveryModeOfMySQL(t *testing.T) {
	for text, want := range map[string]string{
		"plain": "'plain'", "it's": "'it''s'", `back\slash`: `'back\\slash'`, `\'; drop table t; -- `: `'\\''; drop table t; -- '`, "line\nend\x00": `'line\nend\0'`,
	} {
		if got := literal(text); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}
