package reshard

import (
	"shardform/internal/event"
	"shardform/internal/tasks"
)

// meter measures the rate at which rows grow, for reports that are not made more often than anybody reads them.
type meter struct {
	clock tasks.Clock
	event.Meter
}

// due reports whether it is time to report again.
func (m *meter) due() bool {
	return m.Measured().IsZero() || m.clock.Now().Sub(m.Measured()) >= reportEvery
}

func (m *meter) measure(rows, total int64) *event.Progress {
	return m.Measure(m.clock.Now(), rows, total)
}
