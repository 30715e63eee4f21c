package vitess

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vschemapb "vitess.io/vitess/go/vt/proto/vschema"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"

	"shardform/internal/keyrange"
)

func alias(uid uint32) *topodatapb.TabletAlias {
	return &topodatapb.TabletAlias{Cell: "zone1", Uid: uid}
}

// shardAnswer answers GetShard with a primary, nil for other methods.
func shardAnswer(method string) proto.Message {
	if method != "GetShard" {
		return nil
	}
	return &vtctldatapb.GetShardResponse{Shard: &vtctldatapb.Shard{Shard: &topodatapb.Shard{PrimaryAlias: alias(100)}}}
}

// clusterAnswer is a keyspace ks in the middle of a reshard from 0 to -80,80-.
func clusterAnswer(method string) proto.Message {
	shard := func(name string, serving bool, primary *topodatapb.TabletAlias) *vtctldatapb.Shard {
		return &vtctldatapb.Shard{Keyspace: "ks", Name: name, Shard: &topodatapb.Shard{IsPrimaryServing: serving, PrimaryAlias: primary}}
	}
	reference := func(names ...string) (refs []*topodatapb.ShardReference) {
		for _, n := range names {
			refs = append(refs, &topodatapb.ShardReference{Name: n})
		}
		return refs
	}
	switch method {
	case "GetKeyspaces":
		return &vtctldatapb.GetKeyspacesResponse{Keyspaces: []*vtctldatapb.Keyspace{{Name: "ks"}, {Name: "commerce"}}}
	case "FindAllShardsInKeyspace":
		return &vtctldatapb.FindAllShardsInKeyspaceResponse{Shards: map[string]*vtctldatapb.Shard{
			"80-": shard("80-", false, nil), "-80": shard("-80", false, alias(200)), "0": shard("0", true, alias(100)),
		}}
	case "GetSrvKeyspaces":
		return &vtctldatapb.GetSrvKeyspacesResponse{SrvKeyspaces: map[string]*topodatapb.SrvKeyspace{
			"zone2": {}, // a cell that does not serve the keyspace
			"zone1": {Partitions: []*topodatapb.SrvKeyspace_KeyspacePartition{
				{ServedType: topodatapb.TabletType_PRIMARY, ShardReferences: reference("0")},
				{ServedType: topodatapb.TabletType_REPLICA, ShardReferences: reference("80-", "-80"), ShardTabletControls: []*topodatapb.ShardTabletControl{
					{Name: "0", QueryServiceDisabled: true}, {Name: "-80"}, {Name: "80-"},
				}},
			}},
		}}
	case "GetVSchema":
		return &vtctldatapb.GetVSchemaResponse{VSchema: &vschemapb.Keyspace{Sharded: true}}
	case "GetTablets":
		return &vtctldatapb.GetTabletsResponse{Tablets: []*topodatapb.Tablet{
			{Alias: alias(200), Shard: "-80", Type: topodatapb.TabletType_PRIMARY, MysqlHostname: "::1", MysqlPort: 17200, PrimaryTermStartTime: &vttimepb.Time{Seconds: 1000}},
			{Alias: alias(101), Shard: "0", Type: topodatapb.TabletType_REPLICA, Hostname: "db", MysqlPort: 17101},
			{Alias: alias(100), Shard: "0", Type: topodatapb.TabletType_PRIMARY},
		}}
	case "GetWorkflows":
		return &vtctldatapb.GetWorkflowsResponse{Workflows: []*vtctldatapb.Workflow{{
			Name: "rs", WorkflowType: "Reshard", Source: &vtctldatapb.Workflow_ReplicationLocation{Keyspace: "ks", Shards: []string{"0"}},
			Target: &vtctldatapb.Workflow_ReplicationLocation{Keyspace: "ks"}, MaxVReplicationTransactionLag: math.MinInt64, DeferSecondaryKeys: true,
			ShardStreams: map[string]*vtctldatapb.Workflow_ShardStream{
				"-80/zone1-0000000200": {Streams: []*vtctldatapb.Workflow_Stream{{
					Id: 7, Shard: "-80", Tablet: alias(200), State: "Copying", Message: "m", Position: "p", RowsCopied: 12, Cells: []string{""}, DbName: "vt_ks",
					BinlogSource:         &binlogdatapb.BinlogSource{Keyspace: "ks", Shard: "0", OnDdl: binlogdatapb.OnDDLAction_STOP},
					CopyStates:           []*vtctldatapb.Workflow_Stream_CopyState{{Table: "t2"}, {Table: "t1"}},
					TransactionTimestamp: &vttimepb.Time{}, TimeUpdated: &vttimepb.Time{Seconds: 2000},
					TabletTypes:     []topodatapb.TabletType{topodatapb.TabletType_REPLICA, topodatapb.TabletType_PRIMARY},
					ThrottlerStatus: &vtctldatapb.Workflow_Stream_ThrottlerStatus{ComponentThrottled: "vcopier", TimeThrottled: &vttimepb.Time{Seconds: 1999}},
				}}},
			},
		}}}
	}
	return shardAnswer(method)
}

func TestSnapshotIsTheWholeKeyspace(t *testing.T) {
	f := &fakeVtctld{answer: func(_ context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		return clusterAnswer(method), nil
	}}
	got, err := dialFake(t, f).Snapshot(t.Context(), "ks")
	if err != nil {
		t.Fatal(err)
	}
	shard := func(name string) keyrange.Shard { return layout(t, name)[0] }
	want := &Snapshot{
		Keyspace: "ks", Exists: true, Cells: []string{"zone1", "zone2"}, VSchema: "{\n  \"sharded\": true\n}",
		Shards: []Shard{
			{Shard: shard("-80"), PrimaryAlias: "zone1-0000000200"}, {Shard: shard("0"), PrimaryServing: true, PrimaryAlias: "zone1-0000000100"}, {Shard: shard("80-")},
		},
		Serving: []CellServing{{Cell: "zone1", Partitions: map[TabletType]Partition{
			Primary: {Shards: layout(t, "0")}, Replica: {Shards: layout(t, "-80", "80-"), Disabled: []string{"0"}},
		}}},
		Tablets: []Tablet{
			{Alias: "zone1-0000000200", Shard: "-80", Type: "PRIMARY", Cell: "zone1", Addr: "[::1]:17200", StartTime: time.Unix(1000, 0).UTC()},
			{Alias: "zone1-0000000100", Shard: "0", Type: "PRIMARY", Cell: "zone1"},
			{Alias: "zone1-0000000101", Shard: "0", Type: "REPLICA", Cell: "zone1", Addr: "db:17101"},
		},
		Workflows: []Workflow{{
			Name: "rs", Type: "Reshard", SourceKeyspace: "ks", Sources: layout(t, "0"), Targets: layout(t, "-80"), MaxTransactionLag: -time.Second,
			Options: WorkflowOptions{TabletTypes: []string{"REPLICA", "PRIMARY"}, OnDDL: "STOP", DeferSecondaryKeys: true},
			Streams: []Stream{{
				ID: 7, Target: "-80", Tablet: "zone1-0000000200", Source: "0", State: "Copying", Message: "m", Position: "p", RowsCopied: 12,
				CopyTables: []string{"t1", "t2"}, Updated: time.Unix(2000, 0).UTC(), Throttled: "vcopier", ThrottledAt: time.Unix(1999, 0).UTC(),
			}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("snapshot (-want +got):\n%s", diff)
	}
	if n := len(f.calls); n != 10 { // connecting, six reads, the clock of a tablet with streams, and the serving state again
		t.Errorf("a snapshot took %d calls: %v", n, f.calls)
	}
}

func TestShardsWithoutPrimaryHideNoWorkflows(t *testing.T) {
	f := &fakeVtctld{answer: func(_ context.Context, method string, _ int, request proto.Message) (proto.Message, error) {
		if r, ok := request.(*vtctldatapb.GetWorkflowsRequest); ok && len(r.Shards) == 0 {
			return nil, status.Error(codes.Unknown, "no primary found for shard ks/80-")
		}
		return clusterAnswer(method), nil
	}}
	workflows, err := dialFake(t, f).Workflows(t.Context(), "ks")
	if err != nil || len(workflows) != 1 {
		t.Fatalf("workflows = %v, %v", workflows, err)
	}
	requests := f.requestsOf("GetWorkflows")
	if diff := cmp.Diff([]string{"-80", "0"}, requests[1].(*vtctldatapb.GetWorkflowsRequest).Shards); diff != "" {
		t.Errorf("shards asked (-want +got):\n%s", diff)
	}
}

func TestSnapshotIsReadAgainWhenASwitchGoesOn(t *testing.T) {
	f := &fakeVtctld{answer: func(_ context.Context, method string, nth int, _ proto.Message) (proto.Message, error) {
		answer := clusterAnswer(method)
		if shards, ok := answer.(*vtctldatapb.FindAllShardsInKeyspaceResponse); ok && nth > 1 {
			shards.Shards["0"].Shard.IsPrimaryServing = false
			shards.Shards["-80"].Shard.IsPrimaryServing = true
		}
		return answer, nil
	}}
	s, err := dialFake(t, f).Snapshot(t.Context(), "ks")
	if err != nil {
		t.Fatal(err)
	}
	if s.Shard(layout(t, "0")[0]).PrimaryServing || len(f.requestsOf("GetWorkflows")) != 2 {
		t.Errorf("shards = %v after %d reads of the workflows", s.Shards, len(f.requestsOf("GetWorkflows")))
	}
}

func TestAbsentKeyspaceIsNoError(t *testing.T) {
	f := &fakeVtctld{answer: func(_ context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		switch method {
		case "GetKeyspaces":
			return clusterAnswer(method), nil
		case "GetSrvKeyspaces":
			return &vtctldatapb.GetSrvKeyspacesResponse{SrvKeyspaces: map[string]*topodatapb.SrvKeyspace{"zone1": {}}}, nil
		}
		return nil, status.Error(codes.Unknown, "node doesn't exist: /vitess/global/keyspaces/nosuch")
	}}
	got, err := dialFake(t, f).Snapshot(t.Context(), "nosuch")
	if diff := cmp.Diff(&Snapshot{Keyspace: "nosuch", Cells: []string{"zone1"}}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestWorkflowsThatCannotBeReadAreNotNone(t *testing.T) {
	f := &fakeVtctld{answer: func(_ context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		if method == "GetWorkflows" {
			return nil, status.Error(codes.Unknown, "node doesn't exist: keyspaces/ks/shards/0/Shard")
		}
		return clusterAnswer(method), nil
	}}
	// Every shard with a primary is asked again; that fails as well.
	if s, err := dialFake(t, f).Snapshot(t.Context(), "ks"); err == nil {
		t.Errorf("snapshot %+v of a keyspace whose workflows cannot be read", s)
	}
}

func TestSchemaLeavesOutVitessTables(t *testing.T) {
	f := &fakeVtctld{answer: func(_ context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		if method == "GetSchema" {
			var tables []*tabletmanagerdatapb.TableDefinition
			for _, name := range []string{"t", "_vt_hld_6ace8bcef73211ea87e9f875a4d24e90_20200915120410_", "_vt_mine", "a",
				"_vt_HOLD_6ace8bcef73211ea87e9f875a4d24e90_20200915120410", "_4e5dcf80_354b_11eb_82cd_f875a4d24e90_20201203114014_vrepl"} {
				tables = append(tables, &tabletmanagerdatapb.TableDefinition{Name: name, Type: "BASE TABLE", RowCount: 5, DataLength: 7, PrimaryKeyColumns: []string{"id"}})
			}
			return &vtctldatapb.GetSchemaResponse{Schema: &tabletmanagerdatapb.SchemaDefinition{TableDefinitions: tables}}, nil
		}
		return shardAnswer(method), nil
	}}
	got, err := dialFake(t, f).TableSizes(t.Context(), "ks", "0")
	table := func(name string) TableSchema {
		return TableSchema{Name: name, Type: "BASE TABLE", Rows: 5, Bytes: 7, PrimaryKey: []string{"id"}}
	}
	if diff := cmp.Diff([]TableSchema{table("_vt_mine"), table("a"), table("t")}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestSchemaOfAShardWithoutPrimaryIsRefusedForNow(t *testing.T) {
	f := &fakeVtctld{answer: func(_ context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		if method == "GetShard" {
			return &vtctldatapb.GetShardResponse{Shard: &vtctldatapb.Shard{Shard: &topodatapb.Shard{}}}, nil
		}
		return nil, nil
	}}
	_, err := dialFake(t, f).Schema(t.Context(), "ks", "-80")
	if d := complaint(t, err); !d.Temporary || d.Detail != "shard ks/-80 has no primary tablet" {
		t.Errorf("complaint %#v", d)
	}
}

// A deletion of a shard that died half way leaves a record whose primary is gone.
func TestAPrimaryWithoutATabletRecordIsNone(t *testing.T) {
	f := &fakeVtctld{answer: func(_ context.Context, method string, _ int, request proto.Message) (proto.Message, error) {
		if r, ok := request.(*vtctldatapb.GetWorkflowsRequest); ok && len(r.Shards) == 0 {
			return nil, status.Error(codes.Unknown, "node doesn't exist: tablets/zone1-0000000200/Tablet")
		}
		answer := clusterAnswer(method)
		if tablets, ok := answer.(*vtctldatapb.GetTabletsResponse); ok {
			tablets.Tablets = slices.DeleteFunc(tablets.Tablets, func(t *topodatapb.Tablet) bool { return t.Shard == "-80" })
		}
		return answer, nil
	}}
	s, err := dialFake(t, f).Snapshot(t.Context(), "ks")
	if err != nil {
		t.Fatal(err)
	}
	if lost, kept := s.Shard(layout(t, "-80")[0]), s.Shard(layout(t, "0")[0]); lost.PrimaryAlias != "" || kept.PrimaryAlias == "" {
		t.Errorf("primaries %q and %q, want none and one", lost.PrimaryAlias, kept.PrimaryAlias)
	}
	requests := f.requestsOf("GetWorkflows")
	if diff := cmp.Diff([]string{"0"}, requests[1].(*vtctldatapb.GetWorkflowsRequest).Shards); diff != "" {
		t.Errorf("shards asked (-want +got):\n%s", diff)
	}
}
