package sandbox

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"

	"shardform/internal/sandbox/sandboxspec"
)

func TestFaultsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault sandboxspec.Fault
		want  string
	}{
		"rpc":     {sandboxspec.Fault{RPC: "reshardcreate", At: "before", Error: "UNAVAILABLE"}, `did you mean "ReshardCreate"`},
		"at":      {sandboxspec.Fault{RPC: "GetShard", At: "while", Error: "UNAVAILABLE"}, `"before", "during" or "after"`},
		"code":    {sandboxspec.Fault{RPC: "GetShard", At: "after", Error: "BROKEN"}, "no gRPC error code"},
		"ok":      {sandboxspec.Fault{RPC: "GetShard", At: "after", Error: "OK"}, "no gRPC error code"},
		"nothing": {sandboxspec.Fault{RPC: "GetShard", At: "after"}, "neither an error nor a latency"},
		"nth":     {sandboxspec.Fault{RPC: "GetShard", At: "after", Nth: -1, Error: "ABORTED"}, "counted from 1"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := testSpec(t, 1, []string{"0"})
			spec.Faults = []sandboxspec.Fault{tc.fault}
			_, err := Open(t.Context(), spec, Options{})
			wantError(t, err, tc.want)
		})
	}
}

func wantCode(t *testing.T, err error, code codes.Code) {
	t.Helper()
	if status.Code(err) != code {
		t.Errorf("error = %v, want code %v", err, code)
	}
}

func TestFaultsStrikeTheNthCallOfTheSandboxsLife(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 1, []string{"0"})
	spec.Faults = []sandboxspec.Fault{{Name: "third", RPC: "GetShard", At: "before", Nth: 3, Error: "RESOURCE_EXHAUSTED"}}
	call := func(c *Cluster) error {
		_, err := dial(t, c).GetShard(t.Context(), &vtctldatapb.GetShardRequest{Keyspace: "ks", ShardName: "0"})
		return err
	}
	c, err := Open(t.Context(), spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, call(c), codes.OK)
	wantCode(t, call(c), codes.OK)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = open(t, spec, Options{})
	wantCode(t, call(c), codes.ResourceExhausted)
	wantCode(t, call(c), codes.OK)
}

func TestFaultsStrikeBeforeDuringAndAfter(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		at      string
		streams int // of the workflow that ReshardCreate was to make
	}{{"before", 0}, {"during", 1}, {"after", 2}} {
		t.Run(tc.at, func(t *testing.T) {
			spec := testSpec(t, 10, []string{"0"}, "-80", "80-")
			spec.Faults = []sandboxspec.Fault{{Name: "f", RPC: "ReshardCreate", At: tc.at, Nth: 1, Error: "UNAVAILABLE"}}
			u := newUser(t, open(t, spec, Options{}))
			wantCode(t, u.create("0", "-80,80-"), codes.Unavailable)
			resp, err := u.GetWorkflows(t.Context(), &vtctldatapb.GetWorkflowsRequest{Keyspace: "ks"})
			u.must(err)
			got := 0
			for _, w := range resp.Workflows {
				got += len(w.ShardStreams)
			}
			if got != tc.streams {
				t.Errorf("%d streams are left, want %d", got, tc.streams)
			}
		})
	}
}

func TestHalfDoneDeletionsCanBeFinished(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 50, []string{"0"}, "-80", "80-")
	spec.Faults = []sandboxspec.Fault{
		{Name: "delete", RPC: "WorkflowDelete", At: "during", Nth: 1, Error: "UNAVAILABLE"},
		{Name: "shards", RPC: "DeleteShards", At: "during", Nth: 1, Error: "UNAVAILABLE"},
	}
	c := open(t, spec, Options{})
	u := newUser(t, c)
	u.must(u.create("0", "-80,80-"))
	u.waitFor("Running")
	remove := func() error {
		_, err := u.WorkflowDelete(t.Context(), &vtctldatapb.WorkflowDeleteRequest{Keyspace: "ks", Workflow: "rs"})
		return err
	}
	wantCode(t, remove(), codes.Unavailable)
	if got := rowsByShard(t, c, "customer"); len(got) != 2 {
		t.Errorf("tables after half a deletion are on %v, want shard 0 and one target", got)
	}
	u.must(remove())
	if got := rowsByShard(t, c, "customer"); len(got) != 1 {
		t.Errorf("tables after the deletion are on %v, want shard 0 alone", got)
	}
	shard := func() error {
		_, err := u.DeleteShards(t.Context(), &vtctldatapb.DeleteShardsRequest{Shards: []*vtctldatapb.Shard{{Keyspace: "ks", Name: "80-"}}, Recursive: true})
		return err
	}
	wantCode(t, shard(), codes.Unavailable)
	u.must(shard())
	wantError(t, shard(), "failed to lock ks/80-; if you really want to delete this shard, re-run with Force=true: node doesn't exist")
}

func TestLatencyDelaysAndTheCallersPatienceCounts(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 1, []string{"0"})
	spec.Faults = []sandboxspec.Fault{{Name: "slow", RPC: "GetShard", At: "before", Nth: 1, Latency: 30 * time.Millisecond}}
	client := dial(t, open(t, spec, Options{}))
	begun := time.Now()
	_, err := client.GetShard(t.Context(), &vtctldatapb.GetShardRequest{Keyspace: "ks", ShardName: "0"})
	if took := time.Since(begun); err != nil || took < 30*time.Millisecond {
		t.Errorf("the call took %v (%v), want at least 30 ms", took, err)
	}
}
