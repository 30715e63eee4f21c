package vitess

import (
	"context"
	"fmt"
	"slices"
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
	clockTries   = 3           // comparisons that fail, one at each read, before the next one has to wait for as long
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
	ahead  time.Duration
	at     time.Time     // of the end of the last comparison, zero before the first
	failed int           // comparisons without an answer since the last one that had one
	ended  chan struct{} // closed when the comparison under way ends; nil if there is none
}

// fresh reports whether a reading is good for now without another comparison.
func (r clockReading) fresh(now time.Time) bool {
	return !r.at.IsZero() && now.Sub(r.at).Abs() < clockKept && (r.failed == 0 || r.failed >= clockTries)
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
// the streams' times by this machine's clock. What somebody else compares already is waited for.
func (c *Client) byThisClock(ctx context.Context, keyspace string, workflows []Workflow) {
	var group parallel.Group
	group.SetLimit(clocksAtOnce)
	stale, others := c.clocks.stale(keyspace, workflows, c.now())
	for _, tablet := range stale {
		group.Go(func() error {
			c.compareClock(ctx, tablet)
			return nil
		})
	}
	if group.Wait() != nil {
		return // a panic
	}
	for _, ended := range others {
		select {
		case <-ended:
		case <-ctx.Done():
		}
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

// stale notes the tablets of streams and returns those whose clocks the caller has to compare, and the ends of comparisons
// that others make. Each tablet comes once in clockKept; one that does not answer comes clockTries times before that.
func (c *clocks) stale(keyspace string, workflows []Workflow, now time.Time) (stale []string, others []<-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readings == nil {
		c.readings, c.primaries = map[string]clockReading{}, map[string]string{}
	}
	for _, w := range workflows {
		for _, st := range w.Streams {
			c.primaries[keyspace+"/"+st.Target] = st.Tablet
			last := c.readings[st.Tablet]
			switch {
			case st.Tablet == "" || slices.Contains(stale, st.Tablet):
			case last.ended != nil:
				others = append(others, last.ended)
			case !last.fresh(now):
				last.ended = make(chan struct{})
				c.readings[st.Tablet] = last
				stale = append(stale, st.Tablet)
			}
		}
	}
	return stale, others
}

// compared ends the comparison that is under way; known is false for one without an answer. What is known stands while the
// difference is about the same, so that two times of one tablet keep their distance.
func (c *clocks) compared(tablet string, ahead time.Duration, known bool, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.readings[tablet]
	if last.failed++; known {
		last.failed = 0
	}
	if known && (ahead == 0 || (ahead-last.ahead).Abs() >= ClockSlack) {
		last.ahead = ahead
	}
	close(last.ended)
	last.at, last.ended = now, nil
	c.readings[tablet] = last
}

// compareClock compares a tablet's clock with this machine's in the middle of the question's way there and back. A
// difference that the way may account for counts as none, and so does one below ClockSlack.
func (c *Client) compareClock(ctx context.Context, tablet string) {
	var ahead time.Duration
	known := false
	defer func() { c.clocks.compared(tablet, ahead, known, c.now()) }() // also where it panics: others wait for it
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
	known, ahead = true, begun.Add(half).Sub(there)
	if ahead.Abs() < ClockSlack || ahead.Abs() <= half {
		ahead = 0
	}
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
