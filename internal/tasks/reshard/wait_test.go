package reshard

import (
	"context"
	"testing"
	"time"

	"shardform/internal/vitess"
)

func TestPausesGrowWithTheWaitAndWithTheTimeThatLookingTakes(t *testing.T) {
	for name, c := range map[string]struct {
		pace            pace
		waited, looking time.Duration
		want            time.Duration
	}{
		"at first":                 {slow(), 0, 20 * time.Millisecond, fastest},
		"half a minute":            {slow(), 30 * time.Second, 20 * time.Millisecond, 600 * time.Millisecond},
		"minutes":                  {slow(), 5 * time.Minute, 20 * time.Millisecond, 2 * time.Second},
		"hours":                    {slow(), 5 * time.Hour, 20 * time.Millisecond, rarest},
		"what takes seconds":       {quick(), 5 * time.Minute, 20 * time.Millisecond, time.Second},
		"where looking is slow":    {slow(), time.Second, 700 * time.Millisecond, 700 * time.Millisecond},
		"where a read has run out": {slow(), time.Minute, 30 * time.Second, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.pace.pause(c.waited, c.looking); got != c.want {
				t.Errorf("%s, expected %s", got, c.want)
			}
		})
	}
}

// lookCounter counts the reads of the whole keyspace.
type lookCounter struct {
	*fakeCluster
	looks int
}

func (c *lookCounter) Snapshot(ctx context.Context, keyspace string) (*vitess.Snapshot, error) {
	c.looks++
	return c.fakeCluster.Snapshot(ctx, keyspace)
}

func TestWaitsEndHardlyLaterThanWhatTheyWaitFor(t *testing.T) {
	for name, c := range map[string]struct {
		label string
		takes time.Duration
		late  time.Duration // at most
		looks int           // at most: every look asks all primaries
	}{
		"a short copy":       {"copy", 1500 * time.Millisecond, fastest, 17},
		"a copy":             {"copy", 30 * time.Second, 600 * time.Millisecond, 150},
		"a long copy":        {"copy", 3 * time.Hour, rarest, 2600},
		"a short comparison": {"verify", 1200 * time.Millisecond, fastest, 4},
		"a comparison":       {"verify", 30 * time.Second, 600 * time.Millisecond, 32},
		"a long comparison":  {"verify", 3 * time.Hour, rarest, 2500},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.copyTakes = c.takes
			if c.label == "verify" {
				r.copyTakes, r.diffTakes = time.Second, c.takes
			}
			r.upTo(c.label)
			counter := &lookCounter{fakeCluster: r.fakeCluster}
			r.env.Cluster = func(string) (vitess.Cluster, error) { return counter, nil }
			task, parameters := r.make(c.label)
			began := r.clock.Time
			if _, _, err := task.Run(t.Context(), parameters); err != nil {
				t.Fatal(err)
			}
			if late := r.clock.Time.Sub(began) - c.takes; late < 0 || late > c.late {
				t.Errorf("ended %s after what it waited for, expected at most %s", late, c.late)
			}
			if counter.looks > c.looks {
				t.Errorf("looked %d times at the keyspace, expected at most %d", counter.looks, c.looks)
			}
		})
	}
}

func TestARunningComparisonNoticesThatItsWorkflowIsGone(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("verify")
	r.diffTakes = time.Hour
	began := r.clock.Time
	r.clock.BeforeSleep = func() {
		if r.clock.Time.Sub(began) > time.Minute {
			r.workflows = nil
		}
	}
	if _, err := r.run("verify"); err == nil {
		t.Fatal("compared a workflow that is gone")
	}
	if took := r.clock.Time.Sub(began); took > time.Minute+5*time.Second {
		t.Errorf("noticed after %s", took)
	}
}
