package reshard

import (
	"time"

	"shardform/internal/event"
	"shardform/internal/tasks"
)

// meter measures the rate at which rows grow. The server counts them in leaps: a stream that copies writes its number every
// 30 s, a VDiff after so many rows. So only readings that differ from the one before count, over a time that has several
// leaps in it; one that is found under way says nothing of when it was reached.
type meter struct {
	clock    tasks.Clock
	reported time.Time // zero: never
	rows     int64     // then
	leaps    []reading
}

type reading struct {
	at   time.Time
	rows int64
}

const (
	rateOver = 2 * time.Minute  // how much of the past counts
	leapWait = 45 * time.Second // rows that grow leap within this time; behind it the rate goes down
)

// due reports whether it is time to report again.
func (m *meter) due() bool {
	return m.reported.IsZero() || m.clock.Now().Sub(m.reported) >= reportEvery
}

// measure adds a reading and returns the progress so far; the lag, which it cannot know, is negative.
func (m *meter) measure(rows, total int64) *event.Progress {
	now := m.clock.Now()
	if first := m.reported.IsZero(); first && rows == 0 || !first && rows != m.rows {
		m.leaps = append(m.leaps, reading{now, rows})
	}
	m.reported, m.rows = now, rows
	for len(m.leaps) > 2 && now.Sub(m.leaps[1].at) >= rateOver {
		m.leaps = m.leaps[1:]
	}
	p := &event.Progress{Done: rows, Total: total, Lag: -1}
	if len(m.leaps) == 0 {
		return p
	}
	first, until := m.leaps[0], m.leaps[len(m.leaps)-1].at
	if now.Sub(until) > leapWait {
		until = now
	}
	if took := until.Sub(first.at); took > 0 && rows > first.rows {
		p.Rate = float64(rows-first.rows) / took.Seconds()
		if total > rows {
			p.ETA = time.Duration(float64(total-rows) / p.Rate * float64(time.Second)).Round(time.Second)
		}
	}
	return p
}
