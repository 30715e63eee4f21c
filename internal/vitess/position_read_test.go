package vitess

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	querypb "vitess.io/vitess/go/vt/proto/query"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"

	"shardform/internal/diag"
)

// fakeValue answers every query with one row of one column.
func fakeValue(name, value string) *fakeVtctld {
	return &fakeVtctld{answer: func(_ context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		if method != "ExecuteFetchAsDBA" {
			return nil, nil
		}
		return &vtctldatapb.ExecuteFetchAsDBAResponse{Result: &querypb.QueryResult{Fields: []*querypb.Field{{Name: name}},
			Rows: []*querypb.Row{{Lengths: []int64{int64(len(value))}, Values: []byte(value)}}}}, nil
	}}
}

func TestAReplicaIsAskedWhetherItHasAPosition(t *testing.T) {
	f := fakeValue("position", "a:1-5,\nb:1-7")
	if position, err := dialFake(t, f).Position(t.Context(), "zone1-0000000100"); position != "a:1-5,b:1-7" || err != nil {
		t.Errorf("%q, %v", position, err)
	}
	for late, want := range map[string]bool{"0": true, "1": false} {
		f := fakeValue("late", late)
		if follows, err := dialFake(t, f).Follows(t.Context(), "zone1-0000000101", "a:1-5,b:1-7"); follows != want || err != nil {
			t.Errorf("late = %s: %v, %v", late, follows, err)
		}
		if want := []string{"select wait_for_executed_gtid_set('a:1-5,b:1-7', 10.000) as late"}; !slices.Equal(queriesOf(f), want) {
			t.Errorf("queries %q, want %q", queriesOf(f), want)
		}
	}
}

// A caller that has less time does not leave a query that waits.
func TestAReplicaIsNotWaitedForLongerThanItsCallerHasTime(t *testing.T) {
	f := fakeValue("late", "1")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if follows, err := dialFake(t, f).Follows(ctx, "zone1-0000000101", ""); follows || err != nil {
		t.Fatalf("%v, %v", follows, err)
	}
	var wait float64
	if _, err := fmt.Sscanf(queriesOf(f)[0], "select wait_for_executed_gtid_set('', %f) as late", &wait); err != nil || wait > 2 {
		t.Errorf("%q: %v", queriesOf(f), err)
	}
}

// vtctld waits for a tablet that is gone until the deadline: it is the client's to give up soon.
func TestATabletThatIsGoneIsGivenUpSoon(t *testing.T) {
	f := &fakeVtctld{answer: func(ctx context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		if method != "ExecuteFetchAsDBA" {
			return nil, nil
		}
		until, has := ctx.Deadline()
		return nil, fmt.Errorf("limited %v: %v", has, time.Until(until) <= answerLimit)
	}}
	c := dialFake(t, f)
	_, position := c.Position(t.Context(), "zone1-0000000100")
	_, follows := c.Follows(t.Context(), "zone1-0000000100", "")
	for _, err := range []error{position, follows} {
		if err == nil || !strings.Contains(detailOf(err), "limited true: true") {
			t.Errorf("error %v", err)
		}
	}
}

func detailOf(err error) string {
	var text []string
	for _, d := range diag.All(err) {
		text = append(text, d.Summary, d.Detail)
	}
	return strings.Join(text, "\n")
}
