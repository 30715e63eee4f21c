package vitess

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

const (
	lockedWorkflow = "failed to lock the ks/rs workflow: deadline exceeded: /vitess/global/internal/named_locks/ks/rs/locks"
	lockedKeyspace = "deadline exceeded: /vitess/global/keyspaces/ks/locks"
)

// topologyNode is a node of the global topology with a lock.
type topologyNode struct {
	path, action, host, at string
	version                int64
}

// lockServer has those locks, and answers to every call that needs one with an error.
func lockServer(answer string, cells []string, nodes ...topologyNode) *fakeVtctld {
	return &fakeVtctld{answer: func(_ context.Context, method string, _ int, request proto.Message) (proto.Message, error) {
		switch r := request.(type) {
		case *vtctldatapb.MoveTablesCompleteRequest, *vtctldatapb.WorkflowDeleteRequest, *vtctldatapb.WorkflowSwitchTrafficRequest:
			return nil, status.Error(codes.Unknown, answer)
		case *vtctldatapb.GetCellInfoNamesRequest:
			return &vtctldatapb.GetCellInfoNamesResponse{Names: []string{"zone1", "zone2"}}, nil
		case *vtctldatapb.GetCellInfoRequest:
			return &vtctldatapb.GetCellInfoResponse{CellInfo: &topodatapb.CellInfo{ServerAddress: cells[r.Cell[4]-'1']}}, nil
		case *vtctldatapb.GetTopologyPathRequest:
			if nodes == nil {
				return nil, nil // Unimplemented
			}
			cell := &vtctldatapb.TopologyCell{Path: r.Path}
			for _, n := range nodes {
				path := "/global/" + n.path
				if path == r.Path {
					cell.Data, cell.Version = fmt.Sprintf(`{"Action": %q, "HostName": %q, "UserName": "vt", "Time": %q, "Options": {}, "Status": "Running"}`, n.action, n.host, n.at), n.version
				}
				if child, is := strings.CutPrefix(path, r.Path+"/"); is {
					cell.Children = append(cell.Children, child)
				}
			}
			if cell.Data == "" && cell.Children == nil {
				return nil, status.Errorf(codes.Unknown, "cell global with path %s has no file contents and no children: node doesn't exist: /vitess/global/x", r.Path)
			}
			return &vtctldatapb.GetTopologyPathResponse{Cell: cell}, nil
		}
		return shardAnswer(method), nil
	}}
}

const (
	ofWorkflow = "internal/named_locks/ks/rs/locks/"
	ofReverse  = "internal/named_locks/ks/rs_reverse/locks/"
	ofKeyspace = "keyspaces/ks/locks/"
)

func TestTheHolderOfALockIsTold(t *testing.T) {
	complete := func(ctx context.Context, c *Client) error { return c.CompleteWorkflow(ctx, "ks", "rs") }
	back := func(ctx context.Context, c *Client) error {
		_, err := c.SwitchTraffic(ctx, SwitchTraffic{Keyspace: "ks", Workflow: "rs", Types: []TabletType{Primary}, Timeout: time.Second, Backward: true})
		return err
	}
	oneEtcd := []string{"topo:2379", "topo:2379"}
	dead := topologyNode{ofWorkflow + "7587883212297104395", "WorkflowSwitchTraffic", "host1", "2026-11-23T13:00:00+01:00", 40}
	since := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		answer string
		cells  []string
		nodes  []topologyNode
		do     func(context.Context, *Client) error
		want   *Lock // nil for an error that is none about a lock that is held
	}{
		{"the one that is held, not one that waits", lockedWorkflow, oneEtcd,
			[]topologyNode{{ofWorkflow + "7587883212297104300", "MoveTablesComplete", "host2", "2026-11-23T13:07:00+01:00", 52}, dead}, complete,
			&Lock{Name: "ks/rs", Action: "WorkflowSwitchTraffic", Host: "host1", Since: since, Commands: []string{"etcdctl --endpoints=topo:2379 lease revoke 694d93944a1e6c0b"}}},
		{"with the keyspace that it has locked", lockedKeyspace, []string{"topo:2379", "other:2379"},
			[]topologyNode{dead, {ofKeyspace + "7587883212297104396", "SwitchWrites", "host1", "2026-11-23T13:00:01+01:00", 41}}, complete,
			&Lock{Name: "ks/rs", Action: "WorkflowSwitchTraffic", Host: "host1", Since: since, Commands: []string{"etcdctl lease revoke 694d93944a1e6c0b", "etcdctl lease revoke 694d93944a1e6c0c"}}},
		{"but not one of somebody else", lockedKeyspace, oneEtcd,
			[]topologyNode{dead, {ofKeyspace + "7587883212297104396", "SwitchWrites", "host2", "2026-11-23T13:00:01+01:00", 41}}, complete,
			&Lock{Name: "ks/rs", Action: "WorkflowSwitchTraffic", Host: "host1", Since: since, Commands: []string{"etcdctl --endpoints=topo:2379 lease revoke 694d93944a1e6c0b"}}},
		{"of the reverse workflow", "failed to lock the ks/rs_reverse workflow: deadline exceeded: /vitess/global/internal/named_locks/ks/rs_reverse/locks", oneEtcd,
			[]topologyNode{{ofReverse + "7587883212297104395", "WorkflowSwitchTraffic", "host1", "2026-11-23T12:00:00Z", 40}}, back,
			&Lock{Name: "ks/rs_reverse", Action: "WorkflowSwitchTraffic", Host: "host1", Since: since, Commands: []string{"etcdctl --endpoints=topo:2379 lease revoke 694d93944a1e6c0b"}}},
		{"nobody any more", lockedWorkflow, oneEtcd, []topologyNode{}, complete, nil},
		{"a server that does not show its topology", lockedWorkflow, oneEtcd, nil, complete, nil},
		{"another error", "failed to sync up replication between the source and target: context deadline exceeded", oneEtcd, []topologyNode{dead}, complete, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.do(t.Context(), dialFake(t, lockServer(c.answer, c.cells, c.nodes...)))
			d := complaint(t, err)
			if !d.Temporary || !strings.Contains(d.Detail, c.answer) {
				t.Errorf("temporary %v, detail %q", d.Temporary, d.Detail)
			}
			var locked *LockedError
			var got *Lock
			if errors.As(err, &locked) {
				got = locked.Lock
				if got.Seen.IsZero() {
					t.Error("it was never seen")
				}
				got.Since, got.Seen = got.Since.UTC(), time.Time{}
			} else if c.answer == lockedWorkflow && (!strings.Contains(d.Hint, "24 hours") || !strings.Contains(d.Hint, "internal/named_locks/ks/rs/locks")) {
				t.Errorf("hint %q", d.Hint)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("lock (-want +got):\n%s", diff)
			}
		})
	}
}

// A lock is dead once this machine has seen the same one for long enough, whatever its holder's clock says.
func TestALockIsDeadWhenItWasSeenForLong(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	held := []topologyNode{}
	server := &fakeVtctld{answer: func(ctx context.Context, method string, n int, request proto.Message) (proto.Message, error) {
		return lockServer("", []string{"topo:2379", "topo:2379"}, held...).answer(ctx, method, n, request)
	}}
	c := dialFake(t, server, func(config *Config) { config.Now = func() time.Time { return now } })
	look := func(after time.Duration, want bool, nodes ...topologyNode) {
		t.Helper()
		now, held = now.Add(after), append([]topologyNode{}, nodes...)
		lock, err := c.WorkflowLock(t.Context(), "ks", "rs")
		if err != nil || (lock != nil) != (len(nodes) > 0) || lock != nil && lock.Dead(now) != want {
			t.Errorf("at %s: %+v, %v, want dead: %t", now, lock, err, want)
		}
	}
	one := topologyNode{ofWorkflow + "7587883212297104395", "WorkflowSwitchTraffic", "host1", "2026-11-23T11:00:00Z", 40}
	other := topologyNode{ofWorkflow + "7587883212297104396", "WorkflowSwitchTraffic", "host1", "2026-11-23T11:00:00Z", 41}
	diff := topologyNode{ofWorkflow + "7587883212297104397", "vdiff", "host1", "2026-11-25T11:00:00Z", 42}
	look(0, false, one)
	look(2*time.Minute, false, one)
	look(14*time.Second, false, one)
	look(time.Second, true, one)
	look(time.Second, false, other)
	look(time.Minute, false)
	look(2*time.Minute, false, other) // it was released meanwhile
	look(3*time.Minute, true, other)
	look(time.Second, false, diff)
	look(9*time.Minute, false, diff)
	look(time.Minute, true, diff)
}
