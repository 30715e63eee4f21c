package sandbox

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"
)

// user types at a sandbox what an operator would.
type user struct {
	vtctlservicepb.VtctldClient
	t  *testing.T
	ks string
	wf string
}

func (u *user) create(from, to string) error {
	_, err := u.ReshardCreate(u.t.Context(), &vtctldatapb.ReshardCreateRequest{
		Keyspace: u.ks, Workflow: u.wf, SourceShards: strings.Split(from, ","), TargetShards: strings.Split(to, ","),
		TabletTypes: []topodatapb.TabletType{topodatapb.TabletType_REPLICA, topodatapb.TabletType_PRIMARY}, TabletSelectionPreference: tabletmanagerdatapb.TabletSelectionPreference_INORDER,
		OnDdl: "STOP", DeferSecondaryKeys: true, AutoStart: true,
	})
	return err
}

func (u *user) must(err error) {
	u.t.Helper()
	if err != nil {
		u.t.Fatal(err)
	}
}

// waitFor polls GetWorkflows until every stream of the workflow is in the state.
func (u *user) waitFor(state string) *vtctldatapb.Workflow {
	u.t.Helper()
	for {
		resp, err := u.GetWorkflows(u.t.Context(), &vtctldatapb.GetWorkflowsRequest{Keyspace: u.ks, Workflow: u.wf})
		u.must(err)
		ready := len(resp.Workflows) == 1
		var message string
		for _, w := range resp.Workflows {
			for _, on := range w.ShardStreams {
				for _, s := range on.Streams {
					ready = ready && s.State == state
					if s.State == "Error" && state != "Error" {
						message = s.Message
					}
				}
			}
		}
		if message != "" {
			u.t.Fatalf("a stream failed: %s", message)
		}
		if ready {
			return resp.Workflows[0]
		}
		again(u.t, "waiting for the workflow to be "+state)
	}
}

var (
	readTypes = []topodatapb.TabletType{topodatapb.TabletType_RDONLY, topodatapb.TabletType_REPLICA}
	writeType = []topodatapb.TabletType{topodatapb.TabletType_PRIMARY}
	allTypes  = append(append([]topodatapb.TabletType{}, readTypes...), writeType...)
)

func (u *user) traffic(direction int32, types []topodatapb.TabletType) (*vtctldatapb.WorkflowSwitchTrafficResponse, error) {
	return u.trafficWithLag(direction, types, 30)
}

func (u *user) trafficWithLag(direction int32, types []topodatapb.TabletType, lag int64) (*vtctldatapb.WorkflowSwitchTrafficResponse, error) {
	return u.WorkflowSwitchTraffic(context.WithoutCancel(u.t.Context()), &vtctldatapb.WorkflowSwitchTrafficRequest{
		Keyspace: u.ks, Workflow: u.wf, TabletTypes: types, Direction: direction, EnableReverseReplication: true,
		MaxReplicationLagAllowed: &vttimepb.Duration{Seconds: lag},
	})
}

func (u *user) forward(types []topodatapb.TabletType) {
	u.t.Helper()
	_, err := u.traffic(0, types)
	u.must(err)
}

func (u *user) back(types []topodatapb.TabletType) {
	u.t.Helper()
	_, err := u.traffic(1, types)
	u.must(err)
}

func (u *user) complete(keep bool) error {
	_, err := u.MoveTablesComplete(u.t.Context(), &vtctldatapb.MoveTablesCompleteRequest{TargetKeyspace: u.ks, Workflow: u.wf, KeepData: keep})
	return err
}

func newUser(t *testing.T, c *Cluster) *user {
	return &user{VtctldClient: dial(t, c), t: t, ks: "ks", wf: "rs"}
}

// checkPlaced fails unless every row of the keyspace is on just the serving shard where it belongs.
func checkPlaced(t *testing.T, c *Cluster, want map[string]int64) {
	t.Helper()
	got := map[string]int64{}
	for _, r := range mustRows(t, c) {
		if r.Serving {
			got[r.Table] += r.Rows
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows on serving shards (-want +got):\n%s", diff)
	}
	for _, m := range misplaced(t, c) {
		t.Error(m)
	}
}

func TestReshardMovesEveryRow(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		from  []string
		to    string
		after []string
	}{
		"one into two":           {[]string{"0"}, "-80,80-", []string{"-80", "80-"}},
		"two into four, uneven":  {[]string{"-80", "80-"}, "-20,20-80,80-f0,f0-", []string{"-20", "20-80", "80-f0", "f0-"}},
		"three into two, merged": {[]string{"-40", "40-80", "80-"}, "-60,60-", []string{"-60", "60-"}},
		"two into one":           {[]string{"-80", "80-"}, "-", []string{"-"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, testSpec(t, 2500, tc.from, strings.Split(tc.to, ",")...), Options{})
			u := newUser(t, c)
			u.must(u.create(strings.Join(tc.from, ","), tc.to))
			u.waitFor("Running")
			u.forward(readTypes)
			u.forward(writeType)
			u.must(u.complete(false))
			if diff := cmp.Diff(tc.after, sortedKeys(rowsByShard(t, c, "customer"))); diff != "" {
				t.Errorf("shards (-want +got):\n%s", diff)
			}
			checkPlaced(t, c, map[string]int64{"customer": 2500, "corder": 2500})
		})
	}
}

// startWorkflow starts the workflow's streams, as `start` does.
func (u *user) startWorkflow() { u.setWorkflow(binlogdatapb.VReplicationWorkflowState_Running, nil) }

func (u *user) setWorkflow(state binlogdatapb.VReplicationWorkflowState, message *string) {
	u.t.Helper()
	_, err := u.WorkflowUpdate(u.t.Context(), &vtctldatapb.WorkflowUpdateRequest{Keyspace: u.ks, TabletRequest: &tabletmanagerdatapb.UpdateVReplicationWorkflowRequest{
		Workflow: u.wf, State: &state, Message: message, Cells: []string{"NULL"}, TabletTypes: []topodatapb.TabletType{-1},
	}})
	u.must(err)
}
