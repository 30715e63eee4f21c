package reshard

import (
	"context"
	"fmt"
	"time"

	"shardform/internal/diag/spell"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/schedule"
	"shardform/internal/tasks"
)

var windowSpec = &tasks.Spec{
	Name:    "reshard_window",
	Summary: "waits until the window for switching writes is open",
	Doc: `A gate in front of the switch of writes. It is open from each moment on that window_opens names on the wall clock of
window_timezone, for window_lasts, as long as window_min_remaining is left. The switch itself looks at the window once
more right before it acts, as its checks may take longer than the window.
Done while it is open, and where a switch of writes has begun: that is finished whatever the time.
Read-only, and it never waits: while it is closed the run ends and says when it opens.`,
	Internal:   true,
	Parameters: segmentParameters(WindowParameters(true)...),
}

// WindowParameters are those that describe a window.
func WindowParameters(required bool) []tasks.Parameter {
	return []tasks.Parameter{
		{Name: "window_opens", Kind: tasks.String, Required: required, Doc: "when it opens: a cron expression of five fields"},
		{Name: "window_lasts", Kind: tasks.Duration, Required: required, Doc: "how long it stays open"},
		{Name: "window_timezone", Kind: tasks.String, Default: "UTC", Doc: "time zone of window_opens"},
		{Name: "window_min_remaining", Kind: tasks.Duration, Default: "0s", Doc: "a window with less time left counts as closed"},
	}
}

type windowTask struct{ base }

// Gate implements tasks.Gatekeeper.
func (*windowTask) Gate() tasks.Gate { return tasks.GateWindow }

// Observe implements tasks.Observer.
func (t *windowTask) Observe(ctx context.Context, parameters map[string]string, _ tasks.Record) (tasks.Observation, error) {
	s, v, err := t.glance(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	if stageOf(v) >= isMidFlight || midMigration(v) {
		return done(s.passed(v, "no window needed any more")), nil
	}
	closes, err := WindowOpen(s.Values, s.now())
	if closed, is := asClosed(err); is {
		return absent(closed.Reason), nil
	}
	if err != nil {
		return tasks.Observation{}, err
	}
	return done(openUntil(closes, s.now())), nil
}

// Run implements tasks.Task.
func (t *windowTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, v, err := t.sight(ctx, parameters)
	if err != nil {
		return nil, "", err
	}
	if stageOf(v) >= isMidFlight || midMigration(v) {
		return nil, s.passed(v, "no window needed any more"), nil
	}
	closes, err := WindowOpen(s.Values, s.now())
	if err != nil {
		return nil, "", err
	}
	return nil, openUntil(closes, s.now()), nil
}

// WindowOpen judges the window among a task's parameters (WindowParameters) and tells when it closes; no window is always
// open, and never closes. The error is a *tasks.GateClosed while it is closed.
func WindowOpen(p tasks.Values, now time.Time) (closes time.Time, err error) {
	if !p.Given("window_opens") {
		return time.Time{}, nil
	}
	lasts, least := p.Duration("window_lasts"), p.Duration("window_min_remaining")
	w, err := schedule.New(p.String("window_opens"), lasts, p.String("window_timezone"), least)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading the window for switching writes: %w", err)
	}
	open, closes := w.Open(now)
	if open {
		return closes, nil
	}
	name := fmt.Sprintf("the window for switching writes (%s, %s, for %s)", p.String("window_opens"), p.String("window_timezone"), spell.Duration(lasts))
	next := w.Next(now)
	closed := &tasks.GateClosed{Gate: tasks.GateWindow, Opens: next.UTC(), Reason: fmt.Sprintf("%s is closed until %s", name, next.Format(wallClock))}
	if !closes.IsZero() {
		closed.Reason = fmt.Sprintf("%s closes at %s and at least %s have to be left: it is closed until %s",
			name, closes.Format(wallClock), spell.Duration(least), next.Format(wallClock))
	}
	return time.Time{}, closed
}

// wallClock is how times are told in the zone of a window.
const wallClock = "Mon 2006-01-02 15:04 MST"

// openUntil tells an end only where it is near: that of windows which follow each other without a gap moves with the time.
func openUntil(closes, now time.Time) string {
	if closes.Sub(now) >= 24*time.Hour {
		return "the window for switching writes is open"
	}
	return "the window for switching writes is open until " + closes.Format(wallClock)
}

// Describe implements tasks.Describer.
func (t *windowTask) Describe(parameters map[string]string) string {
	s, err := t.scene(parameters)
	if err != nil {
		return windowSpec.Summary
	}
	text := fmt.Sprintf("switch writes only in the window %s (%s), which lasts %s", s.String("window_opens"), s.String("window_timezone"), spell.Duration(s.Duration("window_lasts")))
	if least := s.Duration("window_min_remaining"); least > 0 {
		text += fmt.Sprintf(", with at least %s left", spell.Duration(least))
	}
	return text
}
