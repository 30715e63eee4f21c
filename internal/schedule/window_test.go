package schedule

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func window(t *testing.T, opens string, lasts time.Duration, zone string, minRemaining time.Duration) *Window {
	t.Helper()
	w, err := New(opens, lasts, zone, minRemaining)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestAWindowIsOpenFromAnOpeningOnForAsLongAsItLasts(t *testing.T) {
	const hour = time.Hour
	for name, c := range map[string]struct {
		opens        string
		lasts        time.Duration
		zone         string
		minRemaining time.Duration
		now          string
		open         bool
		closes       string // "" for none
		next         string
	}{
		"before":                             {"0 9 * * MON-THU", 6 * hour, "Europe/Berlin", 0, "2026-11-23T07:59:59Z", false, "", "2026-11-23T08:00:00Z"},
		"at the opening":                     {"0 9 * * MON-THU", 6 * hour, "Europe/Berlin", 0, "2026-11-23T08:00:00Z", true, "2026-11-23T14:00:00Z", "2026-11-24T08:00:00Z"},
		"within":                             {"0 9 * * MON-THU", 6 * hour, "Europe/Berlin", 0, "2026-11-23T13:59:59Z", true, "2026-11-23T14:00:00Z", "2026-11-24T08:00:00Z"},
		"at the close":                       {"0 9 * * MON-THU", 6 * hour, "Europe/Berlin", 0, "2026-11-23T14:00:00Z", false, "", "2026-11-24T08:00:00Z"},
		"over the weekend":                   {"0 9 * * MON-THU", 6 * hour, "Europe/Berlin", 0, "2026-11-26T15:00:00Z", false, "", "2026-11-30T08:00:00Z"},
		"just enough left":                   {"0 9 * * *", 6 * hour, "UTC", hour, "2026-11-23T14:00:00Z", true, "2026-11-23T15:00:00Z", "2026-11-24T09:00:00Z"},
		"too little left":                    {"0 9 * * *", 6 * hour, "UTC", hour, "2026-11-23T14:00:01Z", false, "2026-11-23T15:00:00Z", "2026-11-24T09:00:00Z"},
		"over midnight":                      {"0 22 * * *", 4 * hour, "UTC", 0, "2026-11-23T01:30:00Z", true, "2026-11-23T02:00:00Z", "2026-11-23T22:00:00Z"},
		"over the end of a month and a year": {"0 22 31 * *", 4 * hour, "UTC", 0, "2027-01-01T01:30:00Z", true, "2027-01-01T02:00:00Z", "2027-01-31T22:00:00Z"},
		"from the last day on":               {"0 0 L * *", 48 * hour, "UTC", 0, "2027-03-01T12:00:00Z", true, "2027-03-02T00:00:00Z", "2027-03-31T00:00:00Z"},
		"for days":                           {"0 0 1 * *", 20 * 24 * hour, "UTC", 0, "2026-11-20T12:00:00Z", true, "2026-11-21T00:00:00Z", "2026-12-01T00:00:00Z"},
		"overlapping":                        {"0 */2 * * *", 3 * hour, "UTC", 0, "2026-11-23T01:00:00Z", true, "2026-11-24T03:00:00Z", "2026-11-23T02:00:00Z"},
		"overlapping for a while":            {"0 8-12 * * *", 90 * time.Minute, "UTC", hour, "2026-11-23T09:20:00Z", true, "2026-11-23T13:30:00Z", "2026-11-23T10:00:00Z"},
		"one right after the other":          {"0 8,9 * * *", hour, "UTC", 30 * time.Minute, "2026-11-23T08:50:00Z", true, "2026-11-23T10:00:00Z", "2026-11-23T09:00:00Z"},
		"always":                             {"* * * * *", time.Minute, "UTC", 0, "2026-11-23T01:00:30Z", true, "2026-11-24T01:01:00Z", "2026-11-23T01:01:00Z"},
		"once in four years":                 {"0 0 29 2 *", hour, "UTC", 0, "2026-11-23T01:00:30Z", false, "", "2028-02-29T00:00:00Z"},
		"longer than its period":             {"0 0 * * MON", 30 * 24 * hour, "UTC", 0, "2026-11-25T00:00:00Z", true, "2026-12-30T00:00:00Z", "2026-11-30T00:00:00Z"},

		"spring, before the gap":              {"30 2 * * *", hour, "Europe/Berlin", 0, "2026-03-29T00:59:59Z", false, "", "2026-03-29T01:00:00Z"},
		"spring, in the hour that is skipped": {"30 2 * * *", hour, "Europe/Berlin", 0, "2026-03-29T01:00:00Z", true, "2026-03-29T02:00:00Z", "2026-03-30T00:30:00Z"},
		"spring, opened before the gap":       {"30 1 * * *", 2 * hour, "Europe/Berlin", 0, "2026-03-29T02:29:59Z", true, "2026-03-29T02:30:00Z", "2026-03-29T23:30:00Z"},
		"autumn, in the first of two":         {"30 2 * * *", 20 * time.Minute, "Europe/Berlin", 0, "2026-10-25T00:30:00Z", true, "2026-10-25T00:50:00Z", "2026-10-25T01:30:00Z"},
		"autumn, between the two":             {"30 2 * * *", 20 * time.Minute, "Europe/Berlin", 0, "2026-10-25T01:00:00Z", false, "", "2026-10-25T01:30:00Z"},
		"autumn, in the second of two":        {"30 2 * * *", 20 * time.Minute, "Europe/Berlin", 0, "2026-10-25T01:49:59Z", true, "2026-10-25T01:50:00Z", "2026-10-26T01:30:00Z"},
		"autumn, over both":                   {"0 2 * * *", 6 * hour, "Europe/Berlin", 0, "2026-10-25T06:59:59Z", true, "2026-10-25T07:00:00Z", "2026-10-26T01:00:00Z"},
		"autumn, opened before both":          {"0 1 * * *", 2 * hour, "Europe/Berlin", 0, "2026-10-25T00:59:59Z", true, "2026-10-25T01:00:00Z", "2026-10-26T00:00:00Z"},
		"a day that is skipped":               {"0 12 30 12 *", hour, "Pacific/Apia", 0, "2011-12-30T09:59:59Z", false, "", "2011-12-30T10:00:00Z"},
		"a midnight that is skipped":          {"0 0 * * *", hour, "Africa/Cairo", 0, "2026-04-23T22:00:00Z", true, "2026-04-23T23:00:00Z", "2026-04-24T21:00:00Z"},
		"half an hour":                        {"15 2 * * *", hour, "Australia/Lord_Howe", 0, "2026-10-03T15:30:00Z", true, "2026-10-03T16:30:00Z", "2026-10-04T15:15:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			w := window(t, c.opens, c.lasts, c.zone, c.minRemaining)
			now := moment(t, c.now)
			open, closes := w.Open(now)
			text := ""
			if !closes.IsZero() {
				text = closes.UTC().Format(time.RFC3339)
			}
			if open != c.open || text != c.closes {
				t.Errorf("open is %t until %q, want %t until %q", open, text, c.open, c.closes)
			}
			if next := w.Next(now).UTC().Format(time.RFC3339); next != c.next {
				t.Errorf("opens next at %s, want %s", next, c.next)
			}
			if zone := w.Next(now).Location().String(); zone != c.zone {
				t.Errorf("the next opening is told in zone %s", zone)
			}
		})
	}
}

// byMinute decides from the clock alone: it walks through time minute by minute and looks at what the clock passes over.
func byMinute(opens string, lasts time.Duration, zone *time.Location, from time.Time, minutes int) (opened []time.Time, open []bool) {
	parts := append([]string{"0"}, strings.Fields(opens)...)
	wall := func(t time.Time) time.Time {
		t = t.In(zone)
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
	}
	before := from.Add(-lasts - day)
	for now := before; now.Before(from.Add(time.Duration(minutes) * time.Minute)); now = now.Add(time.Minute) {
		first := wall(now.Add(-time.Minute)).Add(time.Minute)
		if shown := wall(now); shown.Before(first) {
			first = shown
		}
		for passed := first; !passed.After(wall(now)); passed = passed.Add(time.Minute) {
			if due(parts, passed) {
				opened = append(opened, now)
				break
			}
		}
		if !now.Before(from) {
			open = append(open, slices.ContainsFunc(opened, func(o time.Time) bool { return now.Before(o.Add(lasts)) }))
		}
	}
	return opened, open
}

func TestWindowsAgreeWithAClockThatIsWatchedThroughItsChanges(t *testing.T) {
	for zone, changes := range map[string][]string{
		"Europe/Berlin":       {"2026-03-28", "2026-10-24"},
		"America/Havana":      {"2026-03-07", "2026-10-31"}, // at midnight
		"Africa/Cairo":        {"2026-04-23", "2026-10-29"}, // at midnight; in autumn back into the day before
		"Australia/Lord_Howe": {"2026-04-04", "2026-10-03"}, // by half an hour
		"Asia/Kolkata":        {"2026-03-28"},               // never
	} {
		for _, from := range changes {
			for _, opens := range []string{"0 0 * * *", "30 2 * * *", "*/20 1-3 * * *", "0 * * * 0", "59 23 * * *"} {
				for _, lasts := range []time.Duration{10 * time.Minute, 90 * time.Minute, 30 * time.Hour} {
					t.Run(fmt.Sprintf("%s %s %s %s", zone, from, opens, lasts), func(t *testing.T) {
						w := window(t, opens, lasts, zone, 0)
						start := moment(t, from+"T00:00:00Z")
						const minutes = 3 * 24 * 60
						opened, open := byMinute(opens, lasts, w.zone, start, minutes)
						for i := 0; i < minutes; i += 7 {
							now := start.Add(time.Duration(i) * time.Minute)
							if got, _ := w.Open(now); got != open[i] {
								t.Fatalf("at %s open is %t, want %t", now.In(w.zone), got, open[i])
							}
						}
						later := slices.IndexFunc(opened, func(o time.Time) bool { return o.After(start) })
						now := start
						for _, want := range opened[max(later, 0):] {
							if later < 0 {
								break
							}
							if now = w.Next(now); !now.Equal(want) {
								t.Fatalf("opens at %s, want %s", now, want.In(w.zone))
							}
						}
					})
				}
			}
		}
	}
}

func TestAWindowThatCanNeverBeOpenIsRefused(t *testing.T) {
	for name, err := range map[string]error{
		"no time":           second(New("0 9 * * *", 0, "UTC", 0)),
		"all must be left":  second(New("0 9 * * *", time.Hour, "UTC", time.Hour)),
		"a negative rest":   second(New("0 9 * * *", time.Hour, "UTC", -1)),
		"no day":            second(New("0 9 31 2 *", time.Hour, "UTC", 0)),
		"no zone":           second(New("0 9 * * *", time.Hour, "", 0)),
		"the machine's":     second(New("0 9 * * *", time.Hour, "Local", 0)),
		"an unknown zone":   second(New("0 9 * * *", time.Hour, "Europe/Berlin2", 0)),
		"a path for a zone": second(New("0 9 * * *", time.Hour, "../UTC", 0)),
	} {
		if err == nil || err.Error() == "" {
			t.Errorf("%s: taken", name)
		}
	}
}

func second(_ *Window, err error) error { return err }
