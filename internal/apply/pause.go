package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/keyrange"
	"shardform/internal/state"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// PauseResult says what came of pausing or resuming.
type PauseResult struct {
	Operation addr.Address
	Workflow  string
	Already   bool // it was so before, and nothing was done
}

// Pause stops the copying workflow of the open operation at an address. An apply that waits for it ends by itself. It
// does nothing where the workflow is paused already; anything that is not a workflow that copies for this operation, and
// nothing else, is refused.
func Pause(ctx context.Context, at addr.Address, o Options) (*PauseResult, error) {
	return control(ctx, at, o, pausing)
}

// Resume starts the workflow that Pause stopped. It does nothing where it runs; one that somebody else stopped is refused.
func Resume(ctx context.Context, at addr.Address, o Options) (*PauseResult, error) {
	return control(ctx, at, o, resuming)
}

// switchable is one of the two ways of switching a workflow off and on.
type switchable struct {
	doing, event string // "pausing", "workflow_paused"
	// is reports whether the workflow is as wanted. readsMay says that it may also be done while reads are switched:
	// streams that run again do them good, streams that stand leave them behind.
	is       func(*vitess.SegmentView) bool
	readsMay bool
	act      func(ctx context.Context, c vitess.Cluster, keyspace, workflow string) error
}

var (
	pausing = switchable{
		doing: "pausing", event: "workflow_paused",
		is: func(v *vitess.SegmentView) bool {
			return v.Paused() && !slices.ContainsFunc(v.Workflow.Streams, func(s vitess.Stream) bool { return s.State != vitess.StateStopped })
		},
		act: func(ctx context.Context, c vitess.Cluster, keyspace, workflow string) error {
			return c.StopWorkflow(ctx, keyspace, workflow, vitess.PausedMessage)
		},
	}
	resuming = switchable{
		doing: "resuming", event: "workflow_resumed", readsMay: true,
		is: func(v *vitess.SegmentView) bool {
			return v.Workflow != nil && !slices.ContainsFunc(v.Workflow.Streams, func(s vitess.Stream) bool { return s.State == vitess.StateStopped })
		},
		act: func(ctx context.Context, c vitess.Cluster, keyspace, workflow string) error {
			return c.StartWorkflow(ctx, keyspace, workflow)
		},
	}
)

// copying is the workflow of an open operation, as the state and the cluster have it.
type copying struct {
	*command
	switchable
	op       state.Operation
	segment  keyrange.Segment
	workflow string // recorded
	cluster  vitess.Cluster
}

func control(ctx context.Context, at addr.Address, o Options, how switchable) (*PauseResult, error) {
	c := &copying{switchable: how}
	if err := o.Store.View(ctx, func(r state.Reader) error { return c.find(r, at) }); err != nil {
		return nil, err
	}
	c.command = newCommand(&o, c.op.Digest)
	result := &PauseResult{Operation: c.op.Address, Workflow: c.workflow}
	var err error
	if c.cluster, err = c.clusters.get(ctx, c.op.Cluster); err != nil {
		return nil, err
	}
	v, err := c.look(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.refuse(v); err != nil {
		return nil, err
	}
	if c.is(v) {
		result.Already = true
		return result, nil
	}
	if err := c.begin(ctx, c.op.Address, fmt.Sprintf("%s workflow %s", c.doing, c.workflow)); err != nil {
		return nil, err
	}
	err = c.actAndSee(ctx)
	event := c.event
	if err != nil {
		event = ""
	}
	if endErr := c.end(ctx, c.op.Address, event, "workflow "+c.workflow, diag.ExitOf(err)); err == nil {
		err = endErr
	}
	return result, err
}

// find reads the operation and its workflow from the state.
func (c *copying) find(r state.Reader, at addr.Address) error {
	op, containers, err := openOperation(r, at)
	if err != nil {
		return err
	}
	c.op = op
	i := slices.IndexFunc(containers, func(t state.Container) bool { return t.Address.Last() == "copy" && len(t.Tasks) == 1 })
	segment, notReshard := keyrange.ParseSegment(op.Address.Last())
	if op.Address.Kind() != addr.KindKeyspace || i < 0 || notReshard != nil {
		return c.refused("an open reshard, whose workflow copies", "an operation that copies nothing", "only copying can be paused")
	}
	c.segment, c.workflow = segment, containers[i].Tasks[0].Parameters["workflow"]
	return nil
}

func (c *copying) look(ctx context.Context) (*vitess.SegmentView, error) {
	snapshot, err := c.cluster.Snapshot(ctx, c.op.Keyspace)
	if err != nil {
		return nil, err
	}
	return snapshot.View(c.segment), nil
}

// refuse says why the workflow that the cluster shows is not to be touched.
func (c *copying) refuse(v *vitess.SegmentView) error {
	show := vitess.CommandShowWorkflow(c.op.Keyspace, c.workflow)
	expected := fmt.Sprintf("workflow %s from %s to %s, and only copying", c.workflow, v.Sources, v.Targets)
	if _, _, shards, midFlight := v.MidFlight(); midFlight {
		return c.refused(expected, fmt.Sprintf("an interrupted switch of writes on %s/%s: writes may be stopped", c.op.Keyspace, shards), "shardform apply finishes it")
	}
	reads := v.Reads(vitess.Rdonly) != vitess.NotSwitched || v.Reads(vitess.Replica) != vitess.NotSwitched
	switch w := v.Workflow; {
	case w == nil:
		return c.refused(expected, "no workflow between these shards", "shardform plan shows what is to be done")
	case w.Name != c.workflow || len(v.Conflicts) > 0:
		found := []string{fmt.Sprintf("workflow %s from %s to %s", w.Name, w.Sources, w.Targets)}
		for _, other := range v.Conflicts {
			found = append(found, other.Found)
		}
		return c.refused(expected, strings.Join(found, "; "), "this state began another one; shardform plan shows what is to be done\n"+vitess.CommandShowWorkflow(c.op.Keyspace, w.Name))
	case w.Frozen(), v.Writes() != vitess.NotSwitched:
		return c.refused(expected, "writes are switched: nothing is copied any more", "to go back: "+tasks.RollbackCommand(c.op.Address, c.config))
	case reads && !c.readsMay:
		return c.refused(expected, "reads are switched: without the workflow they would be answered from rows that get older and older", "to go back: "+tasks.RollbackCommand(c.op.Address, c.config))
	case v.Partial() != vitess.NotPartial:
		return c.refused(expected, fmt.Sprintf("workflow %s was created in part only", w.Name), "shardform apply completes it")
	case v.StoppedByOther():
		return c.refused(expected, fmt.Sprintf("workflow %s was stopped by someone else: %s", w.Name, stoppedStreams(w)), show+"\nwhere nobody needs it stopped:\n"+vitess.CommandStartWorkflow(c.op.Keyspace, w.Name))
	}
	return nil
}

func stoppedStreams(w *vitess.Workflow) string {
	var names []string
	for _, s := range w.Streams {
		if s.State == vitess.StateStopped {
			names = append(names, strings.TrimSuffix(fmt.Sprintf("%s/%d: %s", s.Target, s.ID, s.Message), ": "))
		}
	}
	return strings.Join(names, "; ")
}

func (c *copying) refused(expected, found, hint string) error {
	return &diag.Diagnostic{
		Severity: diag.Error, Summary: fmt.Sprintf("%s %s is refused", c.doing, c.op.Address), Address: c.op.Address.String(), Exit: diag.ExitRefused,
		Detail: fmt.Sprintf("expected: %s\nfound: %s", expected, found), Hint: hint,
	}
}

// How long the streams may take to show what they were told, and how often to look.
const (
	streamsSettle = 30 * time.Second
	streamsPoll   = 500 * time.Millisecond
)

// actAndSee stops or starts the streams and looks until they are. What the call answered does not count where that is
// seen. A call that failed for a passing reason is sent a second time.
func (c *copying) actAndSee(ctx context.Context) error {
	acted, again := c.act(ctx, c.cluster, c.op.Keyspace, c.workflow), true
	until := c.clock.Now().Add(streamsSettle)
	for {
		v, err := c.look(ctx)
		switch {
		case err == nil && c.is(v):
			return nil
		case acted != nil && again && diag.IsTemporary(acted):
			acted, again = c.act(ctx, c.cluster, c.op.Keyspace, c.workflow), false
			continue
		case acted != nil:
			return acted
		case !c.clock.Now().Before(until) && err != nil:
			return err
		case !c.clock.Now().Before(until):
			return &diag.Diagnostic{
				Severity: diag.Error, Summary: fmt.Sprintf("%s workflow %s did not last", c.doing, c.workflow), Address: c.op.Address.String(), Temporary: true,
				Detail: fmt.Sprintf("the call succeeded, but %s later the streams are not as they were told: %s", streamsSettle, streamStates(v.Workflow)),
				Hint:   "a VDiff starts the streams that it compares: try again when it has ended\n" + vitess.CommandShowWorkflow(c.op.Keyspace, c.workflow),
			}
		}
		if err := c.clock.Sleep(ctx, nil, streamsPoll); err != nil {
			return err
		}
	}
}

func streamStates(w *vitess.Workflow) string {
	if w == nil {
		return "there is no workflow"
	}
	var names []string
	for _, s := range w.Streams {
		names = append(names, fmt.Sprintf("%s/%d %s", s.Target, s.ID, s.State))
	}
	return strings.Join(names, ", ")
}
