package reshard

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"shardform/internal/diag/spell"
	"shardform/internal/vitess"
)

// extraRows is how many rows that seem extra a VDiff looks up again: vtctldclient's default.
const extraRows = 1000

// onlineDDLTable matches the tables that Online DDL works with, in Vitess's old spelling.
var onlineDDLTable = regexp.MustCompile(`^_[0-9a-f]{8}_[0-9a-f]{4}_[0-9a-f]{4}_[0-9a-f]{4}_[0-9a-f]{12}_[0-9]{14}_(gho|ghc|del|vrepl|new)$`)

// verify sees to it that a counting VDiff exists: it waits for the running one, resumes a stopped one, or runs the
// next generation. v is a look of a moment ago. It returns the verdict.
func (s *scene) verify(ctx context.Context, v *vitess.SegmentView) (string, error) {
	d := &diffing{scene: s, meter: meter{clock: s.env.Clock}, until: s.now().Add(s.Duration("diff_timeout")), first: v}
	if err := s.poll(ctx, slow(), func() (bool, error) { return d.see(ctx) }); err != nil {
		return "", err
	}
	return d.verdict, nil
}

// diffing is a VDiff being run and watched.
type diffing struct {
	*scene
	meter   meter
	until   time.Time
	uuid    string // of the VDiff that this run waits for; "" before it has one
	resumed bool
	said    time.Time // when somebody else's VDiff was last named
	stands  time.Time // since when the rows compared are rows
	rows    int64
	verdict string
	view    *vitess.SegmentView // as it was at viewed
	viewed  time.Time
	first   *vitess.SegmentView // taken instead of the first look
}

// see is one look: at the VDiff alone while it runs and when it has ended, at the segment as well every second and whenever
// something is to be decided.
func (d *diffing) see(ctx context.Context) (enough bool, err error) {
	var diff *vitess.VDiff
	if d.uuid != "" {
		if diff, err = d.cluster.VDiff(ctx, d.keyspace, d.view.Workflow.Name, d.uuid); err != nil {
			return false, d.unread(ctx, "reading a VDiff of", err)
		}
	}
	quiet := diff != nil && len(diff.Missing) == 0 && (diff.State == vitess.VDiffStarted || diff.State == vitess.VDiffCompleted)
	if !quiet || d.now().Sub(d.viewed) >= reportEvery {
		if err := d.lookAround(ctx); err != nil {
			return false, err
		}
	}
	if diff == nil {
		return d.begin(ctx, d.view)
	}
	return d.judgeOne(ctx, d.view, diff)
}

// lookAround looks whether there is a workflow that may be compared.
func (d *diffing) lookAround(ctx context.Context) error {
	v := d.first
	if d.first = nil; v == nil {
		var err error
		if v, err = d.look(ctx); err != nil {
			return err
		}
	}
	if v.Workflow == nil {
		return refused(fmt.Sprintf("there is no workflow to compare: %s", d.arrow()), "expected the workflow that was copied", "apply again")
	}
	if err := d.mayWork(v); err != nil {
		return err
	}
	d.view, d.viewed = v, d.now()
	return nil
}

// begin decides which VDiff to wait for, and starts it if it has to.
func (d *diffing) begin(ctx context.Context, v *vitess.SegmentView) (enough bool, err error) {
	result, vdiffs, err := d.judgeAll(ctx, v, d.Duration("max_age"))
	if err != nil {
		return false, err
	}
	switch {
	case result.Counting != nil:
		d.verdict = verdict(result.Counting)
		return true, nil
	case result.Running != nil:
		d.uuid = result.Running.UUID
		d.say("taking up VDiff %s, which is %s", d.uuid, result.Running.State)
		return false, nil
	}
	if other := underWay(vdiffs); other != nil {
		d.remind(&d.said, remindEvery, "waiting for VDiff %s, which someone else runs: it is %s", other.UUID, comparing(other))
		return false, d.late(ctx, v, other.UUID)
	}
	if !v.Copied() {
		return false, d.notRunning(v)
	}
	if result.Rejected != "" {
		d.say("comparing again: %s", result.Rejected)
	}
	uuid := vitess.VDiffUUID(d.keyspace, v.Workflow.Name, v.Workflow.StreamIDs(), result.Generation)
	return false, d.create(ctx, v, uuid)
}

// create creates the VDiff on every target that does not have it, and decides by what is there afterwards: a call that
// failed may have made it, and one of those that have it makes the call fail although the others have it then too.
func (d *diffing) create(ctx context.Context, v *vitess.SegmentView, uuid string) error {
	acted := d.cluster.VDiffCreate(ctx, vitess.VDiffCreate{
		Keyspace: d.keyspace, Workflow: v.Workflow.Name, UUID: uuid, MaxExtraRows: extraRows, Samples: d.Int("samples"),
	})
	if acted == nil {
		d.uuid = uuid
		return nil
	}
	diff, err := d.cluster.VDiff(ctx, d.keyspace, v.Workflow.Name, uuid)
	if err == nil && diff.State != vitess.VDiffAbsent && len(diff.Missing) == 0 {
		d.uuid = uuid
		return nil
	}
	summary := fmt.Sprintf("starting a VDiff of workflow %s failed", v.Workflow.Name)
	if err == nil && len(diff.Missing) > 0 {
		summary += " on " + strings.Join(diff.Missing, ", ")
	}
	return wrap(summary, acted, vitess.CommandShowWorkflow(d.keyspace, v.Workflow.Name), true)
}

// whole creates a VDiff that some targets do not have on them too, as soon as the streams run.
func (d *diffing) whole(ctx context.Context, v *vitess.SegmentView, diff *vitess.VDiff) error {
	if !v.Copied() {
		if v.HeldByVDiff() { // of the targets that have it
			return d.late(ctx, v, d.uuid)
		}
		return d.notRunning(v)
	}
	d.say("creating VDiff %s on %s, which it does not exist on", d.uuid, strings.Join(diff.Missing, ", "))
	return d.create(ctx, v, d.uuid)
}

// notRunning is the error of a workflow that cannot be compared now.
func (d *diffing) notRunning(v *vitess.SegmentView) error {
	err := failed(fmt.Sprintf("workflow %s cannot be compared: not all of its streams are running", v.Workflow.Name),
		strings.Join(v.Workflow.Errors(), "\n"), vitess.CommandShowWorkflow(d.keyspace, v.Workflow.Name))
	err.Temporary = !v.Workflow.Broken()
	return err
}

// underWay finds a VDiff that is under way. Where none of ours is, it is someone else's.
func underWay(vdiffs []vitess.VDiff) *vitess.VDiff {
	for i := range vdiffs {
		if vdiffs[i].State == vitess.VDiffPending || vdiffs[i].State == vitess.VDiffStarted {
			return &vdiffs[i]
		}
	}
	return nil
}

// comparing says what a VDiff that is under way does.
func comparing(diff *vitess.VDiff) string {
	if diff.State == vitess.VDiffPending || diff.RowsCompared == 0 && diff.RowsTotal == 0 {
		return string(diff.State) + ", waiting for its tablets to begin"
	}
	return fmt.Sprintf("%s, %s compared", diff.State, rowsOf(diff.RowsCompared, diff.RowsTotal))
}

// judgeOne says what the VDiff that is waited for has come to.
func (d *diffing) judgeOne(ctx context.Context, v *vitess.SegmentView, diff *vitess.VDiff) (enough bool, err error) {
	if len(diff.Missing) > 0 && diff.State != vitess.VDiffError {
		return false, d.whole(ctx, v, diff)
	}
	switch diff.State {
	case vitess.VDiffAbsent:
		return false, temporary(failed(fmt.Sprintf("VDiff %s of workflow %s is gone", d.uuid, v.Workflow.Name), "someone deleted it while it was waited for", ""))
	case vitess.VDiffError:
		return false, temporary(failed(fmt.Sprintf("VDiff %s of workflow %s failed", d.uuid, v.Workflow.Name), strings.Join(diff.Errors, "\n"),
			vitess.CommandVDiffShow(d.keyspace, v.Workflow.Name, d.uuid)))
	case vitess.VDiffCompleted:
		return d.completed(ctx, v, diff)
	case vitess.VDiffStopped:
		if d.resumed {
			return false, refused(fmt.Sprintf("VDiff %s was stopped by someone", d.uuid), "expected it to run to its end",
				"resume it, or apply again: "+vitess.CommandVDiffResume(d.keyspace, v.Workflow.Name, d.uuid))
		}
		d.resumed = true
		if err := d.cluster.VDiffResume(ctx, d.keyspace, v.Workflow.Name, d.uuid); err != nil {
			return false, wrap(fmt.Sprintf("resuming VDiff %s failed", d.uuid), err, vitess.CommandVDiffResume(d.keyspace, v.Workflow.Name, d.uuid), true)
		}
	}
	if err := d.lockedUp(ctx, v, diff); err != nil {
		return false, err
	}
	if d.meter.due() {
		p := d.meter.measure(diff.RowsCompared, diff.RowsTotal)
		if lag, known := v.Lag(d.now()); known {
			p.Lag = lag
		}
		d.env.Progress("VDiff is "+comparing(diff), p)
	}
	return false, d.late(ctx, v, d.uuid)
}

// lockedUp fails for a VDiff that stands still because a server that died has left the workflow locked: its tablets take
// that lock at each table, and would wait for it in silence.
func (d *diffing) lockedUp(ctx context.Context, v *vitess.SegmentView, diff *vitess.VDiff) error {
	if d.stands.IsZero() || diff.RowsCompared != d.rows {
		d.stands, d.rows = d.now(), diff.RowsCompared
	}
	if d.now().Sub(d.stands) < remindEvery {
		return nil
	}
	d.stands = d.now() // for the next time
	lock, err := d.cluster.WorkflowLock(ctx, d.keyspace, v.Workflow.Name)
	switch {
	case err != nil:
		return d.unread(ctx, "reading the lock of the workflow of", err)
	case lock != nil && lock.Dead(d.now()):
		return d.lockedOut(v, lock)
	}
	return nil
}

// completed is the end of a VDiff: a verdict, the differences, or the reason why it does not count.
func (d *diffing) completed(ctx context.Context, v *vitess.SegmentView, diff *vitess.VDiff) (enough bool, err error) {
	if diff.Mismatch {
		return false, d.mismatch(v, diff)
	}
	result, err := d.judge(ctx, v, d.Duration("max_age"))
	if err != nil {
		return false, err
	}
	// One that this run has waited for is never too old for it; the switch judges its age again.
	if result.Counting == nil && d.Duration("max_age") > d.now().Sub(diff.CompletedAt) {
		return false, temporary(failed(fmt.Sprintf("VDiff %s does not count", diff.UUID), result.Rejected, "the next attempt compares again"))
	}
	d.verdict = verdict(diff)
	return true, nil
}

// mismatch is the error that prints the differing rows.
func (d *diffing) mismatch(v *vitess.SegmentView, diff *vitess.VDiff) error {
	var lines []string
	for _, m := range diff.Report {
		lines = append(lines, fmt.Sprintf("table %s on %s: %d rows differ, %d are missing on the target, %d are extra there, %d match",
			m.Table, m.Shard, m.Different, m.ExtraRowsSource, m.ExtraRowsDest, m.Matching))
		for _, sample := range m.Samples {
			lines = append(lines, "  "+sample)
		}
	}
	if len(lines) == 0 {
		lines = []string{"it gave no report"}
	}
	return failed(fmt.Sprintf("VDiff %s found differences between %s and %s", diff.UUID, d.segment.Sources, d.segment.Targets), strings.Join(lines, "\n"),
		"nothing was switched. Look at the rows, remove the cause (a writer on the targets, a lossy column type), then apply again: it compares again\n"+
			vitess.CommandVDiffShow(d.keyspace, v.Workflow.Name, diff.UUID))
}

// late fails when the time for comparing is over; our own VDiff is stopped then.
func (d *diffing) late(ctx context.Context, v *vitess.SegmentView, uuid string) error {
	if d.now().Before(d.until) {
		return nil
	}
	hint := "raise verify.timeout, or apply again: it goes on where it was"
	if uuid == d.uuid {
		if err := d.cluster.VDiffStop(ctx, d.keyspace, v.Workflow.Name, uuid); err != nil {
			d.say("stopping VDiff %s failed: %v", uuid, err)
		}
	} else {
		hint = "stop it, or wait for it: " + vitess.CommandVDiffStop(d.keyspace, v.Workflow.Name, uuid)
	}
	return failed(fmt.Sprintf("VDiff %s was not done after %s", uuid, spell.Duration(d.Duration("diff_timeout"))), "", hint)
}
