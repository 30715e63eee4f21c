package reshard

import (
	"time"

	"shardform/internal/event"
	"shardform/internal/tasks"
)

// meter measures a rate over the last reports.
type meter struct {
	clock   tasks.Clock
	reports []reading // the last few
}

type reading struct {
	at   time.Time
	rows int64
}

// due reports whether it is time to report again.
func (m *meter) due() bool {
	return len(m.reports) == 0 || m.clock.Now().Sub(m.reports[len(m.reports)-1].at) >= reportEvery
}

// measure adds a reading and returns the progress so far; the lag, which it cannot know, is negative.
func (m *meter) measure(rows, total int64) *event.Progress {
	now := m.clock.Now()
	m.reports = append(m.reports, reading{now, rows})
	m.reports = m.reports[max(0, len(m.reports)-10):]
	p := &event.Progress{Done: rows, Total: total, Lag: -1}
	first := m.reports[0]
	if took := now.Sub(first.at); took > 0 && rows > first.rows {
		p.Rate = float64(rows-first.rows) / took.Seconds()
		if total > rows {
			p.ETA = time.Duration(float64(total-rows) / p.Rate * float64(time.Second)).Round(time.Second)
		}
	}
	return p
}
