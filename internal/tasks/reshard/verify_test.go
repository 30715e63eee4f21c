package reshard

import (
	"slices"
	"strings"
	"testing"
	"time"

	"shardform/internal/diag"
	"shardform/internal/tasks"
)

func TestAMismatchPrintsTheRowsAndStops(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("verify")
	r.mismatch = true
	r.fails("verify", diag.ExitFailed, false, "found differences", "table customer on -80: 1 rows differ, 2 are missing on the target", "customer_id=7: text a, not b", "nothing was switched")

	r.mismatch = false // cured: applying again compares again
	r.expect("verify", tasks.Absent)
	r.finishes()
	if r.count("VDiffCreate") != 2 {
		t.Errorf("calls %q", r.calls)
	}
}

func TestAFailedVDiffIsFollowedByTheNextGeneration(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("verify")
	r.clock.BeforeSleep = func() {
		if len(r.vdiffs) == 1 {
			r.vdiffs[0].failed = "lost connection"
		}
	}
	r.does("verify")
	if len(r.vdiffs) != 2 || r.vdiffs[0].uuid == r.vdiffs[1].uuid {
		t.Errorf("%d VDiffs", len(r.vdiffs))
	}
}

func TestARunningVDiffIsAdoptedAndAStoppedOneResumed(t *testing.T) {
	for name, stop := range map[string]bool{"running": false, "stopped": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.upTo("verify")
			r.diffTakes = time.Hour
			r.clock.BeforeSleep = func() {
				if len(r.vdiffs) == 1 {
					close(r.stop)
					r.clock.BeforeSleep = nil
				}
			}
			if _, err := r.run("verify"); err == nil {
				t.Fatal("was not stopped")
			}
			r.env.Stop = make(chan struct{})
			r.vdiffs[0].stopped = stop
			r.expect("verify", tasks.Running)
			r.does("verify")
			if r.count("VDiffCreate") != 1 || r.count("VDiffResume") != map[bool]int{true: 1}[stop] {
				t.Errorf("calls %q", r.calls)
			}
		})
	}
}

// A VDiffCreate that died after the first targets leaves a VDiff that would be waited for until verify.timeout.
func TestAVDiffThatSomeTargetsLackIsCreatedOnThemToo(t *testing.T) {
	for name, edit := range map[string]func(r *rig, d *fakeVDiff){
		"compared where it is": func(r *rig, _ *fakeVDiff) { r.clock.Time = r.clock.Time.Add(r.diffTakes) },
		"running where it is":  func(*rig, *fakeVDiff) {},
		"stopped where it is":  func(_ *rig, d *fakeVDiff) { d.stopped = true },
	} {
		for _, answer := range []string{"", "after"} { // of the second call: the server answers an error although it made it
			t.Run(name+" "+answer, func(t *testing.T) {
				r := newRig(t, "-:-80,80-")
				r.upTo("verify")
				r.faults = []fault{{method: "VDiffCreate", at: "partly"}}
				r.fails("verify", diag.ExitFailed, true, "starting a VDiff", "on 80-")
				edit(r, r.vdiffs[0])
				if o := r.expect("verify", tasks.Running); !strings.Contains(o.Detail, "on -80 and not on 80-") {
					t.Errorf("observed %+v", o)
				}
				if r.faults = nil; answer != "" {
					r.faults = []fault{{method: "VDiffCreate", at: answer}}
				}
				begun := r.clock.Time
				r.does("verify")
				if took := r.clock.Time.Sub(begun); r.count("VDiffCreate") != 2 || len(r.vdiffs) != 1 || took > time.Minute {
					t.Errorf("after %s: calls %q, %d VDiffs", took, r.calls, len(r.vdiffs))
				}
				r.finishes()
			})
		}
	}
}

func TestAVDiffThatSomeTargetsLackIsNotCompletedByWaiting(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("verify")
	r.vdiffs = append(r.vdiffs, &fakeVDiff{workflow: r.request.Workflow, uuid: othersVDiff, created: r.clock.Time, started: r.clock.Time, missing: []string{"80-"}})
	begun := r.clock.Time
	r.does("verify")
	if took := r.clock.Time.Sub(begun); len(r.vdiffs) != 2 || took > time.Minute {
		t.Errorf("somebody else's VDiff on one of two targets was waited for: %s, %d VDiffs", took, len(r.vdiffs))
	}
}

func TestAVDiffThatIsStoppedAgainAndAgainIsLeftAlone(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("verify")
	r.diffTakes = time.Hour
	r.clock.BeforeSleep = func() {
		if len(r.vdiffs) == 1 {
			r.vdiffs[0].stopped = true
		}
	}
	r.fails("verify", diag.ExitRefused, false, "was stopped by someone", "resume")
	if r.count("VDiffResume") != 1 {
		t.Errorf("calls %q", r.calls)
	}
}

func TestAResultStaysGoodOnceWritesAreSwitched(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("complete")
	r.clock.Time = r.clock.Time.Add(48 * time.Hour)
	if o := r.expect("verify", tasks.Done); len(o.Warnings) > 0 {
		t.Errorf("observed %+v", o)
	}
}

const othersVDiff = "11111111-2222-3333-4444-555555555555"

func TestAVDiffOfSomeoneElseIsWaitedForAndCounts(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("verify")
	r.vdiffs = append(r.vdiffs, &fakeVDiff{workflow: r.request.Workflow, uuid: othersVDiff, created: r.clock.Time, started: r.clock.Time})
	r.does("verify")
	task, parameters := r.make("verify")
	o, err := task.(tasks.Observer).Observe(t.Context(), parameters, tasks.Record{Done: true})
	if err != nil || o.State != tasks.Done || r.count("VDiffCreate") != 0 || !strings.Contains(o.Detail, othersVDiff) {
		t.Errorf("calls %q, observed %+v, %v", r.calls, o, err)
	}
	r.finishes()
	if r.count("VDiffCreate") != 0 {
		t.Errorf("it was compared again: %q", r.calls)
	}
}

func TestAVDiffOfSomeoneElseThatSaysTooLittleDoesNotCount(t *testing.T) {
	for name, edit := range map[string]func(*rig, *fakeVDiff){
		"of earlier streams": func(r *rig, d *fakeVDiff) { d.created = r.workflow(r.request.Workflow).created.Add(-time.Second) },
		"of a part":          func(_ *rig, d *fakeVDiff) { d.limited = true },
		"with differences":   func(_ *rig, d *fakeVDiff) { d.mismatch = true },
		"failed":             func(_ *rig, d *fakeVDiff) { d.failed = "lost connection" },
		"too old":            func(_ *rig, d *fakeVDiff) { d.started = d.started.Add(-48 * time.Hour) },
		"of nobody knows when": func(r *rig, _ *fakeVDiff) {
			r.faults = slices.Repeat([]fault{{method: "VDiffCreated", at: "before"}}, 20)
		},
		"of streams of unknown": func(r *rig, _ *fakeVDiff) {
			r.faults = slices.Repeat([]fault{{method: "StreamsCreated", at: "before"}}, 20)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.upTo("verify")
			d := &fakeVDiff{workflow: r.request.Workflow, uuid: othersVDiff, created: r.clock.Time, started: r.clock.Time}
			r.vdiffs = append(r.vdiffs, d)
			r.clock.Time = r.clock.Time.Add(r.diffTakes + time.Second)
			edit(r, d)
			r.does("verify")
			if r.count("VDiffCreate") != 1 {
				t.Errorf("calls %q", r.calls)
			}
		})
	}
}

// A wait of hours has to be told from one that hangs: something is said all the time, whatever moves or does not.
func TestAComparisonNeverLooksStalled(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*rig)
		most time.Duration // between two reports
		want string
	}{
		"comparing": {func(r *rig) { r.diffTakes = 2 * time.Hour }, rarest, "VDiff is started, "},
		"pending":   {func(r *rig) { r.pending = time.Hour }, rarest, "VDiff is pending, waiting for its tablets to begin"},
		"for that of someone else": {func(r *rig) {
			r.diffTakes = time.Hour
			r.vdiffs = append(r.vdiffs, &fakeVDiff{workflow: r.request.Workflow, uuid: "11111111-2222-3333-4444-555555555555", started: r.clock.Time})
		}, remindEvery + rarest, "waiting for VDiff 11111111-2222-3333-4444-555555555555, which someone else runs: it is started, "},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.upTo("verify")
			c.edit(r)
			last := r.clock.Time
			inner := r.env.Progress
			r.env.Progress = func(m string, p *progressEvent) {
				if gap := r.clock.Time.Sub(last); gap > c.most {
					t.Errorf("nothing was said for %s before %q", gap, m)
				}
				last = r.clock.Time
				inner(m, p)
			}
			if _, err := r.run("verify"); err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(r.messages, func(m string) bool { return strings.HasPrefix(m, c.want) }) {
				t.Errorf("never said %q: %q", c.want, slices.Compact(r.messages)[:3])
			}
		})
	}
}

func TestAComparisonReportsRowsRateLagAndTimeLeft(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("verify")
	r.diffTakes = 10 * time.Minute
	r.lag = func(time.Time) time.Duration { return 3 * time.Second }
	if _, err := r.run("verify"); err != nil {
		t.Fatal(err)
	}
	middle := r.progress[len(r.progress)/2]
	if middle.Done < 900 || middle.Done > 1100 || middle.Total != 2000 || middle.Rate < 3 || middle.Rate > 3.7 || middle.ETA < 4*time.Minute || middle.ETA > 6*time.Minute || middle.Lag < 3*time.Second {
		t.Errorf("half way: %+v", middle)
	}
}

func TestAVDiffThatTakesTooLongIsStoppedAndGoesOnLater(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("verify")
	r.diffTakes = 13 * time.Hour
	r.fails("verify", diag.ExitFailed, false, "was not done after 12h", "apply again: it goes on")
	if !r.vdiffs[0].stopped {
		t.Error("it was not stopped")
	}
	r.diffTakes = time.Hour
	r.finishes()
	if r.count("VDiffCreate") != 1 {
		t.Errorf("calls %q", r.calls)
	}
}

func TestAnOldResultIsNotTaken(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("switch_rdonly")
	r.clock.Time = r.clock.Time.Add(25 * time.Hour)
	if o := r.expect("verify", tasks.Absent); !strings.Contains(o.Detail, "more than 24h") {
		t.Errorf("observed %+v", o)
	}
	r.does("verify")
	if r.count("VDiffCreate") != 1 {
		t.Errorf("calls %q", r.calls)
	}
}

func TestAResultThatIsTooOldAtOnceStillEndsTheStep(t *testing.T) {
	r := newRig(t, "-:-80,80-", func(r *Request) { r.Settings.VerifyMaxAge = time.Nanosecond })
	r.upTo("verify")
	r.does("verify")
	if r.count("VDiffCreate") != 1 {
		t.Errorf("calls %q", r.calls)
	}
}

func TestAVerifyThatIsPassedOverSaysSo(t *testing.T) {
	r := newRig(t, "-:-80,80-", func(r *Request) { r.Settings.VerifyEnabled = false })
	r.upTo("switch_primary")
	r.request.Settings.VerifyEnabled = true
	o := r.expect("verify", tasks.Done)
	if len(o.Warnings) != 1 || !strings.Contains(o.Warnings[0], "not verified") {
		t.Errorf("observed %+v", o)
	}
	r.finishes()
	if r.count("VDiffCreate") != 1 {
		t.Errorf("writes were switched without a VDiff: %q", r.calls)
	}
}

func TestAPartialResultDoesNotCount(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("switch_rdonly")
	r.vdiffs[0].limited = true
	if o := r.expect("verify", tasks.Absent); !strings.Contains(o.Detail, "only a part") {
		t.Errorf("observed %+v", o)
	}
}
