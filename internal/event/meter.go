package event

import "time"

// Meter measures the rate at which rows grow. The server counts them in leaps: a stream that copies writes its number every
// 30 s, a VDiff after so many rows. So only readings that differ from the one before count, over a time that has several
// leaps in it; one that is found under way says nothing of when it was reached. The zero value is ready to use.
type Meter struct {
	measured time.Time // zero: never
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

// Measured is when Measure was last called; zero: never.
func (m *Meter) Measured() time.Time { return m.measured }

// Measure adds a reading and returns the progress so far; the lag, which it cannot know, is negative.
func (m *Meter) Measure(now time.Time, rows, total int64) *Progress {
	if first := m.measured.IsZero(); first && rows == 0 || !first && rows != m.rows {
		m.leaps = append(m.leaps, reading{now, rows})
	}
	m.measured, m.rows = now, rows
	for len(m.leaps) > 2 && now.Sub(m.leaps[1].at) >= rateOver {
		m.leaps = m.leaps[1:]
	}
	p := &Progress{Done: rows, Total: total, Lag: -1}
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
