package sandbox

import (
	"strings"
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
		"during":  {sandboxspec.Fault{RPC: "GetShard", At: "during", Error: "ABORTED"}, "steps are counted from 1"},
		"step":    {sandboxspec.Fault{RPC: "GetShard", At: "before", Step: "tablet Reparent", Error: "ABORTED"}, "topology, tablet "},
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
	for name, tc := range map[string]struct {
		fault   sandboxspec.Fault
		code    codes.Code
		streams int // of the workflow that ReshardCreate was to make
	}{
		"before":         {sandboxspec.Fault{At: "before"}, codes.Unavailable, 0},
		"during":         {sandboxspec.Fault{At: "during"}, codes.Unavailable, 0},
		"after":          {sandboxspec.Fault{At: "after"}, codes.Unavailable, 2},
		"a step":         {sandboxspec.Fault{Step: "tablet HasVReplicationWorkflows"}, codes.Unknown, 0}, // vtctld's own error
		"a later step":   {sandboxspec.Fault{Step: "tablet UpdateVReplicationWorkflows"}, codes.Unknown, 2},
		"another's step": {sandboxspec.Fault{Step: "tablet VDiff"}, codes.OK, 2},
	} {
		t.Run(name, func(t *testing.T) {
			spec := testSpec(t, 10, []string{"0"}, "-80", "80-")
			tc.fault.Name, tc.fault.RPC, tc.fault.Nth, tc.fault.Error = "f", "ReshardCreate", 1, "UNAVAILABLE"
			spec.Faults = []sandboxspec.Fault{tc.fault}
			u := newUser(t, open(t, spec, Options{}))
			wantCode(t, u.create("0", "-80,80-"), tc.code)
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

// A call that dies at any of its steps can be sent again, and comes to its end.
func TestDeletionsThatDieAtAnyStepCanBeFinished(t *testing.T) {
	t.Parallel()
	for step := 1; ; step++ {
		spec := testSpec(t, 50, []string{"0"}, "-80", "80-")
		spec.Faults = []sandboxspec.Fault{
			{Name: "delete", RPC: "WorkflowDelete", At: "during", Nth: step, Error: "UNAVAILABLE"},
			{Name: "shards", RPC: "DeleteShards", At: "during", Nth: step, Error: "UNAVAILABLE"},
		}
		c := open(t, spec, Options{})
		u := newUser(t, c)
		u.must(u.create("0", "-80,80-"))
		u.waitFor("Running")
		died := 0
		again := func(call func() error) {
			t.Helper()
			err := call()
			if status.Code(err) == codes.Unavailable {
				died++
				if err = call(); err != nil && strings.Contains(err.Error(), "no streams found in keyspace ks for rs") {
					return // it had come so far
				}
			}
			u.must(err)
		}
		again(func() error {
			_, err := u.WorkflowDelete(t.Context(), &vtctldatapb.WorkflowDeleteRequest{Keyspace: "ks", Workflow: "rs"})
			return err
		})
		if got := rowsByShard(t, c, "customer"); len(got) != 1 {
			t.Errorf("step %d: tables after the deletion are on %v, want shard 0 alone", step, got)
		}
		shard := func() error {
			_, err := u.DeleteShards(t.Context(), &vtctldatapb.DeleteShardsRequest{Shards: []*vtctldatapb.Shard{{Keyspace: "ks", Name: "80-"}}, Recursive: true})
			return err
		}
		again(shard)
		wantError(t, shard(), "failed to lock ks/80-; if you really want to delete this shard, re-run with Force=true: node doesn't exist")
		if died == 0 {
			if step < 5 {
				t.Errorf("the calls have %d steps", step-1)
			}
			return
		}
	}
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
