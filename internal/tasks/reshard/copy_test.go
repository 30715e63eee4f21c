package reshard

import (
	"strings"
	"testing"
	"time"

	"shardform/internal/diag"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

func TestCopyReportsRowsRateAndTimeLeft(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.copyTakes = time.Minute
	r.upTo("copy")
	var reported []time.Time
	inner := r.env.Progress
	r.env.Progress = func(m string, p *progressEvent) {
		reported = append(reported, r.clock.Time)
		inner(m, p)
	}
	output, err := r.run("copy")
	if err != nil || !strings.Contains(output, "has copied all tables") {
		t.Fatalf("output %q, error %v", output, err)
	}
	for i := 1; i < len(reported); i++ {
		if gap := reported[i].Sub(reported[i-1]); gap > 3*time.Second {
			t.Errorf("nothing was reported for %s", gap)
		}
	}
	middle := r.progress[len(r.progress)/2]
	if middle.Done == 0 || middle.Total != 2000 || middle.Rate < 20 || middle.Rate > 50 || middle.ETA <= 0 || middle.ETA > time.Minute || middle.Lag >= 0 {
		t.Errorf("half way: %+v", middle)
	}
	if last := r.messages[len(r.messages)-1]; last != "all tables are copied" { // how many rows, the streams tell late or never
		t.Errorf("at the end: %q", last)
	}
}

func TestACopySaysWhatHoldsItUp(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.copyTakes = 5 * time.Minute
	r.upTo("copy")
	w := r.workflow(r.request.Workflow)
	w.streams[0].Throttled, w.streams[0].ThrottledAt = "vstreamer", r.clock.Time.Add(time.Minute)
	if _, err := r.run("copy"); err != nil {
		t.Fatal(err)
	}
	for i, p := range r.progress {
		message := r.messages[i]
		if p.Done > 750 && p.Done < 850 { // a minute after it was last throttled
			continue
		}
		if strings.HasSuffix(message, ", throttled by vstreamer") != (p.Done < 800) {
			t.Errorf("%d rows: %q", p.Done, message)
		}
	}
	if !strings.HasPrefix(r.messages[0], "0 of about 2000 rows copied, tables left: customer") {
		t.Errorf("%q", r.messages[0])
	}
}

func TestACopyWithoutTableSizesStillCountsRows(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("copy")
	r.faults = []fault{{method: "TableSizes", at: "before", nth: -1}}
	if _, err := r.run("copy"); err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(r.messages, "\n"); !strings.Contains(text, "table sizes of customer/- could not be read") || strings.Contains(text, "of about") {
		t.Errorf("said %s", text)
	}
}

func TestACopyThatStandsStillFailsAndSaysWhatToLookAt(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("copy")
	r.workflow(r.request.Workflow).stuck = true
	began := r.clock.Time
	r.fails("copy", diag.ExitFailed, false, "stands still", "for 10m", "still to copy: customer", "throttler", "vtctldclient Reshard")
	if took := r.clock.Time.Sub(began); took < 10*time.Minute || took > 11*time.Minute {
		t.Errorf("gave up after %s", took)
	}
	r.workflow(r.request.Workflow).stuck = false
	r.finishes()
}

func TestStreamErrorsAreStartedAgainOnceAndThenFail(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("copy")
	r.workflow(r.request.Workflow).errorMessage = "table customer not found"
	r.fails("copy", diag.ExitFailed, false, "copying customer - to -80,80- failed", "-80/1: table customer not found", "apply again")
	if r.count("StartWorkflow") != 1 {
		t.Errorf("calls %q", r.calls)
	}
	r.workflow(r.request.Workflow).errorMessage = ""
	r.finishes()
}

func TestStreamErrorsThatNoWaitingEndsFailAtOnce(t *testing.T) {
	for _, message := range []string{
		`vindexType "md5" not found`, "table cfg has no vindex", "could not find a vindex to compute keyspace id for table t",
		"rpc error: code = Unimplemented desc = unknown method",
	} {
		r := newRig(t, "-:-80,80-")
		r.upTo("copy")
		r.workflow(r.request.Workflow).errorMessage = message
		began := r.clock.Time
		r.fails("copy", diag.ExitFailed, false, "copying customer - to -80,80- failed", message, "apply again")
		if took := r.clock.Time.Sub(began); r.count("StartWorkflow") != 1 || took > 15*time.Second {
			t.Errorf("%s: gave up after %s, calls %q", message, took, r.calls)
		}
		r.workflow(r.request.Workflow).errorMessage = ""
		r.finishes()
	}
}

func TestAWorkflowThatSomeoneStoppedIsLeftAlone(t *testing.T) {
	for message, want := range map[string]string{
		"":            "Reshard --workflow",
		"maintenance": "stopped by someone",
	} {
		t.Run(message, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.upTo("copy")
			r.clock.Time = r.clock.Time.Add(5 * time.Second)
			w := r.workflow(r.request.Workflow)
			w.stopped, w.stoppedMessage, w.stoppedAt, w.copiedAt = true, message, r.clock.Time, r.clock.Time
			for _, label := range []string{"copy", "switch_rdonly"} {
				o := r.expect(label, tasks.Conflict)
				if whole := o.Detail + strings.Join(o.Cure, "\n"); !strings.Contains(whole, want) || !strings.Contains(whole, " start") {
					t.Errorf("%s: %+v", label, o)
				}
				r.fails(label, diag.ExitRefused, false)
			}
			if r.count("StartWorkflow") > 0 {
				t.Errorf("calls %q", r.calls)
			}
		})
	}
}

func TestAWaitOutlivesAClusterThatDoesNotAnswerForAWhile(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.copyTakes = 5 * time.Minute
	r.upTo("copy")
	r.faults = []fault{{method: "Snapshot", at: "before", nth: -1}}
	r.clock.BeforeSleep = func() {
		if r.clock.Time.Sub(r.workflow(r.request.Workflow).stoppedAt) > 40*time.Second {
			r.faults = nil
		}
	}
	if _, err := r.run("copy"); err != nil {
		t.Error(err)
	}
	r.clock.BeforeSleep = nil
	r.faults = []fault{{method: "Snapshot", at: "before", nth: -1}}
	r.fails("verify", diag.ExitFailed, true, "reading the keyspace customer failed", "injected")
}

// A VDiff stops the streams for a moment, and for longer where its tablet died: the copy stays done.
func TestStreamsThatAVDiffHoldsHaveCopied(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("verify")
	w := r.workflow(r.request.Workflow)
	w.stopped, w.stoppedMessage = true, "for vdiff"
	r.expect("create", tasks.Done)
	r.expect("copy", tasks.Done)
	if o := r.observe("switch_primary"); o.State != tasks.Absent {
		t.Errorf("the switch is observed %+v", o)
	}
}

// A real cluster's streams may not have told of one row when all are copied, and its statistics say 0.
func TestNumbersThatAreNotKnownAreNotShown(t *testing.T) {
	for done, want := range map[[2]int64]string{{0, 0}: "0 rows", {10, 0}: "10 rows", {10, 4}: "10 rows", {10, 40}: "10 of about 40 rows"} {
		if got := rowsOf(done[0], done[1]); got != want {
			t.Errorf("%v: %q, want %q", done, got, want)
		}
	}
	for rows, want := range map[int64]string{0: "", 5: " (about 5 rows)"} {
		if got := aboutRows(vitess.TableSchema{Rows: rows}); got != want {
			t.Errorf("%d: %q, want %q", rows, got, want)
		}
	}
}
