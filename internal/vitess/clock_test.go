package vitess

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"

	"shardform/internal/parallel"
)

// skewed is a cluster of one workflow whose tablet's clock shows there, seen by a machine whose clock is ahead of it by
// so much. Everything on the cluster happened half a second ago.
type skewed struct {
	there time.Time
	ahead time.Duration
	way   time.Duration // of each question and answer
	fails bool
	asked int

	reading chan<- struct{} // told of each GetWorkflows; nil: nobody
	hold    chan struct{}   // while it is open clocks do not answer; nil: they do
}

func (s *skewed) client(t *testing.T) *Client {
	now := func() time.Time { return s.there.Add(s.ahead) }
	written := s.there.Add(-500 * time.Millisecond)
	stamp := written.UTC().Format("2006-01-02 15:04:05")
	return dialFake(t, &fakeVtctld{answer: func(_ context.Context, method string, _ int, request proto.Message) (proto.Message, error) {
		switch r := request.(type) {
		case *vtctldatapb.GetWorkflowsRequest:
			if s.reading != nil {
				s.reading <- struct{}{}
			}
			return &vtctldatapb.GetWorkflowsResponse{Workflows: []*vtctldatapb.Workflow{{Name: "rs", WorkflowType: "Reshard", ShardStreams: map[string]*vtctldatapb.Workflow_ShardStream{
				"-80/zone1-0000000200": {Streams: []*vtctldatapb.Workflow_Stream{{
					Id: 7, Shard: "-80", Tablet: &topodatapb.TabletAlias{Cell: "zone1", Uid: 200}, BinlogSource: &binlogdatapb.BinlogSource{Keyspace: "ks", Shard: "0"},
					State: "Running", Position: "p", TimeUpdated: &vttimepb.Time{Seconds: written.Unix()},
				}}},
			}}}}, nil
		case *vtctldatapb.VDiffShowRequest:
			rows := result("vdiff_uuid vdiff_state state table_name table_state started_at completed_at", []string{skewedVDiff, "completed", "completed", "t", "completed", stamp, stamp})
			return &vtctldatapb.VDiffShowResponse{TabletResponses: map[string]*tabletmanagerdatapb.VDiffResponse{"-80": {Output: rows}}}, nil
		case *vtctldatapb.GetShardRequest:
			return &vtctldatapb.GetShardResponse{Shard: &vtctldatapb.Shard{Shard: &topodatapb.Shard{PrimaryAlias: &topodatapb.TabletAlias{Cell: "zone1", Uid: 200}}}}, nil
		case *vtctldatapb.ExecuteFetchAsDBARequest:
			answer := result("id created youngest", []string{"7", fmt.Sprint(written.Unix()), fmt.Sprint(written.Unix())})
			if r.Query == clockQuery {
				if s.hold != nil {
					<-s.hold
				}
				if s.asked++; s.fails {
					return nil, nil
				}
				answer = result("t", []string{fmt.Sprintf("%d.%06d", s.there.Add(s.way).Unix(), s.there.Add(s.way).Nanosecond()/1000)})
				if s.way > 0 { // several readers share a clock that stands still
					s.there = s.there.Add(2 * s.way)
				}
			}
			return &vtctldatapb.ExecuteFetchAsDBAResponse{Result: answer}, nil
		}
		return nil, nil
	}}, func(c *Config) { c.Now = now })
}

const skewedVDiff = "11111111-2222-3333-4444-555555555555"

var skewedAt = time.Date(2026, 11, 29, 12, 0, 0, 750_000_000, time.UTC)

// A clock that is not the tablet's makes no lag, no age and no soak: whatever is read is given by this machine's clock.
func TestTimesOfTabletsAreGivenByThisClock(t *testing.T) {
	for _, ahead := range []time.Duration{0, 31 * time.Second, -31 * time.Second, 36 * time.Hour, -26 * time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			s := &skewed{there: skewedAt, ahead: ahead}
			c := s.client(t)
			workflows, err := c.Workflows(t.Context(), "ks")
			if err != nil || len(workflows) != 1 {
				t.Fatalf("%+v, %v", workflows, err)
			}
			w := &workflows[0]
			near := func(what string, got time.Duration) {
				if got < 0 || got > 2*time.Second { // what tablets write has whole seconds
					t.Errorf("%s is %s", what, got)
				}
			}
			lag, known := w.Lag(c.now())
			if near("the lag", lag); !known {
				t.Error("the lag is not known")
			}
			near("the lag to resume with", (w.ResumeLag(c.now())-time.Hour)/2)
			diff, err := c.VDiff(t.Context(), "ks", "rs", skewedVDiff)
			if err != nil {
				t.Fatal(err)
			}
			near("the VDiff's age", c.now().Sub(diff.CompletedAt))
			near("the VDiff's start", c.now().Sub(diff.StartedAt))
			created, err := c.StreamsCreated(t.Context(), "ks", w)
			if err != nil {
				t.Fatal(err)
			}
			near("the streams' age", c.now().Sub(created))
			want := map[time.Duration]string{31 * time.Second: "31s ahead of that of tablet zone1-0000000200", -31 * time.Second: "31s behind that of tablet zone1-0000000200"}[ahead]
			if !strings.Contains(w.Clock.String(), want) || ahead == 0 && w.Clock.String() != "" {
				t.Errorf("said is %q", w.Clock)
			}
		})
	}
}

func TestDifferencesThatAreNotCorrected(t *testing.T) {
	for name, s := range map[string]*skewed{
		"below a second":             {ahead: 900 * time.Millisecond},
		"not more than half the way": {ahead: 3 * time.Second, way: 4 * time.Second},
		"no answer":                  {ahead: 31 * time.Second, fails: true},
	} {
		s.there = skewedAt
		workflows, err := s.client(t).Workflows(t.Context(), "ks")
		if err != nil || workflows[0].Clock.By != 0 {
			t.Errorf("%s: %+v, %v", name, workflows, err)
		}
	}
}

// A comparison is good for a minute, and stands while the difference is about the same: times that are compared with one
// another keep their distance.
func TestClocksAreComparedOnceAMinute(t *testing.T) {
	s := &skewed{there: skewedAt, ahead: 31 * time.Second}
	c := s.client(t)
	look := func(asked int, by time.Duration) {
		t.Helper()
		workflows, err := c.Workflows(t.Context(), "ks")
		if err != nil || s.asked != asked || workflows[0].Clock.By != by {
			t.Errorf("asked %d times, %s; want %d, %s; %v", s.asked, workflows[0].Clock.By, asked, by, err)
		}
	}
	look(1, 31*time.Second)
	s.there = s.there.Add(59 * time.Second)
	look(1, 31*time.Second)
	s.there, s.ahead = s.there.Add(2*time.Second), 31*time.Second+600*time.Millisecond
	look(2, 31*time.Second)
	s.there, s.ahead = s.there.Add(2*time.Minute), 0 // it was set right
	look(3, 0)
}

// A read that comes while another one compares the clocks waits for what that finds, instead of giving times uncorrected.
func TestReadersWaitForAComparisonUnderWay(t *testing.T) {
	reading := make(chan struct{})
	s := &skewed{there: skewedAt, ahead: 31 * time.Second, reading: reading, hold: make(chan struct{})}
	c := s.client(t)
	const readers = 3
	found := make([]time.Duration, readers)
	var group parallel.Group
	for i := range readers {
		group.Go(func() error {
			workflows, err := c.Workflows(t.Context(), "ks")
			if err == nil {
				found[i] = workflows[0].Clock.By
			}
			return err
		})
	}
	for range readers {
		<-reading
	}
	close(s.hold)
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for i, by := range found {
		if by != 31*time.Second {
			t.Errorf("reader %d corrects by %s", i, by)
		}
	}
	if s.asked != 1 {
		t.Errorf("asked %d times", s.asked)
	}
}

// A comparison that fails is made again at the next read, three times in all before the minute counts.
func TestAComparisonThatFailsIsMadeAgain(t *testing.T) {
	s := &skewed{there: skewedAt, ahead: 31 * time.Second, fails: true}
	c := s.client(t)
	look := func(asked int, by time.Duration) {
		t.Helper()
		workflows, err := c.Workflows(t.Context(), "ks")
		if err != nil || s.asked != asked || workflows[0].Clock.By != by {
			t.Errorf("asked %d times, %s; want %d, %s; %v", s.asked, workflows[0].Clock.By, asked, by, err)
		}
	}
	look(1, 0)
	s.fails = false
	look(2, 31*time.Second)
	look(2, 31*time.Second)
	s.fails, s.there = true, s.there.Add(2*time.Minute)
	for n := range 5 {
		look(2+min(n+1, 3), 31*time.Second) // what was known stands
	}
	s.there = s.there.Add(2 * time.Minute)
	look(6, 31*time.Second)
	look(6, 31*time.Second)
	s.fails, s.there = false, s.there.Add(2*time.Minute)
	look(7, 31*time.Second)
}
