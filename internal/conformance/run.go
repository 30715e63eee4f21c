package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"
)

// Target is a kind of cluster that the table is run against.
type Target struct {
	// Fresh makes the keyspace as the base says and gives a connection to the cluster's vtctld. Every shard has a primary
	// and a rdonly tablet at least. The cell is zone1. execute runs a statement in the database of a shard's primary,
	// whether the shard serves or not.
	Fresh func(t *testing.T, base Base) (conn grpc.ClientConnInterface, execute func(shard, statement string))
	// Patience is how long a state or answer may take to become what is expected.
	Patience time.Duration
	// Parallel says that every keyspace which Fresh makes is another one, so that situations can be played at once.
	Parallel bool
}

// Run plays situations, each as a subtest, and fails those in which an answer or the keyspace is not what the table says.
// A situation ends at its first difference: what follows would differ for that reason.
func Run(t *testing.T, target Target, situations []Situation) {
	for _, s := range situations {
		t.Run(strings.ReplaceAll(s.Name, " ", "-"), func(t *testing.T) {
			if target.Parallel {
				t.Parallel()
			}
			for try := 1; ; try++ {
				err := (&player{t: t, target: target}).playAll(s)
				switch {
				case err == nil:
					return
				case try < tries && strings.Contains(err.Error(), calmDown):
					t.Logf("once more, as vtctld lost a tablet: %v", err)
				default:
					t.Fatal(err)
				}
			}
		})
	}
}

// A vttablet on a busy machine may close vtctld's connection because the pings that keep it alive came too early, by its
// clock. Whatever call is on its way then fails: that is no answer to it, so the situation is played again.
const (
	calmDown = "too_many_pings"
	tries    = 3
)

// title names a step for whoever reads a failure.
func (s Step) title() string {
	if s.Call == nil {
		return "SQL on " + s.On + ": " + s.SQL
	}
	return fmt.Sprintf("%s{%s}", strings.TrimSuffix(string(s.Call.ProtoReflect().Descriptor().Name()), "Request"), messageText(s.Call))
}

// player plays the steps of one situation.
type player struct {
	t       *testing.T
	target  Target
	conn    grpc.ClientConnInterface
	execute func(shard, statement string)
	state   State // before the step that is played
}

func (p *player) playAll(s Situation) error {
	p.conn, p.execute = p.target.Fresh(p.t, s.Base)
	p.state = s.Base.state()
	if err := p.eventually(func() string { return p.unlike(p.state) }, "keyspace as the situation begins"); err != nil {
		return err
	}
	for i, step := range s.Steps {
		if err := p.play(step); err != nil {
			return fmt.Errorf("step %d, %s: %w", i+1, step.title(), err)
		}
	}
	return nil
}

func (p *player) play(step Step) error {
	if step.Call == nil {
		p.execute(step.On, step.SQL)
		return nil
	}
	request, err := p.request(step)
	if err != nil {
		return err
	}
	if err := p.call(step, request); err != nil {
		return err
	}
	want := p.state.changed(step.After)
	p.state = want
	return p.eventually(func() string { return p.unlike(want) }, "keyspace afterwards")
}

// request is a step's request with the tablet that it is about.
func (p *player) request(step Step) (proto.Message, error) {
	if step.On == "" {
		return step.Call, nil
	}
	tablet, err := p.primary(step.On)
	if err != nil {
		return nil, err
	}
	return addressed(step.Call, tablet)
}

func (p *player) primary(shard string) (*topodatapb.TabletAlias, error) {
	found, err := vtctlservicepb.NewVtctldClient(p.conn).GetShard(p.t.Context(), &vtctldatapb.GetShardRequest{Keyspace: Keyspace, ShardName: shard})
	if err != nil {
		return nil, fmt.Errorf("looking for the primary of shard %s: %w", shard, err)
	}
	if found.Shard.GetShard().GetPrimaryAlias() == nil {
		return nil, fmt.Errorf("shard %s has no primary", shard)
	}
	return found.Shard.Shard.PrimaryAlias, nil
}

// call makes a step's call and compares the answer; again and again if it may come later.
func (p *player) call(step Step, request proto.Message) error {
	once := func() string {
		response, err := send(p.t.Context(), p.conn, request)
		if err != nil || step.Err != "" {
			return errorDiff(step, err)
		}
		return gocmp.Diff(strings.Split(step.Answer, "\n"), strings.Split(answerText(request, response), "\n"))
	}
	if !step.Later {
		if diff := once(); diff != "" {
			return errors.New("answer (-want +got):\n" + diff)
		}
		return nil
	}
	return p.eventually(once, "answer")
}

// errorDiff compares an error with what the step expects of it.
func errorDiff(step Step, err error) string {
	switch {
	case err == nil:
		return fmt.Sprintf("-error %q\n+success", step.Err)
	case step.Err == "":
		return fmt.Sprintf("-success\n+error %q", err)
	}
	got, want := status.Convert(err), cmp.Or(step.Code, codes.Unknown)
	if text := normal(got.Message()); got.Code() != want || !strings.Contains(text, step.Err) {
		return fmt.Sprintf("-%v %q\n+%v %q", want, step.Err, got.Code(), text)
	}
	return ""
}

// eventually waits until diff finds no difference.
func (p *player) eventually(diff func() string, what string) error {
	ctx, cancel := context.WithTimeout(p.t.Context(), p.target.Patience)
	defer cancel()
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		found := diff()
		if found == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s, after %v (-want +got):\n%s", what, p.target.Patience, found)
		case <-time.After(pause):
		}
	}
}

// unlike tells how the keyspace differs from what it is to be.
func (p *player) unlike(want State) string {
	got, err := observe(p.t.Context(), p.conn)
	if err != nil {
		return err.Error()
	}
	return gocmp.Diff(want, got)
}
