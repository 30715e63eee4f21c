// Package schedule says when a window is open: from the moments on that a cron expression names, in a time zone, each for
// a while. It is told the time and never asks for it, waits for nothing, and knows nothing of what a window is for.
package schedule

import (
	"fmt"
	"iter"
	"slices"
	"time"
	_ "time/tzdata" // a host without time zones must not judge a window differently

	"shardform/internal/diag"
	"shardform/internal/diag/spell"
)

// Window is open whenever, within the time that it lasts, the clock on the wall of its time zone has passed a moment at
// which it opens. So a moment that the clock skips in spring counts when it jumps, one that it shows twice in autumn counts
// twice, and windows that overlap are one. The time that a window lasts goes by no clock: six hours are six hours.
type Window struct {
	opens        *Opens
	lasts        time.Duration
	minRemaining time.Duration
	zone         *time.Location
}

// New reads a window. lasts is longer than zero; a window with less than minRemaining left, which is shorter than lasts,
// counts as closed. timezone is an IANA name.
func New(opens string, lasts time.Duration, timezone string, minRemaining time.Duration) (*Window, error) {
	o, problem := ParseOpens(opens)
	if problem != nil {
		return nil, problem
	}
	zone, problem := ParseZone(timezone)
	if problem != nil {
		return nil, problem
	}
	if lasts <= 0 || minRemaining < 0 || minRemaining >= lasts {
		return nil, fmt.Errorf("a window that lasts %s with at least %s remaining is never open", spell.Duration(lasts), spell.Duration(minRemaining))
	}
	return &Window{opens: o, lasts: lasts, minRemaining: minRemaining, zone: zone}, nil
}

// ParseZone finds a time zone by its IANA name. The machine's own one is refused: it is another one elsewhere.
func ParseZone(name string) (*time.Location, *diag.Diagnostic) {
	const hint = `write its IANA name, such as "UTC" or "Europe/Berlin"`
	if name == "" || name == "Local" {
		return nil, problem(fmt.Sprintf("%q names no time zone", name), "it would be another one on each machine", hint)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, problem(fmt.Sprintf("there is no time zone %q", name), "", hint)
	}
	return zone, nil
}

func problem(summary, detail, hint string) *diag.Diagnostic {
	return &diag.Diagnostic{Severity: diag.Error, Summary: summary, Detail: detail, Hint: hint}
}

const day = 24 * time.Hour

// Open reports whether the window is open at now with enough time left, and when it closes. closes is zero where it is
// closed, and is told also where it is open with too little left. For windows that follow each other without a gap it is
// looked for no further than a day, or what one lasts if that is longer: then it is the least that is known.
func (w *Window) Open(now time.Time) (open bool, closes time.Time) {
	opened, ok := w.last(now)
	if !ok || !now.Before(opened.Add(w.lasts)) {
		return false, time.Time{}
	}
	closes = opened.Add(w.lasts)
	horizon := now.Add(max(day, w.lasts))
	for next := range w.openings(w.date(opened)) {
		if next.After(closes) || closes.After(horizon) {
			break
		}
		if next.After(opened) {
			closes = next.Add(w.lasts)
		}
	}
	return closes.Sub(now) >= w.minRemaining, closes
}

// Next is the first moment after now at which the window opens, in its time zone; zero if it does not for decades.
func (w *Window) Next(now time.Time) time.Time {
	for t := range w.openings(w.date(now).Add(-day)) {
		if t.After(now) {
			return t
		}
	}
	return time.Time{}
}

// last is the last opening that is not after now and of which something may be left.
func (w *Window) last(now time.Time) (time.Time, bool) {
	today := w.date(now)
	for date := today.Add(day); !date.Before(today.Add(-w.lasts - 2*day)); date = date.Add(-day) {
		for _, t := range slices.Backward(w.on(date)) {
			if !t.After(now) {
				return t, true
			}
		}
	}
	return time.Time{}, false
}

// date is the day that the zone's calendar shows, as the midnight in UTC of the same name.
func (w *Window) date(now time.Time) time.Time {
	year, month, day := now.In(w.zone).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// reach is how many days are searched for an opening: a February 29 on a given weekday may be 40 years away.
const reach = 41 * 366

// openings are all of them from a date on, in order.
func (w *Window) openings(date time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		for range reach {
			for _, t := range w.on(date) {
				if !yield(t) {
					return
				}
			}
			date = date.Add(day)
		}
	}
}

// on are the openings of a date, in order.
func (w *Window) on(date time.Time) []time.Time {
	if !w.opens.opensOn(date) {
		return nil
	}
	moments := make([]time.Time, 0, len(w.opens.minutes))
	for _, minute := range w.opens.minutes {
		moments = append(moments, shows(date.Add(time.Duration(minute)*time.Minute), w.zone)...)
	}
	slices.SortFunc(moments, time.Time.Compare)
	return moments
}

// shows are the moments at which the clock on the wall of zone shows wall, which is written as a time in UTC: one, two
// where the clock is put back, and where it is put forward over it the moment of that.
func shows(wall time.Time, zone *time.Location) []time.Time {
	var found []time.Time
	_, before := wall.Add(-day).In(zone).Zone()
	_, after := wall.Add(day).In(zone).Zone()
	for _, offset := range []int{before, after} {
		t := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		if _, shown := t.Zone(); shown == offset && !slices.ContainsFunc(found, t.Equal) {
			found = append(found, t)
		}
	}
	if len(found) == 0 {
		jump, _ := wall.Add(-time.Duration(before) * time.Second).In(zone).ZoneBounds()
		found = append(found, jump)
	}
	return found
}
