package vitess

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/parallel"
)

// Lag, the age of a VDiff and the length of a soak are differences between a time that a tablet wrote and the time here. So
// the clocks of tablets are compared with this machine's, and every time that is read of one is given by this machine's
// clock: nobody who computes with it has to know of the difference.

// ClockAhead says how far this machine's clock is ahead of a tablet's; negative: behind. It is zero where they differ by
// less than ClockSlack, or where that is not known.
type ClockAhead struct {
	Tablet string // alias
	By     time.Duration
}

// ClockSlack is the difference between two clocks that is not corrected: the times of tablets are whole seconds.
const ClockSlack = time.Second

// String is the tail of a sentence about a lag or an age, "" where the clocks agree.
func (c ClockAhead) String() string {
	if c.By == 0 {
		return ""
	}
	word := "ahead of"
	if c.By < 0 {
		word = "behind"
	}
	return fmt.Sprintf(" (this machine's clock is %s %s that of tablet %s, which is taken into account)", c.By.Abs().Round(time.Second/10), word, c.Tablet)
}

const (
	clockKept    = time.Minute // how long a comparison is good for: clocks are also set while a reshard runs
	clocksAtOnce = 16
	clockQuery   = "select unix_timestamp(now(6)) as t"
)

// clocks are the comparisons of a Client.
type clocks struct {
	mu        sync.Mutex
	readings  map[string]clockReading // by tablet
	primaries map[string]string       // tablet by KEYSPACE/SHARD
}

type clockReading struct {
	ahead time.Duration
	at    time.Time
}

func (c *Client) now() time.Time {
	if c.config.Now != nil {
		return c.config.Now()
	}
	return time.Now()
}

// ahead is what is known of a tablet's clock.
func (c *clocks) ahead(tablet string) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.readings[tablet].ahead
}

// aheadOf is ahead of the tablet that had streams on a shard when workflows were last read.
func (c *clocks) aheadOf(keyspace, shard string) time.Duration {
	c.mu.Lock()
	tablet := c.primaries[keyspace+"/"+shard]
	c.mu.Unlock()
	return c.ahead(tablet)
}

// byThisClock compares the clocks of the tablets that the streams run on, where that was not done a moment ago, and gives
// the streams' times by this machine's clock.
func (c *Client) byThisClock(ctx context.Context, keyspace string, workflows []Workflow) {
	var group parallel.Group
	group.SetLimit(clocksAtOnce)
	for _, tablet := range c.clocks.stale(keyspace, workflows, c.now()) {
		group.Go(func() error {
			c.compareClock(ctx, tablet)
			return nil
		})
	}
	if group.Wait() != nil {
		return // a panic
	}
	for i := range workflows {
		w := &workflows[i]
		for j := range w.Streams {
			st := &w.Streams[j]
			by := c.clocks.ahead(st.Tablet)
			st.Updated, st.Transaction, st.ThrottledAt = shifted(st.Updated, by), shifted(st.Transaction, by), shifted(st.ThrottledAt, by)
			if by.Abs() > w.Clock.By.Abs() {
				w.Clock = ClockAhead{st.Tablet, by}
			}
		}
	}
}

// shifted adds to a time that is known.
func shifted(t time.Time, by time.Duration) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(by)
}

// stale notes the tablets of streams and returns those whose clocks are to be compared; each comes once in clockKept,
// whether or not it answers.
func (c *clocks) stale(keyspace string, workflows []Workflow, now time.Time) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readings == nil {
		c.readings, c.primaries = map[string]clockReading{}, map[string]string{}
	}
	var stale []string
	for _, w := range workflows {
		for _, st := range w.Streams {
			c.primaries[keyspace+"/"+st.Target] = st.Tablet
			last, known := c.readings[st.Tablet]
			if st.Tablet == "" || known && now.Sub(last.at).Abs() < clockKept {
				continue
			}
			c.readings[st.Tablet] = clockReading{last.ahead, now}
			stale = append(stale, st.Tablet)
		}
	}
	return stale
}

// compareClock compares a tablet's clock with this machine's in the middle of the question's way there and back. A
// difference that the way may account for counts as none, and so does one below ClockSlack. What is known stands while
// the difference is about the same, so that two times of one tablet keep their distance.
func (c *Client) compareClock(ctx context.Context, tablet string) {
	alias, err := parseAlias(tablet)
	if err != nil {
		return
	}
	var begun, ended, there time.Time
	err = c.read(ctx, "read the clock of tablet "+tablet, func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		begun = c.now()
		answer, err := vtctld.ExecuteFetchAsDBA(ctx, &vtctldatapb.ExecuteFetchAsDBARequest{TabletAlias: alias, Query: clockQuery, MaxRows: 1})
		ended = c.now()
		for _, r := range rowsOf(answer.GetResult()) {
			there = unixTime(r["t"])
		}
		return err
	})
	if err != nil || there.IsZero() {
		return
	}
	half := ended.Sub(begun) / 2
	ahead := begun.Add(half).Sub(there)
	if ahead.Abs() < ClockSlack || ahead.Abs() <= half {
		ahead = 0
	}
	c.clocks.mu.Lock()
	defer c.clocks.mu.Unlock()
	last := c.clocks.readings[tablet]
	if ahead == 0 || (ahead-last.ahead).Abs() >= ClockSlack {
		last.ahead = ahead
	}
	c.clocks.readings[tablet] = last
}

// unixTime reads "1795953600.250000"; the zero time for anything else.
func unixTime(text string) time.Time {
	whole, fraction, _ := strings.Cut(text, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}
	}
	micros, err := strconv.ParseInt((fraction + "000000")[:6], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, micros*1000)
}
