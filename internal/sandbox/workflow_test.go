package sandbox

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/keyrange"
)

func (u *user) applyVSchema(text string) {
	u.t.Helper()
	v, err := parseVSchema(text)
	u.must(err)
	_, err = u.ApplyVSchema(u.t.Context(), &vtctldatapb.ApplyVSchemaRequest{Keyspace: u.ks, VSchema: v})
	u.must(err)
}

func TestAStreamWhoseTableTheVSchemaLacksFailsUntilItIsThere(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 100, []string{"0"}, "-80", "80-")
	spec.Keyspaces[0].VSchema = strings.Replace(testVSchema, `"corder"`, `"other"`, 1)
	u := newUser(t, open(t, spec, Options{}))
	u.must(u.create("0", "-80,80-"))
	w := u.waitFor("Error")
	for _, on := range w.ShardStreams {
		if got := on.Streams[0].Message; got != "table corder not found" {
			t.Errorf("message = %q", got)
		}
	}
	_, err := u.traffic(0, readTypes)
	wantError(t, err, "workflow has errors")
	u.applyVSchema(testVSchema)
	u.waitFor("Running")
}

func TestPausedStreamsKeepTheirMessageAndGoOn(t *testing.T) {
	t.Parallel()
	c := open(t, testSpec(t, 3000, []string{"0"}, "-80", "80-"), Options{})
	u := newUser(t, c)
	u.must(u.create("0", "-80,80-"))
	u.waitFor("Running")
	message := "paused by shardform"
	u.setWorkflow(binlogdatapb.VReplicationWorkflowState_Stopped, &message)
	writeOutside(t, c, "0", "INSERT INTO customer (id, name) VALUES (90001, 'while paused')")
	w := u.waitFor("Stopped")
	for _, on := range w.ShardStreams {
		if s := on.Streams[0]; s.Message != message || !slices.Equal(s.TabletTypes, []topodatapb.TabletType{topodatapb.TabletType_REPLICA, topodatapb.TabletType_PRIMARY}) {
			t.Errorf("a paused stream is %q %v", s.Message, s.TabletTypes)
		}
	}
	if got := rowsByShard(t, c, "customer"); got["-80"]+got["80-"] != 3000 {
		t.Errorf("a paused stream went on: %v", got)
	}
	_, err := u.traffic(0, allTypes)
	wantError(t, err, "replication has stopped at")
	message = ""
	u.setWorkflow(binlogdatapb.VReplicationWorkflowState_Running, &message)
	u.waitFor("Running")
	u.forward(allTypes)
	checkPlaced(t, c, map[string]int64{"customer": 3001, "corder": 3000})
}

func TestStopAfterCopy(t *testing.T) {
	t.Parallel()
	u := newUser(t, open(t, testSpec(t, 100, []string{"0"}, "-80", "80-"), Options{}))
	_, err := u.ReshardCreate(t.Context(), &vtctldatapb.ReshardCreateRequest{Keyspace: "ks", Workflow: "rs", SourceShards: []string{"0"}, TargetShards: []string{"-80", "80-"}, StopAfterCopy: true, AutoStart: true})
	u.must(err)
	w := u.waitFor("Stopped")
	for _, on := range w.ShardStreams {
		if s := on.Streams[0]; s.Message != "Stopped after copy." || s.RowsCopied == 0 {
			t.Errorf("stream = %q, %d rows", s.Message, s.RowsCopied)
		}
	}
}

func TestDataThatWasKeptMeetsTheNextCopy(t *testing.T) {
	t.Parallel()
	u := newUser(t, open(t, testSpec(t, 100, []string{"0"}, "-80", "80-"), Options{}))
	u.must(u.create("0", "-80,80-"))
	u.waitFor("Running")
	_, err := u.WorkflowDelete(t.Context(), &vtctldatapb.WorkflowDeleteRequest{Keyspace: "ks", Workflow: "rs", KeepData: true})
	u.must(err)
	u.must(u.create("0", "-80,80-"))
	w := u.waitFor("Error")
	for _, on := range w.ShardStreams {
		if !strings.HasPrefix(on.Streams[0].Message, "Duplicate entry '") {
			t.Errorf("message = %q", on.Streams[0].Message)
		}
	}
}

func TestDuplicateNamesItsKey(t *testing.T) {
	t.Parallel()
	c := open(t, testSpec(t, 0, []string{"-80", "80-"}, "-"), Options{})
	for shard, customer := range map[string]int{"-80": onShard(t, "-80"), "80-": onShard(t, "80-")} {
		db, err := sql.Open("sqlite", fileURI(shardPath(c.root, "ks", shard))+"?mode=rw")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), "INSERT INTO customer (id, name, email) VALUES (?, 'one of two', 'both@example.com')", customer); err != nil {
			t.Fatal(err)
		}
	}
	u := newUser(t, c)
	u.must(u.create("-80,80-", "-"))
	for message := ""; message == ""; again(t, "waiting for a stream that fails") {
		resp, err := u.GetWorkflows(t.Context(), &vtctldatapb.GetWorkflowsRequest{Keyspace: "ks"})
		u.must(err)
		for _, on := range resp.Workflows[0].ShardStreams {
			for _, s := range on.Streams {
				if s.State == "Error" {
					message = s.Message
				}
			}
		}
		if want := "Duplicate entry 'both@example.com' for key 'customer.email_idx' (errno 1062)"; message != "" && !strings.HasPrefix(message, want) {
			t.Errorf("message = %q, want %q", message, want)
		}
	}
}

// onShard is a number whose row belongs on the shard.
func onShard(t *testing.T, name string) int {
	t.Helper()
	vindex, err := keyrange.NewVindex("xxhash")
	if err != nil {
		t.Fatal(err)
	}
	shard, err := keyrange.ParseShard(name)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; ; n++ {
		if id, err := vindex.Map(int64(n)); err != nil || shard.Range.Contains(id) {
			return n
		}
	}
}

func TestKeepingDataLeavesTheShards(t *testing.T) {
	t.Parallel()
	c := open(t, testSpec(t, 100, []string{"0"}, "-80", "80-"), Options{})
	u := newUser(t, c)
	u.must(u.create("0", "-80,80-"))
	u.waitFor("Running")
	u.forward(allTypes)
	u.must(u.complete(true))
	resp, err := u.GetWorkflows(t.Context(), &vtctldatapb.GetWorkflowsRequest{Keyspace: "ks"})
	u.must(err)
	if len(resp.Workflows) != 0 {
		t.Errorf("workflows are left: %v", resp.Workflows)
	}
	if got := shardNames(t, u); len(got) != 3 {
		t.Errorf("shards = %v", got)
	}
	remove := func(shard string) error {
		_, err := u.DeleteShards(t.Context(), &vtctldatapb.DeleteShardsRequest{Shards: []*vtctldatapb.Shard{{Keyspace: "ks", Name: shard}}, Recursive: true})
		return err
	}
	wantError(t, remove("-80"), "shard ks/-80 is still serving; cannot delete it; use EvenIfServing = true")
	u.must(remove("0"))
	checkPlaced(t, c, map[string]int64{"customer": 100, "corder": 100})
}

func TestLeftoverControlsAreCleared(t *testing.T) {
	t.Parallel()
	u := newUser(t, open(t, testSpec(t, 20, []string{"0"}, "-80", "80-"), Options{}))
	u.must(u.create("0", "-80,80-"))
	u.waitFor("Running")
	u.forward(readTypes)
	u.back(readTypes)
	_, err := u.WorkflowDelete(t.Context(), &vtctldatapb.WorkflowDeleteRequest{Keyspace: "ks", Workflow: "rs"})
	u.must(err)
	rebuild := func() error {
		_, err := u.RebuildKeyspaceGraph(t.Context(), &vtctldatapb.RebuildKeyspaceGraphRequest{Keyspace: "ks"})
		return err
	}
	wantError(t, rebuild(), "can't rebuild serving keyspace while a migration is on going")
	for _, shard := range []string{"-80", "80-"} {
		for _, kind := range readTypes {
			_, err := u.SetShardTabletControl(t.Context(), &vtctldatapb.SetShardTabletControlRequest{Keyspace: "ks", Shard: shard, TabletType: kind})
			u.must(err)
		}
	}
	u.must(rebuild())
	resp, err := u.GetSrvKeyspaces(t.Context(), &vtctldatapb.GetSrvKeyspacesRequest{Keyspace: "ks"})
	u.must(err)
	for _, p := range resp.SrvKeyspaces[cell].Partitions {
		if len(p.ShardTabletControls) > 0 || len(p.ShardReferences) != 1 {
			t.Errorf("partition = %v", p)
		}
	}
}

func TestAStoppedStreamOnTheSourceKeepsWritesFromMoving(t *testing.T) {
	t.Parallel()
	c := open(t, testSpec(t, 20, []string{"0"}, "-80", "80-"), Options{})
	u := newUser(t, c)
	u.must(u.create("0", "-80,80-"))
	u.waitFor("Running")
	err := c.serving().topo.update(t.Context(), func(tx topoTx) error {
		all, err := tx.streams(`shard = '-80'`)
		if err != nil {
			return err
		}
		other := *all[0]
		other.shard, other.workflow, other.state = "0", "other", stateStopped
		return tx.addStream(&other, time.Now())
	})
	u.must(err)
	_, err = u.traffic(0, writeType)
	wantError(t, err, "failed to migrate the workflow streams: cannot migrate until all streams are running: 0: 100")
}

func TestQueriesOnTheSidecarDatabase(t *testing.T) {
	t.Parallel()
	u := newUser(t, open(t, testSpec(t, 20, []string{"0"}, "-80", "80-"), Options{}))
	u.must(u.create("0", "-80,80-"))
	u.waitFor("Running")
	shard, err := u.GetShard(t.Context(), &vtctldatapb.GetShardRequest{Keyspace: "ks", ShardName: "-80"})
	u.must(err)
	run := func(query string) ([]map[string]string, error) {
		resp, err := u.ExecuteFetchAsDBA(t.Context(), &vtctldatapb.ExecuteFetchAsDBARequest{TabletAlias: shard.Shard.Shard.PrimaryAlias, Query: query, MaxRows: 10})
		return named(resp.GetResult()), err
	}
	rows, err := run("select unix_timestamp(l.created_at) as created, v.workflow from _vt.vreplication_log l join _vt.vreplication v on v.id = l.vrepl_id where l.type = 'Stream Created'")
	u.must(err)
	if len(rows) != 1 || rows[0]["workflow"] != "rs" || len(rows[0]["created"]) != 10 {
		t.Errorf("rows = %v", rows)
	}
	for _, query := range []string{"select max(id) from customer", "select c.id from customer c join corder o on c.id = o.customer_id", "delete from customer", "drop table _vt.vreplication", "update _vt.vreplication set state = 'Stopped'", "delete from _vt.vreplication_log",
		"select 1; commit; attach database 'other.sqlite' as other", "select id from _vt.vreplication; delete from _vt.vreplication"} {
		_, err := run(query)
		wantCode(t, err, codes.Unimplemented)
	}
	_, err = run("delete from _vt.vreplication where db_name = 'vt_ks' and workflow = 'rs'")
	u.must(err)
	resp, err := u.GetWorkflows(t.Context(), &vtctldatapb.GetWorkflowsRequest{Keyspace: "ks"})
	u.must(err)
	if got := resp.Workflows[0].Target.Shards; !slices.Equal(got, []string{"80-"}) {
		t.Errorf("streams are left on %v", got)
	}
}

func TestWhetherATableHasRowsIsToldByATablet(t *testing.T) {
	t.Parallel()
	c := open(t, testSpec(t, 20, []string{"0"}, "-80", "80-"), Options{})
	u := newUser(t, c)
	u.must(u.create("0", "-80,80-"))
	u.waitFor("Running")
	ask := func(shard, query string) (int, error) {
		found, err := u.GetShard(t.Context(), &vtctldatapb.GetShardRequest{Keyspace: "ks", ShardName: shard})
		u.must(err)
		resp, err := u.ExecuteFetchAsDBA(t.Context(), &vtctldatapb.ExecuteFetchAsDBARequest{TabletAlias: found.Shard.Shard.PrimaryAlias, Query: query, MaxRows: 10})
		return len(resp.GetResult().GetRows()), err
	}
	for query, want := range map[string]int{"select 1 from customer limit 1": 1, "SELECT 1\nFROM `corder` LIMIT 1;": 1} {
		if n, err := ask("-80", query); n != want || err != nil {
			t.Errorf("%s: %d rows, %v", query, n, err)
		}
	}
	writeOutside(t, c, "0", "DELETE FROM corder")
	if n, err := ask("0", "select 1 from `corder` limit 1"); n != 0 || err != nil {
		t.Errorf("an empty table: %d rows, %v", n, err)
	}
	_, err := ask("0", "select 1 from nothing limit 1")
	wantError(t, err, "Table 'vt_ks.nothing' doesn't exist (errno 1146) (sqlstate 42S02) during query: select 1 from nothing limit 1")
	for _, query := range []string{"select 1 from customer, corder limit 1", "select 1 from other.customer limit 1", "select 1 from customer limit 1 into outfile 'x'"} {
		_, err := ask("0", query)
		wantCode(t, err, codes.Unimplemented)
	}
}

// The time at which the streams back were made is the time of the switch: soaking is reckoned from it.
func TestTheLogTellsWhenWritesWereSwitched(t *testing.T) {
	t.Parallel()
	switched := time.Date(2026, 11, 23, 21, 32, 30, 0, time.UTC)
	c := open(t, testSpec(t, 20, []string{"0"}, "-80", "80-"), Options{Now: func() time.Time { return switched }})
	u := newUser(t, c)
	u.must(u.create("0", "-80,80-"))
	u.waitFor("Running")
	shard, err := u.GetShard(t.Context(), &vtctldatapb.GetShardRequest{Keyspace: "ks", ShardName: "0"})
	u.must(err)
	ask := func(what string) map[string]string {
		t.Helper()
		resp, err := u.ExecuteFetchAsDBA(t.Context(), &vtctldatapb.ExecuteFetchAsDBARequest{TabletAlias: shard.Shard.Shard.PrimaryAlias, MaxRows: 10, Query: "select " + what +
			" from _vt.vreplication_log l join _vt.vreplication v on v.id = l.vrepl_id where v.workflow = 'rs_reverse' and l.type = 'Stream Created'"})
		u.must(err)
		if rows := named(resp.Result); len(rows) == 1 {
			return rows[0]
		}
		t.Fatalf("rows = %v, want one", resp.Result.Rows)
		return nil
	}
	if got := ask("max(unix_timestamp(l.created_at)) as created"); len(got) != 0 {
		t.Errorf("before the switch the answer is %v, want NULL", got)
	}
	u.forward(allTypes)
	want := fmt.Sprint(switched.Unix())
	for _, what := range []string{"max(unix_timestamp(l.created_at))", "unix_timestamp(max(l.created_at))"} {
		if got := ask(what)[what]; got != want {
			t.Errorf("%s = %q, want %q", what, got, want)
		}
	}
}

func TestWhatIsNotImplementedSaysSo(t *testing.T) {
	t.Parallel()
	u := newUser(t, open(t, testSpec(t, 1, []string{"0"}), Options{}))
	_, err := u.MoveTablesCreate(t.Context(), &vtctldatapb.MoveTablesCreateRequest{})
	wantCode(t, err, codes.Unimplemented)
	_, err = u.ApplyVSchema(t.Context(), &vtctldatapb.ApplyVSchemaRequest{Keyspace: "ks", Sql: "alter vschema add table t"})
	wantCode(t, err, codes.Unimplemented)
	_, err = u.GetShard(t.Context(), &vtctldatapb.GetShardRequest{Keyspace: "ks", ShardName: "c0-"})
	wantCode(t, err, codes.Unknown)
	wantError(t, err, "node doesn't exist: keyspaces/ks/shards/c0-/Shard")
}

func TestServeAnswersOnTCPForHolderAndOthers(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 5, []string{"0"})
	holder := open(t, spec, Options{})
	other := open(t, spec, Options{})
	for _, c := range []*Cluster{holder, other} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error)
		go func() { served <- c.Serve(ctx, listener) }()
		conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		if got := shardNames(t, vtctlservicepb.NewVtctldClient(conn)); !slices.Equal(got, []string{"0"}) {
			t.Errorf("shards = %v", got)
		}
		conn.Close()
		stop()
		if err := <-served; err != nil {
			t.Errorf("Serve = %v", err)
		}
	}
}

func TestAFollowedLogIsForgotten(t *testing.T) {
	t.Parallel()
	c := open(t, testSpec(t, 20, []string{"0"}, "-80", "80-"), Options{})
	u := newUser(t, c)
	u.must(u.create("0", "-80,80-"))
	u.waitFor("Running")
	writeOutside(t, c, "0", "UPDATE customer SET name = 'changed'")
	e := c.serving()
	for {
		u.must(e.pruneLog(t.Context(), "ks", "0"))
		if left := query(t, c, "0", "SELECT count(*) FROM _sf_log")[0][0]; left == int64(0) {
			break
		}
		again(t, "waiting for the log to be followed")
	}
	if got := query(t, c, "-80", "SELECT DISTINCT name FROM customer"); len(got) != 1 || got[0][0] != "changed" {
		t.Errorf("entries were forgotten before they were followed: %v", got)
	}
}

func TestOpeningASeededSandboxIsQuick(t *testing.T) {
	spec := testSpec(t, 5000, []string{"0"}, "-80", "80-")
	c, err := Open(t.Context(), spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	best := time.Hour
	for range 5 {
		begun := time.Now()
		c, err := Open(t.Context(), spec, Options{})
		if err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(begun))
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// It is 10 ms on an idle machine; the bound is for one that runs much else.
	if best > 250*time.Millisecond {
		t.Errorf("the quickest of five openings took %v", best)
	}
	t.Logf("the quickest of five openings took %v", best)
}
