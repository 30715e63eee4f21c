package reshard

import (
	"strings"
	"testing"
	"time"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// soaking is a reshard whose writes were just switched, with a day to soak.
func soaking(t *testing.T) *gatedRig {
	t.Helper()
	g := newGatedRig(t, func(r *Request) { r.Settings.Soak = 24 * time.Hour })
	g.reaches("soak/soak", tasks.GateSoak)
	g.calls = nil
	return g
}

func (g *gatedRig) reverse() *fakeWorkflow { return g.workflow(g.request.Workflow + "_reverse") }

func TestTheSoakCountsFromTheCreationOfTheReverseStreams(t *testing.T) {
	g := soaking(t)
	until := g.reverse().created.Add(24 * time.Hour)
	// Neither a lost state nor how late it is looked at changes that.
	g.ended = nil
	g.clock.Time = until.Add(-time.Second)
	if closed := g.stands("soak/soak", tasks.GateSoak); !closed.Opens.Equal(until) || closed.Reason != "customer - to -80,80- stays reversible for 24h" {
		t.Errorf("%+v", closed)
	}
	g.sees("soak/soak", tasks.Absent, "stays reversible for 24h, until "+until.Format(time.RFC3339))
	g.clock.Time = until
	g.sees("soak/soak", tasks.Done, "reversible for 24h, since "+g.reverse().created.Format(time.RFC3339))
	g.ended = map[addr.Address]time.Time{}
	g.ends()
}

func TestASoakThatIsOverStillNeedsAWayBackThatIsUpToDate(t *testing.T) {
	for name, c := range map[string]struct {
		lag  time.Duration
		want string
	}{
		"far behind":   {5 * time.Minute, "the soak of customer - to -80,80- is over and the reverse streams are 5m0s behind: expected at most 30s"},
		"just too far": {31 * time.Second, "are 31s behind"},
	} {
		t.Run(name, func(t *testing.T) {
			g := soaking(t)
			g.clock.Time = g.clock.Time.Add(25 * time.Hour)
			g.lag = func(time.Time) time.Duration { return c.lag }
			closed := g.stands("soak/soak", tasks.GateSoak)
			if !strings.Contains(closed.Reason, c.want) || !closed.Opens.IsZero() {
				t.Errorf("%+v", closed)
			}
			if len(g.calls) > 0 {
				t.Errorf("calls %q", g.calls)
			}
			g.lag = func(time.Time) time.Duration { return 30 * time.Second }
			g.ends()
		})
	}
}

func TestReverseStreamsThatDoNotRunAreNoSilentWait(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*gatedRig)
		want []string
	}{
		"stopped": {func(g *gatedRig) { g.reverse().stopped = true }, []string{"are stopped, by someone or by a switch with reverse_replication = false", ": -/", "Reshard --workflow W_reverse --target-keyspace customer start"}},
		"failing": {func(g *gatedRig) { g.reverse().errorMessage = "duplicate entry" }, []string{"report errors: -/", "duplicate entry", "when the cause is removed", "W_reverse --target-keyspace customer show"}},
		"gone":    {func(g *gatedRig) { g.removeWorkflow(g.reverse().name) }, []string{"there are no reverse streams", "to finish without a way back", "MoveTables --workflow W --target-keyspace customer complete --keep-data"}},
	} {
		t.Run(name, func(t *testing.T) {
			for when, wait := range map[string]time.Duration{"while it soaks": time.Hour, "when it is over": 25 * time.Hour} {
				g := soaking(t)
				g.clock.Time = g.clock.Time.Add(wait)
				c.edit(g)
				o := g.sees("soak/soak", tasks.Conflict)
				whole := strings.ReplaceAll(o.Detail+"\n"+strings.Join(o.Cure, "\n"), g.request.Workflow, "W")
				for _, want := range c.want {
					if !strings.Contains(whole, want) {
						t.Errorf("%s: lacks %q: %s", when, want, whole)
					}
				}
				if _, err := g.attempt("soak/soak"); diag.ExitOf(err) != diag.ExitRefused {
					t.Errorf("%s: ended with %v", when, err)
				}
			}
		})
	}
}

func TestASoakThatWasOverStaysSo(t *testing.T) {
	for name, edit := range map[string]func(*gatedRig){
		"a completion that died": func(g *gatedRig) { g.removeWorkflow(g.reverse().name) },
		"a lag":                  func(g *gatedRig) { g.lag = func(time.Time) time.Duration { return time.Hour } },
		"streams that stopped":   func(g *gatedRig) { g.reverse().stopped = true },
	} {
		t.Run(name, func(t *testing.T) {
			g := soaking(t)
			g.clock.Time = g.clock.Time.Add(25 * time.Hour)
			if _, err := g.one("soak/soak"); err != nil {
				t.Fatal(err)
			}
			edit(g)
			g.sees("soak/soak", tasks.Done)
		})
	}
}

func TestASwitchThatIsMadeAgainSoaksAgain(t *testing.T) {
	g := soaking(t)
	g.clock.Time = g.clock.Time.Add(25 * time.Hour)
	if _, err := g.one("soak/soak"); err != nil {
		t.Fatal(err)
	}
	g.switchBackByHand()
	g.sees("soak/soak", tasks.Absent, "the soak begins when writes are switched; writes are served by customer/-")
	g.approve(consentStep)
	if closed := g.reaches("soak/soak", tasks.GateSoak); closed.Opens.Sub(g.clock.Time) < 23*time.Hour {
		t.Errorf("over at %s", closed.Opens)
	}
}

func TestASoakWhoseClockIsLostSaysSo(t *testing.T) {
	g := soaking(t)
	g.reverse().noLog = true
	g.clock.Time = g.clock.Time.Add(25 * time.Hour)
	_, err := g.one("soak/soak")
	all := diag.All(err)
	if diag.ExitOf(err) != diag.ExitFailed || diag.IsTemporary(err) || len(all) != 1 || !strings.Contains(all[0].Detail, "the log has no row of") ||
		!strings.Contains(all[0].Hint, "look at what is there\nto go back: commit the old layout") || !strings.Contains(all[0].Hint, "complete --keep-data") {
		t.Errorf("ended with %v: %+v", err, all)
	}
	g.reverse().noLog = false
	g.faults = []fault{{method: "StreamsCreated", at: "before"}}
	g.ends() // a look that fails once is made again
}

func TestALongerSoakThatIsWantedLaterIsKept(t *testing.T) {
	g := soaking(t)
	g.clock.Time = g.clock.Time.Add(25 * time.Hour)
	if _, err := g.one("soak/soak"); err != nil {
		t.Fatal(err)
	}
	g.request.Settings.Soak = 48 * time.Hour
	g.stands("soak/soak", tasks.GateSoak)
}

func TestNothingIsCompletedWhileItSoaks(t *testing.T) {
	g := soaking(t)
	for range 3 {
		g.clock.Time = g.clock.Time.Add(7 * time.Hour)
		g.reaches("soak/soak", tasks.GateSoak)
	}
	if len(g.calls) > 0 || g.workflow(g.request.Workflow) == nil || g.shard("-") == nil {
		t.Errorf("calls %q", g.calls)
	}
	snapshot, err := g.Snapshot(t.Context(), "customer")
	if err != nil {
		t.Fatal(err)
	}
	if v := snapshot.View(g.request.Segment); !v.WritesDone(true) || v.Writes() != vitess.AllSwitched {
		t.Error("it is not reversible")
	}
}
