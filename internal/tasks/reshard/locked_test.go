package reshard

import (
	"strings"
	"testing"
	"time"

	"shardform/internal/diag"
	"shardform/internal/vitess"
)

const lockCommand = "etcdctl --endpoints=topo:2379 lease revoke 694d9a1b2c3d4e5f"

// lockBy is a lock that was taken now.
func (r *rig) lockBy(action string) {
	r.lock = &vitess.Lock{Name: "customer/" + r.request.Workflow, Action: action, Host: "vtctld-7", Since: r.clock.Time, Commands: []string{lockCommand}}
}

// A vtctld that was killed in a call leaves its workflow locked for up to 24 hours: waiting for it in silence is no way out.
func TestALockThatADeadVtctldLeftIsASituationOfItsOwn(t *testing.T) {
	for label, serving := range map[string]string{
		"switch_rdonly": "writes are served by customer/-;", "switch_replica": "writes are served by customer/-;", "switch_primary": "writes are served by customer/-;",
		"complete": "writes are served by customer/-80,80-;",
	} {
		t.Run(label, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.upTo(label)
			r.lockBy("WorkflowSwitchTraffic")
			r.fails(label, diag.ExitRefused, true, "is locked", "vtctld-7 took the lock") // it may live
			r.clock.Time = r.lock.Seen.Add(3 * time.Minute)
			r.fails(label, diag.ExitRefused, false, serving, "workflow customer/"+r.request.Workflow+" is locked",
				"WorkflowSwitchTraffic on vtctld-7 took the lock at 2026-11-23T", "by its own clock, and has held it for the 3m45s since it was first seen here", lockCommand, "apply again")
			r.lock = nil // by that command
			r.finishes()
		})
	}
}

// The time in a lock is by its holder's clock, which may be hours from this machine's: it makes no lock dead, nor alive.
func TestALockOfAnotherClockIsNotDead(t *testing.T) {
	for _, ahead := range []time.Duration{3 * time.Minute, 30 * time.Hour, -30 * time.Hour} {
		for _, label := range []string{"switch_rdonly", "switch_primary", "complete"} {
			r := newRig(t, "-:-80,80-")
			r.upTo(label)
			r.lockBy("WorkflowSwitchTraffic")
			r.lock.Since = r.lock.Since.Add(-ahead)
			r.fails(label, diag.ExitRefused, true, "is locked")
			r.clock.Time = r.lock.Seen.Add(3 * time.Minute)
			r.fails(label, diag.ExitRefused, false, lockCommand)
		}
	}
}

func TestALockIsWaitedForAsLongAsItsServerMayLive(t *testing.T) {
	for _, label := range []string{"switch_rdonly", "switch_primary", "complete"} {
		r := newRig(t, "-:-80,80-")
		r.upTo(label)
		r.lockBy("WorkflowSwitchTraffic")
		if _, err := r.task(t.Context(), label); diag.ExitOf(err) != diag.ExitRefused || diag.IsTemporary(err) || r.clock.Time.Sub(r.lock.Since) < 2*time.Minute {
			t.Errorf("%s: given up %s after it was locked: %v", label, r.clock.Time.Sub(r.lock.Since), err)
		}
	}
}

func TestWritesThatAreStoppedComeFirstWhereTheWorkflowIsLocked(t *testing.T) {
	for at, want := range map[string]string{"stopped": "WRITES ARE STOPPED on customer/- since ", "flags": "WRITES ARE STOPPED on customer/- since "} {
		t.Run(at, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.upTo("switch_primary")
			r.faults = []fault{{method: "SwitchTraffic", at: at, nth: -1}}
			r.fails("switch_primary", diag.ExitFailed, true)
			r.faults = nil
			r.lockBy("WorkflowSwitchTraffic")
			r.fails("switch_primary", diag.ExitRefused, true, "is locked")
			r.clock.Time = r.clock.Time.Add(3 * time.Minute)
			r.calls = nil
			r.fails("switch_primary", diag.ExitRefused, false, lockCommand)
			if _, err := r.run("switch_primary"); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("it does not begin with %q: %v", want, err)
			}
			if r.count("SwitchTraffic") != 2 {
				t.Errorf("a dead lock was waited for again: %q", r.calls)
			}
			r.lock = nil
			r.finishes()
		})
	}
}

func TestALockThatADeadVtctldLeftOnTheWayBack(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("switch_rdonly")
	r.back = &Back{}
	r.lockBy("WorkflowDelete")
	r.fails("delete", diag.ExitRefused, true, "is locked")
	r.clock.Time = r.clock.Time.Add(3 * time.Minute)
	r.fails("delete", diag.ExitRefused, false, "writes are served by customer/-;", "is locked", lockCommand)
}

// The tablets that compare take the lock too, and wait for it for ever.
func TestAVDiffThatALockKeepsFromBeginning(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("verify")
	r.pending = 24 * time.Hour
	r.lockBy("WorkflowSwitchTraffic")
	begun := r.clock.Time
	r.fails("verify", diag.ExitRefused, false, "writes are served by customer/-;", "is locked", lockCommand)
	if waited := r.clock.Time.Sub(begun); waited > 5*time.Minute {
		t.Errorf("said only after %s", waited)
	}
}

func TestAVDiffIsNotDisturbedByItsOwnLock(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("verify")
	r.diffTakes = time.Hour
	r.clock.BeforeSleep = func() { r.lockBy("vdiff") }
	r.does("verify")
}
