package vitess

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	querypb "vitess.io/vitess/go/vt/proto/query"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"

	"shardform/internal/diag"
)

func TestTheYoungestStreamTellsWhenTheWayBackBegan(t *testing.T) {
	down := status.Error(codes.Unavailable, "tablet is down")
	for _, c := range []struct {
		name        string
		left, right *querypb.QueryResult // what the primaries of -80 and 80- answer
		failing     error
		want        int64 // seconds; 0 for an error
		says        string
	}{
		{"two streams on one shard and one on the other", result("id created", []string{"1", "1795469550"}, []string{"2", "1795469553"}), result("id created", []string{"3", "1795469551"}), nil, 1795469553, ""},
		{"the last shard has the youngest", result("id created", []string{"1", "1795469550"}, []string{"2", "1795469553"}), result("id created", []string{"3", "1795469559"}), nil, 1795469559, ""},
		{"rows of other streams", result("id created", []string{"1", "1795469550"}, []string{"2", "1795469550"}, []string{"9", "1795469999"}), result("id created", []string{"3", "1795469550"}), nil, 1795469550, ""},
		{"a stream without a row", result("id created", []string{"1", "1795469550"}), result("id created", []string{"3", "1795469551"}), nil, 0, "no row of stream 2 on ks/-80"},
		{"no row at all", result("id created", []string{"1", "1"}, []string{"2", "1"}), result("id created"), nil, 0, "no row of stream 3 on ks/80-"},
		{"a creation that was not logged", result("id created youngest", []string{"1", "NULL", "1795469557"}, []string{"2", "1795469553", "1795469999"}), result("id created youngest", []string{"3", "1795469551", "1795469551"}), nil, 1795469557, ""},
		{"a row without a time", result("id created", []string{"1", "NULL"}, []string{"2", "1795469553"}), result("id created", []string{"3", "1795469551"}), nil, 0, "stream 1"},
		{"a tablet that is down", nil, nil, down, 0, "tablet is down"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeVtctld{}
			f.answer = func(_ context.Context, _ string, _ int, request proto.Message) (proto.Message, error) {
				switch r := request.(type) {
				case *vtctldatapb.GetShardRequest:
					primary := map[string]*topodatapb.TabletAlias{"-80": alias(200), "80-": alias(300)}[r.ShardName]
					return &vtctldatapb.GetShardResponse{Shard: &vtctldatapb.Shard{Shard: &topodatapb.Shard{PrimaryAlias: primary}}}, nil
				case *vtctldatapb.ExecuteFetchAsDBARequest:
					answer := map[uint32]*querypb.QueryResult{200: c.left, 300: c.right}[r.TabletAlias.Uid]
					return &vtctldatapb.ExecuteFetchAsDBAResponse{Result: answer}, c.failing
				}
				return nil, nil
			}
			w := workflow(t, "it's_reverse", "-80<-0 Running", "-80<-1 Running", "80-<-0 Running")
			created, err := dialFake(t, f).StreamsCreated(t.Context(), "ks", &w)
			if c.want > 0 && (err != nil || created.Unix() != c.want || created.Location() != time.UTC) {
				t.Errorf("created %s, %v", created, err)
			}
			if c.want == 0 {
				text := ""
				for _, d := range diag.All(err) {
					text += d.Summary + d.Detail + d.Hint
				}
				if !created.IsZero() || !strings.Contains(text, c.says) || !strings.Contains(text, "read when the streams of workflow ks.it's_reverse were created") {
					t.Errorf("created %s, %v: %s", created, err, text)
				}
				return
			}
			query := f.requestsOf("ExecuteFetchAsDBA")[0].(*vtctldatapb.ExecuteFetchAsDBARequest).Query
			if !strings.Contains(query, "max(unix_timestamp(l.created_at))") || !strings.Contains(query, "v.workflow = 'it''s_reverse'") {
				t.Errorf("query %s", query)
			}
		})
	}
}

func TestTheEarliestRecordTellsWhenAVDiffWasCreated(t *testing.T) {
	for name, c := range map[string]struct {
		left, right *querypb.QueryResult
		want        int64 // seconds; 0 for an error
	}{
		"both":            {result("created", []string{"1795469553"}), result("created", []string{"1795469551"}), 1795469551},
		"one has none":    {result("created", []string{"1795469553"}), result("created"), 0},
		"one has no time": {result("created", []string{"1795469553"}), result("created", []string{"NULL"}), 0},
	} {
		f := &fakeVtctld{}
		f.answer = func(_ context.Context, _ string, _ int, request proto.Message) (proto.Message, error) {
			switch r := request.(type) {
			case *vtctldatapb.GetShardRequest:
				primary := map[string]*topodatapb.TabletAlias{"-80": alias(200), "80-": alias(300)}[r.ShardName]
				return &vtctldatapb.GetShardResponse{Shard: &vtctldatapb.Shard{Shard: &topodatapb.Shard{PrimaryAlias: primary}}}, nil
			case *vtctldatapb.ExecuteFetchAsDBARequest:
				return &vtctldatapb.ExecuteFetchAsDBAResponse{Result: map[uint32]*querypb.QueryResult{200: c.left, 300: c.right}[r.TabletAlias.Uid]}, nil
			}
			return nil, nil
		}
		w := workflow(t, "rs", "-80<-0 Running", "80-<-0 Running")
		created, err := dialFake(t, f).VDiffCreated(t.Context(), "ks", &w, "some-uuid")
		if c.want == 0 && err == nil || c.want > 0 && (err != nil || created.Unix() != c.want) {
			t.Errorf("%s: created %s, %v", name, created, err)
		}
		if query := f.requestsOf("ExecuteFetchAsDBA")[0].(*vtctldatapb.ExecuteFetchAsDBARequest).Query; !strings.Contains(query, "vdiff_uuid = 'some-uuid'") {
			t.Errorf("query %s", query)
		}
	}
}
