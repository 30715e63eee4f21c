package conformance

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// fake answers calls as a keyspace that is at its base does, and the call that is looked at as a test says.
type fake struct {
	grpc.ClientConnInterface
	serving bool // is_primary_serving of shard 0
	answer  *vtctldatapb.WorkflowSwitchTrafficResponse
	err     error
}

func (f *fake) Invoke(_ context.Context, method string, _, reply any, _ ...grpc.CallOption) error {
	var message proto.Message
	switch method[strings.LastIndexByte(method, '/')+1:] {
	case "GetSrvKeyspaces":
		graph := &topodatapb.SrvKeyspace{}
		for _, kind := range []topodatapb.TabletType{topodatapb.TabletType_PRIMARY, topodatapb.TabletType_REPLICA, topodatapb.TabletType_RDONLY} {
			graph.Partitions = append(graph.Partitions, &topodatapb.SrvKeyspace_KeyspacePartition{ServedType: kind, ShardReferences: []*topodatapb.ShardReference{{Name: "0"}}})
		}
		message = &vtctldatapb.GetSrvKeyspacesResponse{SrvKeyspaces: map[string]*topodatapb.SrvKeyspace{"zone1": graph}}
	case "FindAllShardsInKeyspace":
		message = &vtctldatapb.FindAllShardsInKeyspaceResponse{Shards: map[string]*vtctldatapb.Shard{"0": {Shard: &topodatapb.Shard{IsPrimaryServing: f.serving}}}}
	case "WorkflowSwitchTraffic":
		if f.err != nil {
			return f.err
		}
		message = f.answer
	default:
		return status.Error(codes.Unimplemented, method)
	}
	proto.Merge(reply.(proto.Message), message)
	return nil
}

func TestEveryKindOfDifferenceIsSeen(t *testing.T) {
	const primaryless = "0:serving:no-primary"
	before := State{Primary: "0", Replica: "0", Rdonly: "0", Shards: primaryless, Tables: none, Workflows: none}
	refused := status.Error(codes.Unknown, "rpc error: code = Unknown desc = TabletManager.X on zone1-0000000100: it is frozen")
	ok := &vtctldatapb.WorkflowSwitchTrafficResponse{Summary: "done at 02 Jan 06 15:04 UTC"}
	for name, test := range map[string]struct {
		step Step
		fake fake
		want string // part of the error, "" for none
	}{
		"all as expected":        {Step{Answer: "done"}, fake{serving: true, answer: ok}, ""},
		"another answer":         {Step{Answer: "undone"}, fake{serving: true, answer: ok}, "answer"},
		"an error":               {Step{Answer: "done"}, fake{serving: true, err: refused}, "frozen"},
		"the error":              {Step{Err: "it is frozen"}, fake{serving: true, err: refused}, ""},
		"another error":          {Step{Err: "it is copying"}, fake{serving: true, err: refused}, "it is frozen"},
		"the error has a code":   {Step{Err: "it is frozen"}, fake{serving: true, err: status.Error(codes.Aborted, "it is frozen")}, "Aborted"},
		"no error":               {Step{Err: "it is frozen"}, fake{serving: true, answer: ok}, "success"},
		"the keyspace changed":   {Step{Answer: "done"}, fake{serving: false, answer: ok}, "keyspace afterwards"},
		"it changed as expected": {Step{Answer: "done", After: State{Shards: "0:no-primary"}}, fake{serving: false, answer: ok}, ""},
		"it did not change":      {Step{Answer: "done", After: State{Shards: "0:no-primary"}}, fake{serving: true, answer: ok}, "keyspace afterwards"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &player{t: t, target: Target{Patience: time.Millisecond}, conn: &test.fake, state: before}
			test.step.Call = switchTraffic(reads())
			err := p.play(test.step)
			if test.want == "" {
				if err != nil {
					t.Errorf("a difference that is none: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v, want one with %q", err, test.want)
			}
		})
	}
}

// A connection that broke between vtctld and a tablet is no answer: Run plays the situation again when it sees that.
func TestALostTabletIsKnownByWhatIsSaid(t *testing.T) {
	lost := status.Error(codes.Unknown, `code = Unavailable desc = received prior goaway: code: ENHANCE_YOUR_CALM, debug data: "too_many_pings"`)
	if err := errors.New(errorDiff(Step{Answer: "done"}, lost)); !strings.Contains(err.Error(), calmDown) {
		t.Errorf("%v does not say %q, by which it is known", err, calmDown)
	}
}

func TestNormalTakesOutWhatDiffersBetweenClusters(t *testing.T) {
	for text, want := range map[string]string{
		"primary of zone1-0000000100 is gone":                                  "primary of TABLET is gone",
		"on tablet cell:\"zone1\"  uid:100":                                    "on tablet TABLET",
		"position:MySQL56/3d74a43c-e785-11f1-afff-02fc00000001:1-64":           "position:POSITION",
		"at 3d74a43c-e785-11f1-afff-02fc00000001:1-64, message: x":             "at POSITION, message: x",
		"node doesn't exist: /vitess/global/keyspaces/ks/shards/0/Shard":       "node doesn't exist: keyspaces/ks/shards/0/Shard",
		"node doesn't exist: keyspaces/ks/shards/":                             "node doesn't exist: keyspaces/ks/shards",
		"uncaught panic: index out of range from: goroutine 7 [running]:\nx()": "uncaught panic: index out of range",
		"one\n  two":            "one / two",
		"replication lag is 3s": "replication lag is 3s",
	} {
		if got := normal(text); got != want {
			t.Errorf("normal(%q) = %q, want %q", text, got, want)
		}
	}
	plan := "Delete shards (and all related tablets): [cell:zone1;keyspace:ks;shards:[0],100,102]"
	if got, want := normalPlan(plan), "Delete shards (and all related tablets): [cell:zone1;keyspace:ks;shards:[0],TABLETS]"; got != want {
		t.Errorf("normalPlan = %q, want %q", got, want)
	}
	if got, want := normalPlan("true for: [shard:80-;tablet:200,shard:-80;tablet:300]"), "true for: [shard:-80;tablet:TABLET,shard:80-;tablet:TABLET]"; got != want {
		t.Errorf("normalPlan = %q, want %q", got, want)
	}
}
