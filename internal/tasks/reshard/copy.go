package reshard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"shardform/internal/diag/spell"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var copySpec = &tasks.Spec{
	Name:    "reshard_copy",
	Summary: "waits until all rows are copied and the streams follow the sources",
	Doc: `Changes nothing but this: streams that stand in Error when it begins are started again, once. Rows done are those that
the streams report, against the table sizes of the source shards, which are estimates. A stream that reports an error
for half a minute, or a copy where no row, position or table moves for stall_after, fails the task with what to look at.
Done when every stream is Running, knows its position and has no table left to copy.
If it dies halfway there is nothing to be redone: the streams go on without it.`,
	Internal:   true,
	Parameters: segmentParameters(stallParameter),
}

type copyTask struct{ base }

// Observe implements tasks.Observer.
func (t *copyTask) Observe(ctx context.Context, parameters map[string]string, _ tasks.Record) (tasks.Observation, error) {
	s, v, err := t.glance(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	return s.copied(v), nil
}

func (s *scene) copied(v *vitess.SegmentView) tasks.Observation {
	switch at := stageOf(v); {
	case at == isCopied || at == isSwitching:
		return done(fmt.Sprintf("workflow %s has copied all tables", v.Workflow.Name)) // how many rows the streams say late, or never
	case at > isCopied:
		return done(s.passed(v, "copied"))
	}
	if o, found := foreign(v); found {
		return o
	}
	if o, found := s.stopped(v); found {
		return o
	}
	if v.Created() && v.Partial() == vitess.NotPartial {
		return running(fmt.Sprintf("workflow %s is copying", v.Workflow.Name))
	}
	return absent("no workflow that copies")
}

// errorPatience is how long streams may report an error: VReplication tries again by itself where that may help.
const errorPatience = 30 * time.Second

// brokenPatience is how long they may report one that it does not end: that of before they were started again may still
// show.
const brokenPatience = 5 * time.Second

// Run implements tasks.Task.
func (t *copyTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, err := t.open(parameters)
	if err != nil {
		return nil, "", err
	}
	c := &copying{scene: s, meter: meter{clock: s.env.Clock}}
	if err := s.watch(ctx, slow(), func(v *vitess.SegmentView) (bool, error) { return c.see(ctx, v) }); err != nil {
		return nil, "", err
	}
	return nil, c.output, nil
}

// copying is a copy being watched.
type copying struct {
	*scene
	meter    meter
	restarts int
	sizes    []([]vitess.TableSchema) // of the sources, read once
	moved    time.Time                // when state last changed
	state    string
	erring   time.Time // since when streams report errors
	output   string
}

// see is one look at the copy.
func (c *copying) see(ctx context.Context, v *vitess.SegmentView) (enough bool, err error) {
	switch o := c.copied(v); o.State {
	case tasks.Done:
		c.report(v, true)
		c.output = o.Output
		return true, nil
	case tasks.Conflict:
		return false, asError(o)
	case tasks.Absent:
		return false, refused(fmt.Sprintf("there is no workflow to wait for: %s", c.arrow()), "expected the workflow that the step before created", "apply again: it is created anew")
	}
	if err := c.mayWork(v); err != nil {
		return false, err
	}
	if c.sizes == nil {
		c.readSizes(ctx)
	}
	if err := c.troubles(ctx, v); err != nil {
		return false, err
	}
	c.report(v, false)
	return false, nil
}

// readSizes reads the totals that progress is measured against. Without them there is only no percentage.
func (c *copying) readSizes(ctx context.Context) {
	c.sizes = [][]vitess.TableSchema{}
	for _, shard := range c.segment.Sources {
		tables, err := c.cluster.TableSizes(ctx, c.keyspace, shard.Name)
		if err != nil {
			c.say("table sizes of %s/%s could not be read: %v", c.keyspace, shard.Name, err)
			continue
		}
		c.sizes = append(c.sizes, tables)
	}
}

// troubles fails for errors that stay and for a copy that stands still.
func (c *copying) troubles(ctx context.Context, v *vitess.SegmentView) error {
	now := c.now()
	errs := v.Workflow.Errors()
	switch {
	case len(errs) == 0:
		c.erring = time.Time{}
	case c.restarts == 0:
		c.restarts++
		c.say("starting the failed streams of %s again: %s", v.Workflow.Name, strings.Join(errs, "; "))
		if err := c.cluster.StartWorkflow(ctx, c.keyspace, v.Workflow.Name); err != nil {
			c.say("starting %s failed: %v", v.Workflow.Name, err)
		}
		c.erring = now
	case c.erring.IsZero():
		c.erring = now
	case now.Sub(c.erring) >= errorPatience, v.Workflow.Broken() && now.Sub(c.erring) >= brokenPatience:
		return failed(fmt.Sprintf("copying %s failed", c.arrow()), strings.Join(errs, "\n"),
			"remove the cause, then apply again: the streams are started where they stopped\n"+vitess.CommandShowWorkflow(c.keyspace, v.Workflow.Name))
	}
	if state := movement(v.Workflow); state != c.state {
		c.state, c.moved = state, now
		return nil
	}
	stall := c.Duration("stall_after")
	if stall == 0 || now.Sub(c.moved) < stall {
		return nil
	}
	return c.stalled(v)
}

// movement is everything of a workflow that changes while it works.
func movement(w *vitess.Workflow) string {
	var b strings.Builder
	for _, st := range w.Streams {
		fmt.Fprintf(&b, "%d %s %s %d %s %v\n", st.ID, st.Target, st.State, st.RowsCopied, st.Position, st.CopyTables)
	}
	return b.String()
}

// stalled says what is known of a copy that stands still, and what usually is the reason.
func (c *copying) stalled(v *vitess.SegmentView) error {
	p := v.Progress(c.sizes...)
	detail := []string{fmt.Sprintf("%s copied; no row, position or table moved for %s", rowsOf(p.RowsCopied, p.RowsTotal), spell.Duration(c.Duration("stall_after")))}
	if len(p.TablesLeft) > 0 {
		detail = append(detail, "still to copy: "+strings.Join(p.TablesLeft, ", "))
	}
	for _, st := range v.Workflow.Streams {
		line := fmt.Sprintf("stream %s/%d from %s on %s is %s", st.Target, st.ID, st.Source, st.Tablet, st.State)
		if st.Message != "" {
			line += ": " + st.Message
		}
		if st.Throttled != "" {
			line += fmt.Sprintf(", throttled by %s at %s", st.Throttled, st.ThrottledAt.UTC().Format(time.RFC3339))
		}
		detail = append(detail, line)
	}
	return failed(fmt.Sprintf("copying %s stands still", c.arrow()), strings.Join(detail, "\n"),
		"look at: a throttler that does not let go; source tablets of the wanted types and cells that are gone; long transactions on the source; "+
			"secondary keys of a large table being built (raise stall_after); disk space on the targets\n"+
			vitess.CommandShowWorkflow(c.keyspace, v.Workflow.Name)+"\nthe streams go on by themselves; apply again to wait on")
}

// report tells how far the copy is, at most every second.
func (c *copying) report(v *vitess.SegmentView, last bool) {
	if v.Workflow == nil || !last && !c.meter.due() {
		return
	}
	if last {
		c.say("all tables are copied")
		return
	}
	p := v.Progress(c.sizes...)
	progress := c.meter.measure(p.RowsCopied, p.RowsTotal)
	if lag, known := v.Lag(c.now()); known {
		progress.Lag = lag
	}
	message := rowsOf(p.RowsCopied, p.RowsTotal) + " copied"
	if errs := v.Workflow.Errors(); len(errs) > 0 {
		message += ", streams report errors: " + strings.Join(errs, "; ")
	} else if len(p.TablesLeft) > 0 {
		message += ", tables left: " + strings.Join(p.TablesLeft, ", ")
	}
	if by := throttled(v.Workflow, c.now()); by != "" {
		message += ", throttled by " + by
	}
	c.env.Progress(message, progress)
}

// rowsOf returns "5 of about 10 rows", or "5 rows" where the total is not known: an estimate that is passed says nothing.
func rowsOf(done, total int64) string {
	if total < done || total == 0 {
		return fmt.Sprintf("%d rows", done)
	}
	return fmt.Sprintf("%d of about %d rows", done, total)
}

// throttledFor is how long ago a stream may have been throttled to count as throttled now: it stays noted for ever.
const throttledFor = time.Minute

// throttled names what holds streams up now; "" if nothing does.
func throttled(w *vitess.Workflow, now time.Time) string {
	var by []string
	for _, st := range w.Streams {
		if st.Throttled != "" && now.Sub(st.ThrottledAt) < throttledFor && !slices.Contains(by, st.Throttled) {
			by = append(by, st.Throttled)
		}
	}
	return strings.Join(by, ", ")
}

// Commands implements tasks.Commander.
func (t *copyTask) Commands(_ context.Context, parameters map[string]string) []string {
	return []string{vitess.CommandShowWorkflow(parameters["keyspace"], parameters["workflow"])}
}

// Describe implements tasks.Describer.
func (t *copyTask) Describe(parameters map[string]string) string {
	return fmt.Sprintf("wait until %s has copied %s to %s", parameters["workflow"], parameters["sources"], parameters["targets"])
}
