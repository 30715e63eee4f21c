package reshard

import (
	"context"
	"errors"
	"time"

	"shardform/internal/vitess"
)

// pace is how often to look: after every tenth of the time waited so far, so that looking adds little to a short wait
// and asks little of the cluster during a long one.
type pace struct{ slowest, waited time.Duration }

// quick is for what takes seconds; slow for what may take days.
func quick() pace { return pace{slowest: time.Second} }
func slow() pace  { return pace{slowest: 2 * time.Second} }

const (
	fastest  = 100 * time.Millisecond
	longWait = 10 * time.Minute // behind it a slow wait looks more rarely still: every look asks all primaries of the keyspace
	rarest   = 5 * time.Second
)

// pause waits until it is time to look again.
func (s *scene) pause(ctx context.Context, p *pace) error {
	slowest := p.slowest
	if p.waited > longWait {
		slowest = rarest
	}
	d := min(max(p.waited/10, fastest), slowest)
	p.waited += d
	stop := s.env.Stop
	if s.unstoppable {
		stop = nil
	}
	return s.env.Clock.Sleep(ctx, stop, d)
}

// patience is how long a waiting task bears a cluster that cannot be read before it gives up its attempt.
const patience = time.Minute

// watch looks at the segment until see says that it has seen enough, or fails. A read that fails, here or in see, is
// repeated for a while: a wait of days must not die of one vtctld that is being restarted.
func (s *scene) watch(ctx context.Context, p pace, see func(*vitess.SegmentView) (enough bool, err error)) error {
	var failing time.Time
	for {
		enough := false
		view, err := s.look(ctx)
		if err == nil {
			enough, err = see(view)
		}
		var unread *unreadError
		switch {
		case err == nil && enough:
			return nil
		case err == nil:
			failing = time.Time{}
		case !errors.As(err, &unread):
			return err
		case failing.IsZero():
			failing = s.now()
			s.say("the cluster does not answer, looking again: %v", err)
		case s.now().Sub(failing) >= patience:
			return err
		}
		if err := s.pause(ctx, &p); err != nil {
			return err
		}
	}
}

// settle watches for at most limit and reports whether is came true. The last view is returned either way. It stands
// behind a changing call, whose effect has to be known, so it does not stop on request; only ctx ends it.
func (s *scene) settle(ctx context.Context, limit time.Duration, is func(*vitess.SegmentView) bool) (*vitess.SegmentView, bool, error) {
	s.unstoppable = true
	defer func() { s.unstoppable = false }()
	until := s.now().Add(limit)
	var last *vitess.SegmentView
	var held bool
	err := s.watch(ctx, quick(), func(v *vitess.SegmentView) (bool, error) {
		last, held = v, is(v)
		return held || !s.now().Before(until), nil
	})
	return last, held, err
}

const (
	reportEvery = time.Second      // how often a waiting task reports what changes
	remindEvery = 30 * time.Second // and what does not
)
