package reshard

import (
	"context"
	"time"

	"shardform/internal/diag"
	"shardform/internal/vitess"
)

// pace is how often to look: quickly at first, as most waits are short, then more and more rarely.
type pace struct{ next, slowest time.Duration }

// quick is for what takes seconds; slow for what may take days.
func quick() pace { return pace{100 * time.Millisecond, time.Second} }
func slow() pace  { return pace{100 * time.Millisecond, 5 * time.Second} }

// pause waits until it is time to look again.
func (s *scene) pause(ctx context.Context, p *pace) error {
	d := p.next
	p.next = min(p.slowest, d*3/2)
	return s.env.Clock.Sleep(ctx, s.env.Stop, d)
}

// patience is how long a waiting task bears a cluster that cannot be read before it gives up its attempt.
const patience = time.Minute

// watch looks at the segment until see says that it has seen enough, or fails. A look that fails is repeated for a
// while: a wait of days must not die of one vtctld that is being restarted.
func (s *scene) watch(ctx context.Context, p pace, see func(*vitess.SegmentView) (enough bool, err error)) error {
	var failing time.Time
	for {
		view, err := s.look(ctx)
		switch {
		case err == nil:
			failing = time.Time{}
			if enough, err := see(view); enough || err != nil {
				return err
			}
		case !diag.IsTemporary(err):
			return err
		case failing.IsZero():
			failing = s.now()
		case s.now().Sub(failing) >= patience:
			return err
		}
		if err != nil {
			s.say("the cluster does not answer, looking again: %v", err)
		}
		if err := s.pause(ctx, &p); err != nil {
			return err
		}
	}
}

// settle watches for at most limit and reports whether is came true. The last view is returned either way.
func (s *scene) settle(ctx context.Context, limit time.Duration, is func(*vitess.SegmentView) bool) (*vitess.SegmentView, bool, error) {
	until := s.now().Add(limit)
	var last *vitess.SegmentView
	var held bool
	err := s.watch(ctx, quick(), func(v *vitess.SegmentView) (bool, error) {
		last, held = v, is(v)
		return held || !s.now().Before(until), nil
	})
	return last, held, err
}

// reportEvery bounds how often a waiting task reports.
const reportEvery = 2 * time.Second
