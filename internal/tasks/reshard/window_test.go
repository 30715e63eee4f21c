package reshard

import (
	"strings"
	"testing"
	"time"

	"shardform/internal/tasks"
)

// windowed has a window and no other gate.
func windowed(w Window) func(*Request) {
	return func(r *Request) { r.Settings.Window = &w }
}

func TestTheWindowIsJudgedByTheClockOfItsZone(t *testing.T) {
	nightly := Window{Opens: "0 22 * * *", Lasts: 2 * time.Hour, Timezone: "Europe/Berlin", MinRemaining: 30 * time.Minute}
	for name, c := range map[string]struct {
		window Window
		now    string
		want   tasks.State
		text   string
	}{
		"before":             {nightly, "2026-11-23T20:59:59Z", tasks.Absent, "is closed until Mon 2026-11-23 22:00 CET"},
		"open":               {nightly, "2026-11-23T21:00:00Z", tasks.Done, "is open until Tue 2026-11-24 00:00 CET"},
		"just enough left":   {nightly, "2026-11-23T22:30:00Z", tasks.Done, "is open until Tue 2026-11-24 00:00 CET"},
		"too little left":    {nightly, "2026-11-23T22:30:01Z", tasks.Absent, "closes at Tue 2026-11-24 00:00 CET and at least 30m have to be left: it is closed until Tue 2026-11-24 22:00 CET"},
		"behind":             {nightly, "2026-11-23T23:00:00Z", tasks.Absent, "is closed until Tue 2026-11-24 22:00 CET"},
		"summer":             {nightly, "2026-07-01T20:00:00Z", tasks.Done, "is open until Thu 2026-07-02 00:00 CEST"},
		"always":             {Window{Opens: "* * * * *", Lasts: time.Hour}, "2026-11-23T03:00:00Z", tasks.Done, "the window for switching writes is open"},
		"UTC without a zone": {Window{Opens: "0 22 * * *", Lasts: time.Hour}, "2026-11-23T21:30:00Z", tasks.Absent, "(0 22 * * *, UTC, for 1h) is closed until Mon 2026-11-23 22:00 UTC"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGatedRig(t, windowed(c.window))
			now, err := time.Parse(time.RFC3339, c.now)
			if err != nil {
				t.Fatal(err)
			}
			g.clock.Time = now
			g.sees("switch_primary/window", c.want, c.text)
			if c.want == tasks.Absent {
				if closed := g.stands("switch_primary/window", tasks.GateWindow); !closed.Opens.After(now) || !strings.Contains(closed.Reason, c.text) {
					t.Errorf("%+v", closed)
				}
			} else if output, err := g.attempt("switch_primary/window"); err != nil || !strings.Contains(output, c.text) {
				t.Errorf("ran to %q, %v", output, err)
			}
		})
	}
}

// The end of a window that never closes moves with the time; a plan that shows it would be another one every minute.
func TestAWindowThatIsAlwaysOpenLooksTheSameAtAnyTime(t *testing.T) {
	g := newGatedRig(t, windowed(Window{Opens: "*/10 * * * *", Lasts: time.Hour}))
	first := g.sees("switch_primary/window", tasks.Done)
	g.clock.Time = g.clock.Time.Add(17 * time.Minute)
	if second := g.sees("switch_primary/window", tasks.Done); first.Detail != second.Detail {
		t.Errorf("%q became %q", first.Detail, second.Detail)
	}
}

func TestAWindowThatClosesDuringTheChecksStopsTheSwitch(t *testing.T) {
	g := newGatedRig(t, windowed(Window{Opens: "0 12 * * *", Lasts: time.Hour}))
	if _, err := g.apply("ready"); err != nil {
		t.Fatal(err)
	}
	g.sees("switch_primary/window", tasks.Done)
	g.calls = nil
	g.clock.Time = time.Date(2026, 11, 23, 12, 58, 0, 0, time.UTC)
	g.lag = func(now time.Time) time.Duration {
		return max(0, time.Date(2026, 11, 23, 13, 2, 0, 0, time.UTC).Sub(now))
	}
	_, err := g.attempt("switch_primary/switch_primary")
	closed, is := asClosed(err)
	if !is || closed.Gate != tasks.GateWindow || closed.Opens.Format(time.RFC3339) != "2026-11-24T12:00:00Z" {
		t.Fatalf("ended with %v", err)
	}
	if got := strings.Join(g.calls, ","); got != "DryRun forward" { // made in vain, and nothing behind it
		t.Errorf("calls %s", got)
	}
	g.lag = nil
	g.until("12:00")
	g.ends()
}

func TestAWindowThatCannotBeReadIsAnErrorAndNotOpen(t *testing.T) {
	g := newGatedRig(t, windowed(Window{Opens: "0 9 31 2 *", Lasts: time.Hour}))
	task, parameters, _ := g.fresh("switch_primary/window")
	_, err := task.(tasks.Observer).Observe(t.Context(), parameters, tasks.Record{})
	if err == nil || !strings.Contains(err.Error(), `reading the window for switching writes: "0 9 31 2 *" never opens`) {
		t.Errorf("observed with %v", err)
	}
	if _, _, err := task.Run(t.Context(), parameters); err == nil {
		t.Error("opened")
	}
	g.upTo("window")
	if _, err := g.attempt("switch_primary/switch_primary"); err == nil || g.count("SwitchTraffic") > 0 {
		t.Errorf("switched, with %v: %q", err, g.calls)
	}
}
