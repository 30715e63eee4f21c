package sandbox

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vschemapb "vitess.io/vitess/go/vt/proto/vschema"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"

	"shardform/internal/sandbox/sandboxspec"
)

// mover moves tables from the unsharded keyspace commerce to the sharded keyspace customer.
type mover struct {
	*user
	c *Cluster
}

const movedSchema = `CREATE TABLE customer (id bigint PRIMARY KEY, email varchar(80) NOT NULL);
CREATE TABLE corder (id bigint PRIMARY KEY, customer_id bigint NOT NULL, price int);
`

func newMover(t *testing.T, rows int, faults ...sandboxspec.Fault) *mover {
	t.Helper()
	spec := sandboxspec.Sandbox{Path: t.TempDir(), Faults: faults, Keyspaces: []sandboxspec.Keyspace{
		{Name: "commerce", Shards: []string{"0"}, Schema: movedSchema + "CREATE TABLE product (id bigint PRIMARY KEY, name varchar(40));",
			VSchema:   `{"tables": {"customer": {}, "corder": {}, "product": {}}}`,
			Generates: []sandboxspec.Generate{{Table: "customer", Rows: rows}, {Table: "corder", Rows: rows}, {Table: "product", Rows: 5}}},
		{Name: "customer", Shards: []string{"-80", "80-"}, VSchema: `{"sharded": true, "vindexes": {"xxhash": {"type": "xxhash"}}, "tables": {
			"customer": {"column_vindexes": [{"column": "id", "name": "xxhash"}]},
			"corder": {"column_vindexes": [{"column": "customer_id", "name": "xxhash"}]}}}`},
	}}
	c := open(t, spec, Options{})
	return &mover{newUser(t, c), c}
}

func (m *mover) createMove() {
	m.t.Helper()
	_, err := m.MoveTablesCreate(m.t.Context(), &vtctldatapb.MoveTablesCreateRequest{
		Workflow: "mv", SourceKeyspace: "commerce", TargetKeyspace: "customer", IncludeTables: []string{"customer", "corder"}, AutoStart: true,
		TabletTypes: []topodatapb.TabletType{topodatapb.TabletType_PRIMARY, topodatapb.TabletType_REPLICA}, Cells: []string{cell},
	})
	m.must(err)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		resp, err := m.GetWorkflows(m.t.Context(), &vtctldatapb.GetWorkflowsRequest{Keyspace: "customer", Workflow: "mv"})
		m.must(err)
		running := 0
		for _, on := range resp.Workflows[0].ShardStreams {
			for _, s := range on.Streams {
				if s.State == "Error" {
					m.t.Fatalf("stream: %s", s.Message)
				}
				if s.State == "Running" && s.Position != "" {
					running++
				}
			}
		}
		if running == 2 {
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("streams: %v", resp)
		}
	}
}

func (m *mover) switchMove(direction int32, types ...topodatapb.TabletType) error {
	_, err := m.WorkflowSwitchTraffic(m.t.Context(), &vtctldatapb.WorkflowSwitchTrafficRequest{
		Keyspace: "customer", Workflow: "mv", TabletTypes: types, Direction: direction, EnableReverseReplication: true,
		Timeout: &vttimepb.Duration{Seconds: 10}, MaxReplicationLagAllowed: &vttimepb.Duration{Seconds: 3600}})
	return err
}

// rows are how many rows a table has by keyspace and shard.
func (m *mover) rows(table string) map[string]int64 {
	m.t.Helper()
	rows := map[string]int64{}
	for _, r := range mustRows(m.t, m.c) {
		if r.Table == table {
			rows[r.Keyspace+"/"+r.Shard] = r.Rows
		}
	}
	return rows
}

func (m *mover) rules() *vschemapb.RoutingRules {
	m.t.Helper()
	resp, err := m.GetRoutingRules(m.t.Context(), &vtctldatapb.GetRoutingRulesRequest{})
	m.must(err)
	return resp.RoutingRules
}

// insert writes an order as an application does, straight to a shard's file.
func (m *mover) insert(keyspace, shard string, id, customer int) error {
	db, err := openDatabase(shardPath(m.c.root, keyspace, shard))
	if err != nil {
		m.t.Fatal(err)
	}
	defer db.close()
	_, err = db.write.ExecContext(m.t.Context(), `INSERT INTO corder (id, customer_id, price) VALUES (?, ?, 1)`, id, customer)
	return err
}

func TestMoveTablesThereAndBackAndToItsEnd(t *testing.T) {
	t.Parallel()
	m := newMover(t, 500)
	m.createMove()
	got := m.rows("corder")
	if got["commerce/0"] != 500 || got["customer/-80"] == 0 || got["customer/-80"]+got["customer/80-"] != 500 {
		t.Fatalf("orders after the copy: %v", got)
	}
	m.must(m.insert("commerce", "0", 10_001, 7))

	id := uuid.NewString()
	_, err := m.VDiffCreate(t.Context(), &vtctldatapb.VDiffCreateRequest{Workflow: "mv", TargetKeyspace: "customer", Uuid: id})
	m.must(err)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		resp, err := m.VDiffShow(t.Context(), &vtctldatapb.VDiffShowRequest{Workflow: "mv", TargetKeyspace: "customer", Arg: id})
		m.must(err)
		completed := 0
		for shard, one := range resp.TabletResponses {
			for _, row := range named(one.Output) {
				switch {
				case row["vdiff_state"] == "error" || row["has_mismatch"] == "1":
					t.Fatalf("VDiff of %s: %v", shard, row)
				case row["vdiff_state"] == "completed":
					completed++
				}
			}
		}
		if completed == 4 { // two tables on two shards
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("VDiff: %v", resp)
		}
	}

	m.must(m.switchMove(0, topodatapb.TabletType_RDONLY, topodatapb.TabletType_REPLICA))
	m.must(m.switchMove(0, topodatapb.TabletType_PRIMARY))
	if err := m.insert("commerce", "0", 10_002, 7); err == nil {
		t.Error("the source takes writes to a moved table")
	}
	written := 0
	for _, shard := range []string{"-80", "80-"} {
		if m.insert("customer", shard, 10_010+written, 7) == nil {
			written++
		}
	}
	if written != 2 {
		t.Errorf("%d of 2 target shards take writes", written)
	}
	rules := m.rules()
	if len(rules.Rules) == 0 {
		t.Error("no routing rules")
	}

	m.must(m.switchMove(1, topodatapb.TabletType_RDONLY, topodatapb.TabletType_REPLICA, topodatapb.TabletType_PRIMARY))
	if got := m.rows("corder")["commerce/0"]; got != 503 {
		t.Errorf("%d orders are back on the source, want 503", got)
	}
	m.must(m.insert("commerce", "0", 10_020, 7))
	if proto.Equal(rules, m.rules()) {
		t.Errorf("the routing rules are those of the switch: %v", rules)
	}

	m.must(m.switchMove(0, topodatapb.TabletType_RDONLY, topodatapb.TabletType_REPLICA, topodatapb.TabletType_PRIMARY))
	_, err = m.MoveTablesComplete(t.Context(), &vtctldatapb.MoveTablesCompleteRequest{Workflow: "mv", TargetKeyspace: "customer"})
	m.must(err)
	want := map[string]int64{}
	after := m.rows("corder")
	if len(after) != 2 || after["customer/-80"]+after["customer/80-"] != 504 {
		t.Errorf("orders in the end: %v", after)
	}
	delete(after, "customer/-80")
	delete(after, "customer/80-")
	if diff := cmp.Diff(want, after); diff != "" {
		t.Errorf("orders elsewhere (-want +got):\n%s", diff)
	}
	if got := m.rows("product"); got["commerce/0"] != 5 {
		t.Errorf("products: %v", got)
	}
	resp, err := m.GetWorkflows(t.Context(), &vtctldatapb.GetWorkflowsRequest{Keyspace: "customer"})
	m.must(err)
	if len(resp.Workflows) > 0 {
		t.Errorf("workflows are left: %v", resp.Workflows)
	}
}

func TestMoveTablesCancelled(t *testing.T) {
	t.Parallel()
	m := newMover(t, 100)
	m.createMove()
	_, err := m.WorkflowDelete(t.Context(), &vtctldatapb.WorkflowDeleteRequest{Keyspace: "customer", Workflow: "mv"})
	m.must(err)
	if diff := cmp.Diff(map[string]int64{"commerce/0": 100}, m.rows("corder")); diff != "" {
		t.Errorf("orders (-want +got):\n%s", diff)
	}
	m.must(m.insert("commerce", "0", 10_001, 7))
}
