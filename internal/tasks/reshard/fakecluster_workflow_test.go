package reshard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var errStopped = tasks.ErrStopped

func (c *fakeCluster) workflow(name string) *fakeWorkflow {
	for _, w := range c.workflows {
		if w.name == name {
			return w
		}
	}
	return nil
}

func (c *fakeCluster) removeWorkflow(name string) {
	c.workflows = slices.DeleteFunc(c.workflows, func(w *fakeWorkflow) bool { return w.name == name })
	c.vdiffs = slices.DeleteFunc(c.vdiffs, func(d *fakeVDiff) bool { return d.workflow == name })
}

// stream adds a stream for every source that intersects one of the targets.
func (c *fakeCluster) addStreams(w *fakeWorkflow, targets []string) {
	w.created = c.clock.Time
	for _, target := range targets {
		for _, source := range w.sources {
			if mustLayout([]string{source})[0].Range.Intersects(mustLayout([]string{target})[0].Range) {
				w.streams = append(w.streams, vitess.Stream{ID: c.nextStream, Target: target, Source: source, Tablet: "zone1-0000000100"})
				c.nextStream++
			}
		}
	}
}

// ReshardCreate implements vitess.Cluster. Half ways: "schema", the first table on the first target; "streams" on the first target only, "unstarted" on all.
func (c *fakeCluster) ReshardCreate(_ context.Context, r vitess.ReshardCreate) error {
	at := c.hit("ReshardCreate", r.Workflow)
	if at == "before" {
		return errInjected
	}
	for _, w := range append(c.workflows, c.asWorkflows()...) {
		for _, st := range w.streams {
			if slices.Contains(r.Targets, st.Target) {
				return errors.New("some streams already exist in the target shards, please clean them up and retry the command")
			}
		}
	}
	for _, target := range r.Targets {
		if s := c.shard(target); s == nil || s.PrimaryAlias == "" || s.PrimaryServing {
			return fmt.Errorf("target shard %s cannot be used", target)
		}
	}
	for _, target := range r.Targets {
		there := slices.DeleteFunc(slices.Clone(c.tables[target]), func(t vitess.TableSchema) bool { return t.Type == "VIEW" })
		if len(there) > 0 && !slices.EqualFunc(there, testTables(0), func(a, b vitess.TableSchema) bool { return a.Name == b.Name && a.Create == b.Create }) {
			return errors.New("creating a table failed. Most likely some tables already exist on the destination and differ from the source")
		}
		c.tables[target] = testTables(0)
		if at == "schema" {
			c.tables[target] = c.tables[target][:1]
			return errInjected
		}
	}
	w := &fakeWorkflow{name: r.Workflow, sources: r.Sources, targets: r.Targets, stopped: true, stoppedAt: c.clock.Time, copiedAt: c.clock.Time.Add(c.copyTakes),
		options: vitess.WorkflowOptions{Cells: r.Cells, TabletTypes: r.TabletTypes, OnDDL: r.OnDDL, DeferSecondaryKeys: r.DeferSecondaryKeys}}
	c.workflows = append(c.workflows, w)
	if at == "streams" {
		c.addStreams(w, r.Targets[:1])
		return errInjected
	}
	c.addStreams(w, r.Targets)
	if at == "unstarted" {
		return errInjected
	}
	w.stopped = !r.AutoStart
	if at != "" {
		return errInjected
	}
	return nil
}

// CopySchema implements vitess.Cluster.
func (c *fakeCluster) CopySchema(_ context.Context, r vitess.CopySchema) error {
	return c.act("CopySchema", r.Target+" "+strings.Join(r.Tables, ","), func() error {
		for _, table := range testTables(0) {
			if slices.Contains(r.Tables, table.Name) {
				c.tables[r.Target] = append(c.tables[r.Target], table)
			}
		}
		return nil
	})
}

// asWorkflows are the foreign workflows as far as ReshardCreate minds them.
func (c *fakeCluster) asWorkflows() []*fakeWorkflow {
	var list []*fakeWorkflow
	for _, w := range c.foreign {
		list = append(list, &fakeWorkflow{streams: w.Streams})
	}
	return list
}

// StartWorkflow implements vitess.Cluster.
func (c *fakeCluster) StartWorkflow(_ context.Context, _, workflow string) error {
	return c.act("StartWorkflow", workflow, func() error {
		w := c.workflow(workflow)
		if w == nil {
			return fmt.Errorf("the %s workflow does not exist in the %s keyspace", workflow, c.keyspace)
		}
		w.stopped, w.stoppedMessage = false, ""
		return nil
	})
}

// StopWorkflow implements vitess.Cluster.
func (c *fakeCluster) StopWorkflow(_ context.Context, _, workflow, message string) error {
	return c.act("StopWorkflow", workflow, func() error {
		w := c.workflow(workflow)
		w.stopped, w.stoppedAt, w.stoppedMessage = true, c.clock.Time, message
		return nil
	})
}

// DeleteWorkflow implements vitess.Cluster: it looks at writes alone, and at one shard for them. Half ways: "halted", its
// streams are stopped; "tables", the tables are gone too; "reverse", the streams back too; "streams", the streams on the
// first target too.
func (c *fakeCluster) DeleteWorkflow(_ context.Context, _, workflow string, keepData bool) error {
	at := c.hit("DeleteWorkflow", strings.TrimSpace(workflow+map[bool]string{true: " keep"}[keepData]))
	if at == "before" {
		return errInjected
	}
	w := c.workflow(workflow)
	if w == nil {
		return fmt.Errorf("no streams found in keyspace %s for %s", c.keyspace, workflow)
	}
	for _, name := range slices.Concat(w.sources, w.targets) {
		if c.shard(name) == nil {
			return fmt.Errorf("node doesn't exist: keyspaces/%s/shards/%s/Shard", c.keyspace, name)
		}
	}
	if err := c.locked(workflow); err != nil {
		return err
	}
	if c.writesSwitched(w) {
		return errors.New("cannot delete workflow because you have already switched write traffic")
	}
	w.stopped, w.stoppedAt, w.stoppedMessage = true, c.clock.Time, ""
	if at == "halted" {
		return errInjected
	}
	var targets []string
	for _, st := range w.streams {
		if !slices.Contains(targets, st.Target) {
			targets = append(targets, st.Target)
		}
	}
	for _, target := range targets {
		if !keepData {
			delete(c.tables, target)
		}
	}
	if at == "tables" {
		return errInjected
	}
	c.removeWorkflow(vitess.ReverseName(workflow))
	if at == "reverse" {
		return errInjected
	}
	if at == "streams" {
		w.streams = slices.DeleteFunc(w.streams, func(st vitess.Stream) bool { return st.Target == targets[0] })
		return errInjected
	}
	c.removeWorkflow(workflow)
	if at != "" {
		return errInjected
	}
	return nil
}

// CompleteWorkflow implements vitess.Cluster. Half way: "reverse" streams are gone and the workflow is not.
func (c *fakeCluster) CompleteWorkflow(_ context.Context, _, workflow string) error {
	at := c.hit("CompleteWorkflow", workflow)
	if at == "before" {
		return errInjected
	}
	w := c.workflow(workflow)
	if w == nil {
		return fmt.Errorf("no streams found in keyspace %s for %s", c.keyspace, workflow)
	}
	if err := c.locked(workflow); err != nil {
		return err
	}
	for _, source := range w.sources {
		if c.shard(source) == nil {
			return fmt.Errorf("node doesn't exist: keyspaces/%s/shards/%s/Shard", c.keyspace, source)
		}
	}
	for _, kind := range vitess.ServingTypes {
		for _, cell := range c.cells {
			if !slices.Equal(c.partitions[cell][kind].refs, w.targets) {
				return errors.New("cannot complete workflow because you have not yet switched all read and write traffic")
			}
		}
	}
	c.removeWorkflow(workflow + "_reverse")
	if at == "reverse" {
		return errInjected
	}
	c.removeWorkflow(workflow)
	if at != "" {
		return errInjected
	}
	return nil
}

// RemoveStreams implements vitess.Cluster.
func (c *fakeCluster) RemoveStreams(_ context.Context, _, workflow string) error {
	return c.act("RemoveStreams", workflow, func() error {
		c.removeWorkflow(workflow)
		c.removeWorkflow(workflow + "_reverse")
		return nil
	})
}

// StreamsCreated implements vitess.Cluster.
func (c *fakeCluster) StreamsCreated(_ context.Context, _ string, w *vitess.Workflow) (time.Time, error) {
	if c.hitRead("StreamsCreated") {
		return time.Time{}, errInjected
	}
	found := c.workflow(w.Name)
	if found == nil || found.noLog {
		return time.Time{}, failed("cannot read when the streams were created", "the log has no row of "+w.Name, "look at what is there")
	}
	return found.created, nil
}

// VDiffCreated implements vitess.Cluster.
func (c *fakeCluster) VDiffCreated(_ context.Context, _ string, _ *vitess.Workflow, uuid string) (time.Time, error) {
	if c.hitRead("VDiffCreated") {
		return time.Time{}, errInjected
	}
	return c.vdiff(uuid).created, nil
}

// WorkflowLock implements vitess.Cluster.
func (c *fakeCluster) WorkflowLock(context.Context, string, string) (*vitess.Lock, error) {
	return c.seenLock(), nil
}

// seenLock is the lock that somebody holds, nil for nobody; from now on it was seen.
func (c *fakeCluster) seenLock() *vitess.Lock {
	if c.lock != nil && c.lock.Seen.IsZero() {
		c.lock.Seen = c.clock.Time
	}
	return c.lock
}

// locked is the answer to a call that waited for the lock of its workflow; nil if nobody holds it.
func (c *fakeCluster) locked(workflow string) error {
	if c.lock == nil {
		return nil
	}
	c.clock.Time = c.clock.Time.Add(45 * time.Second)
	return &vitess.LockedError{Diagnostic: failed("cannot work on "+workflow, "failed to lock the workflow: deadline exceeded", ""), Lock: c.seenLock()}
}

// VDiffCreate implements vitess.Cluster. One that some targets lack is begun on them; half way: "partly", it is on the first
// target only.
func (c *fakeCluster) VDiffCreate(_ context.Context, r vitess.VDiffCreate) error {
	at := c.hit("VDiffCreate", r.Workflow)
	if at == "before" {
		return errInjected
	}
	w := c.workflow(r.Workflow)
	if w == nil || w.stopped || w.errorMessage != "" || w.copiedAt.After(c.clock.Time) {
		return fmt.Errorf("not all streams are running in workflow %s", r.Workflow)
	}
	d := c.vdiff(r.UUID)
	switch {
	case d == nil:
		d = &fakeVDiff{workflow: r.Workflow, uuid: r.UUID, created: c.clock.Time, started: c.clock.Time, mismatch: c.mismatch}
		c.vdiffs = append(c.vdiffs, d)
	case len(d.missing) > 0:
		d.missing, d.started = nil, c.clock.Time
	}
	if at == "partly" {
		d.missing = w.targets[1:]
	}
	if at != "" {
		return errInjected
	}
	return nil
}

func (c *fakeCluster) vdiff(uuid string) *fakeVDiff {
	for _, d := range c.vdiffs {
		if d.uuid == uuid {
			return d
		}
	}
	return nil
}

// VDiffResume implements vitess.Cluster.
func (c *fakeCluster) VDiffResume(_ context.Context, _, _, uuid string) error {
	return c.act("VDiffResume", "", func() error {
		c.vdiff(uuid).stopped, c.vdiff(uuid).started = false, c.clock.Time
		return nil
	})
}

// VDiffStop implements vitess.Cluster.
func (c *fakeCluster) VDiffStop(_ context.Context, _, _, uuid string) error {
	return c.act("VDiffStop", "", func() error {
		c.vdiff(uuid).stopped = true
		return nil
	})
}

// VDiffDelete implements vitess.Cluster.
func (c *fakeCluster) VDiffDelete(_ context.Context, _, _, uuid string) error {
	return c.act("VDiffDelete", "", func() error {
		c.vdiffs = slices.DeleteFunc(c.vdiffs, func(d *fakeVDiff) bool { return d.uuid == uuid })
		return nil
	})
}

// VDiffs implements vitess.Cluster.
func (c *fakeCluster) VDiffs(_ context.Context, _, workflow string) ([]vitess.VDiff, error) {
	var list []vitess.VDiff
	for _, d := range c.vdiffs {
		if d.workflow == workflow {
			list = append(list, c.showVDiff(d))
		}
	}
	return list, nil
}

// VDiff implements vitess.Cluster.
func (c *fakeCluster) VDiff(_ context.Context, _, _, uuid string) (*vitess.VDiff, error) {
	if d := c.vdiff(uuid); d != nil {
		shown := c.showVDiff(d)
		return &shown, nil
	}
	return &vitess.VDiff{UUID: uuid}, nil
}

func (c *fakeCluster) showVDiff(d *fakeVDiff) vitess.VDiff {
	took := c.clock.Time.Sub(d.started) - c.pending
	shown := vitess.VDiff{UUID: d.uuid, State: vitess.VDiffStarted, StartedAt: d.started, RowsTotal: 2000, Tables: []string{"corder", "customer"}, Limited: d.limited}
	if w := c.workflow(d.workflow); w != nil {
		shown.Shards = slices.DeleteFunc(slices.Clone(w.targets), func(t string) bool { return slices.Contains(d.missing, t) })
		shown.Missing = d.missing
	}
	shown.RowsCompared = int64(2000 * min(1, took.Seconds()/max(c.diffTakes, time.Millisecond).Seconds()))
	switch {
	case took < 0:
		shown.State, shown.RowsCompared = vitess.VDiffPending, 0
	case d.failed != "":
		shown.State, shown.Errors = vitess.VDiffError, []string{"-80: " + d.failed}
	case d.stopped, len(d.missing) > 0 && took >= c.diffTakes:
		shown.State = vitess.VDiffStopped
	case took >= c.diffTakes:
		shown.State, shown.CompletedAt, shown.Mismatch = vitess.VDiffCompleted, d.started.Add(c.diffTakes), d.mismatch
		if d.mismatch {
			shown.Report = []vitess.VDiffMismatch{{Shard: "-80", Table: "customer", Matching: 997, Different: 1, ExtraRowsSource: 2, Samples: []string{"customer_id=7: text a, not b"}}}
		}
	}
	return shown
}
