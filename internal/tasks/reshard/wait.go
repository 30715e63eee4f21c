package reshard

import (
	"context"
	"errors"
	"time"

	"shardform/internal/vitess"
)

// pace is how often to look: after a fiftieth of the time waited so far, at most its value, so that a wait ends hardly
// later than what it waits for, and a long one asks little of the cluster.
type pace time.Duration

// quick is for what takes seconds; slow for what may take days.
func quick() pace { return pace(time.Second) }
func slow() pace  { return pace(2 * time.Second) }

const (
	fastest  = 100 * time.Millisecond
	longWait = 10 * time.Minute // behind it a slow wait looks more rarely still: every look asks all primaries of the keyspace
	rarest   = 5 * time.Second
)

// pause is how long to wait before the next look. A look that took long, because the cluster is large or busy, is not
// repeated sooner than after as long again.
func (p pace) pause(waited, looking time.Duration) time.Duration {
	slowest := time.Duration(p)
	if waited > longWait {
		slowest = rarest
	}
	return min(max(waited/50, looking, fastest), slowest)
}

// patience is how long a waiting task bears a cluster that cannot be read before it gives up its attempt.
const patience = time.Minute

// watch looks at the segment until see says that it has seen enough, or fails.
func (s *scene) watch(ctx context.Context, p pace, see func(*vitess.SegmentView) (enough bool, err error)) error {
	return s.watchFrom(ctx, nil, p, see)
}

// watchFrom is watch behind a look of a moment ago, which is its first; nil: none.
func (s *scene) watchFrom(ctx context.Context, first *vitess.SegmentView, p pace, see func(*vitess.SegmentView) (enough bool, err error)) error {
	return s.poll(ctx, p, func() (bool, error) {
		view := first
		if first = nil; view == nil {
			var err error
			if view, err = s.look(ctx); err != nil {
				return false, err
			}
		}
		return see(view)
	})
}

// poll calls see until it says that it has seen enough, or fails. A read that fails in it is repeated for a while: a wait
// of days must not die of one vtctld that is being restarted.
func (s *scene) poll(ctx context.Context, p pace, see func() (enough bool, err error)) error {
	begun := s.now()
	var failing time.Time
	for {
		looked := s.now()
		enough, err := see()
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
		stop := s.env.Stop
		if s.unstoppable {
			stop = nil
		}
		now := s.now()
		if stopped := s.env.Clock.Sleep(ctx, stop, p.pause(now.Sub(begun), now.Sub(looked))); stopped != nil {
			return errors.Join(stopped, err) // what could not be read, if that is what was waited for
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
