package event

import (
	"testing"
	"time"
)

func TestTheRateIsThatOfTheRowsAndNotOfTheirLeaps(t *testing.T) {
	const rate = 100 // rows a second
	leaping := func(every time.Duration, from int64) func(time.Duration) int64 {
		return func(age time.Duration) int64 { return from + int64(age.Truncate(every).Seconds())*rate }
	}
	for name, c := range map[string]struct {
		rows  func(age time.Duration) int64
		known time.Duration // from then on the rate is known
	}{
		"counted all the time":           {leaping(time.Second, 0), 2 * time.Second},
		"counted every 30 s":             {leaping(30*time.Second, 0), 31 * time.Second},
		"found under way":                {leaping(30*time.Second, 5000), 61 * time.Second},
		"found a moment before it leaps": {func(age time.Duration) int64 { return leaping(30*time.Second, 5000)(age + 29*time.Second) }, 32 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
			var m Meter
			for age := time.Duration(0); age < 10*time.Minute; age += 2 * time.Second {
				rows := c.rows(age)
				p := m.Measure(now, rows, rows+60*rate)
				if age < c.known && p.Rate == 0 && p.ETA == 0 {
					now = now.Add(2 * time.Second)
					continue
				}
				if p.Rate < 0.9*rate || p.Rate > 1.1*rate || p.ETA < 50*time.Second || p.ETA > 70*time.Second {
					t.Fatalf("after %s: %+v", age, p)
				}
				now = now.Add(2 * time.Second)
			}
		})
	}
}

func TestTheRateOfWhatStandsStillGoesDown(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	var m Meter
	for second := range 60 {
		m.Measure(now, int64(second)*100, 0)
		now = now.Add(time.Second)
	}
	before := m.Measure(now, 6000, 12000)
	now = now.Add(10 * time.Minute)
	after := m.Measure(now, 6000, 12000)
	if before.Rate < 90 || after.Rate > 15 || after.ETA < 5*time.Minute {
		t.Errorf("before %+v, after %+v", before, after)
	}
}
