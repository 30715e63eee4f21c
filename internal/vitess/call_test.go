package vitess

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"

	"shardform/internal/diag"
)

func TestSignalsNeverCutOffAChange(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var seen error
	var deadline time.Duration
	f := &fakeVtctld{answer: func(rpc context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		if method != "DeleteShards" {
			return nil, nil
		}
		cancel()
		select {
		case <-rpc.Done():
			seen = rpc.Err()
		case <-time.After(50 * time.Millisecond): // time for the cancellation to arrive, if it were sent
		}
		until, _ := rpc.Deadline()
		deadline = time.Until(until)
		return &vtctldatapb.DeleteShardsResponse{}, nil
	}}
	var hooks []string
	c := dialFake(t, f, func(c *Config) {
		c.Before = func(rpc string) { hooks = append(hooks, "before "+rpc) }
		c.After = func(rpc string) { hooks = append(hooks, "after "+rpc) }
	})
	if err := c.DeleteShard(ctx, "ks", "0"); err != nil {
		t.Errorf("delete: %v", err)
	}
	if seen != nil || deadline < 50*time.Minute {
		t.Errorf("the server saw %v with %v left", seen, deadline)
	}
	err := c.DeleteShard(ctx, "ks", "0")
	if d := complaint(t, err); d.Exit != diag.ExitStopped || !errors.Is(err, context.Canceled) || d.Temporary {
		t.Errorf("a change on a context that has ended: %#v", d)
	}
	if n := len(f.requestsOf("DeleteShards")); n != 1 {
		t.Errorf("%d changes were sent", n)
	}
	if diff := cmp.Diff([]string{"before DeleteShards", "after DeleteShards"}, hooks); diff != "" {
		t.Errorf("hooks (-want +got):\n%s", diff)
	}
}

func TestReadsEndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &fakeVtctld{answer: func(rpc context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		if method == "ValidateKeyspace" {
			cancel()
			<-rpc.Done()
		}
		return nil, rpc.Err()
	}}
	_, err := dialFake(t, f).ValidateKeyspace(ctx, "ks", true)
	if d := complaint(t, err); d.Exit != diag.ExitStopped || d.Summary != "stopped before it could validate keyspace ks" {
		t.Errorf("complaint %#v", d)
	}
}

func TestSlowReadsAreGivenUp(t *testing.T) {
	f := &fakeVtctld{answer: func(rpc context.Context, method string, nth int, _ proto.Message) (proto.Message, error) {
		if method == "ValidateKeyspace" {
			<-rpc.Done()
		}
		return nil, rpc.Err()
	}}
	_, err := dialFake(t, f, func(c *Config) { c.ReadTimeout = 20 * time.Millisecond }).ValidateKeyspace(t.Context(), "ks", false)
	d := complaint(t, err)
	if !d.Temporary || d.Detail != "vtctld at fake did not answer within 20ms" {
		t.Errorf("complaint %#v", d)
	}
}

func TestErrorsSayWhatTheServerSaid(t *testing.T) {
	for _, c := range []struct {
		name      string
		err       error
		detail    string
		temporary bool
	}{
		{"codes and repetitions", status.Error(codes.Unknown, "Code: FAILED_PRECONDITION\nsome streams already exist in the target shards, please clean them up and retry the command\n"+
			"some streams already exist in the target shards, please clean them up and retry the command\n\nvalidateTargets\nbuildResharder"),
			"vtctld at fake answered: some streams already exist in the target shards, please clean them up and retry the command; validateTargets; buildResharder", false},
		{"a panic", status.Error(codes.Unknown, "uncaught panic: runtime error: index out of range [0] with length 0 from: goroutine 7 [running]:\nruntime/debug.Stack()\n\t/usr/lib/go/debug.go:26"),
			"vtctld at fake answered: uncaught panic: runtime error: index out of range [0] with length 0", false},
		{"a stack", status.Error(codes.Unknown, "node doesn't exist: keyspaces/ks/shards/0/Shard\nvitess.io/vitess/go/vt/topo.GetShard\n\t/src/topo.go:1"),
			"vtctld at fake answered: node doesn't exist: keyspaces/ks/shards/0/Shard", false},
		{"a lag that passes", status.Error(codes.Unknown, "cannot switch traffic for workflow rs at this time: replication lag 300s is higher than allowed lag 30s"),
			"vtctld at fake answered: cannot switch traffic for workflow rs at this time: replication lag 300s is higher than allowed lag 30s", true},
		{"a timeout inside", status.Error(codes.Unknown, "failed to sync up replication between the source and target: context deadline exceeded\ncontext deadline exceeded"),
			"vtctld at fake answered: failed to sync up replication between the source and target: context deadline exceeded; context deadline exceeded", true},
		{"a method that a tablet does not know", status.Error(codes.Unknown, "rpc error: code = Unimplemented desc = unknown method; context deadline exceeded"),
			"vtctld at fake answered: rpc error: code = Unimplemented desc = unknown method; context deadline exceeded", false},
		{"a vindex that does not exist", status.Error(codes.Unknown, "BuildKeyspace(ks): vindexType \"md5\" not found: code = Aborted"),
			"vtctld at fake answered: BuildKeyspace(ks): vindexType \"md5\" not found: code = Aborted", false},
		{"gone", status.Error(codes.Unavailable, "error reading from server: EOF"), "the connection to vtctld at fake failed: error reading from server: EOF", true},
		{"older server", status.Error(codes.Unimplemented, "unknown method"), "vtctld at fake answered: unknown method", false},
		{"nothing said", status.Error(codes.Unknown, ""), "vtctld at fake answered: an error without text", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeVtctld{answer: func(_ context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
				if method == "WorkflowDelete" {
					return nil, c.err
				}
				return nil, nil
			}}
			d := complaint(t, dialFake(t, f).DeleteWorkflow(t.Context(), "ks", "rs", false))
			if d.Summary != "cannot delete workflow ks.rs" || d.Detail != c.detail || d.Temporary != c.temporary {
				t.Errorf("summary %q\ndetail %q\n  want %q\ntemporary %v", d.Summary, d.Detail, c.detail, d.Temporary)
			}
		})
	}
}

func TestAnswersAboveTheDefaultLimitArrive(t *testing.T) {
	text := strings.Repeat("x", 20<<20)
	f := &fakeVtctld{answer: func(_ context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		if method == "GetSchema" {
			return &vtctldatapb.GetSchemaResponse{Schema: &tabletmanagerdatapb.SchemaDefinition{
				TableDefinitions: []*tabletmanagerdatapb.TableDefinition{{Name: "t", Schema: text}},
			}}, nil
		}
		return shardAnswer(method), nil
	}}
	tables, err := dialFake(t, f).Schema(t.Context(), "ks", "0")
	if err != nil || len(tables) != 1 || len(tables[0].Create) != len(text) {
		t.Errorf("tables: %d, %v", len(tables), err)
	}
}
