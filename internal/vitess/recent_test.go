package vitess

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

func TestWhatWasReadIsRecentUntilThisClientChangesSomething(t *testing.T) {
	var client *Client
	writing := make(chan struct{}, 1) // a value: something is changed while the workflows are read
	f := &fakeVtctld{answer: func(ctx context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		if method == "ApplyVSchema" {
			return &vtctldatapb.ApplyVSchemaResponse{}, nil
		}
		if method == "GetWorkflows" {
			select {
			case <-writing:
				if err := client.ApplyVSchema(ctx, "ks", "{}"); err != nil {
					return nil, err
				}
			default:
			}
		}
		return clusterAnswer(method), nil
	}}
	client = dialFake(t, f)
	read := func() *Snapshot {
		t.Helper()
		s, err := client.Snapshot(t.Context(), "ks")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := client.Recent("ks", time.Hour); s != nil {
		t.Errorf("recent before anything was read: %v", s)
	}
	first := read()
	if client.Recent("ks", time.Hour) != first || client.Recent("other", time.Hour) != nil {
		t.Error("what was read is not recent, or is so for another keyspace")
	}
	if client.Recent("ks", 0) != nil {
		t.Error("what was read before is as recent as now")
	}
	if second := read(); second == first || client.Recent("ks", time.Hour) != second {
		t.Error("it was not read again, or what was read before is more recent")
	}
	if err := client.ApplyVSchema(t.Context(), "ks", "{}"); err != nil {
		t.Fatal(err)
	}
	if client.Recent("ks", time.Hour) != nil {
		t.Error("what was read before a change is recent behind it")
	}
	writing <- struct{}{}
	read()
	if client.Recent("ks", time.Hour) != nil {
		t.Error("what was read while something was changed is recent behind it")
	}
}
