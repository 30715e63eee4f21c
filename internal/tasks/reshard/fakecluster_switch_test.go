package reshard

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"shardform/internal/vitess"
)

// SwitchTraffic implements vitess.Cluster. Half ways of reads: "cell", the first cell only. Half ways of PRIMARY:
// "stopped", writes stopped on the losing side; "flags", records flipped and the rest not; "partitions", the first cell
// only; "unfrozen", all but the last step.
func (c *fakeCluster) SwitchTraffic(_ context.Context, r vitess.SwitchTraffic) ([]string, error) {
	direction := "forward"
	if r.Backward {
		direction = "backward"
	}
	if r.DryRun {
		return []string{"Switch"}, c.act("DryRun", direction, func() error { return c.canSwitch(r) })
	}
	kind := r.Types[0]
	at := c.hit("SwitchTraffic", fmt.Sprintf("%s %s", kind, direction))
	if at == "before" {
		return nil, errInjected
	}
	if err := c.canSwitch(r); err != nil {
		return nil, err
	}
	forward := c.workflow(r.Workflow)
	from, to := forward.sources, forward.targets
	if r.Backward {
		from, to = to, from
	}
	if kind != vitess.Primary {
		for _, kind := range r.Types {
			for i, cell := range c.cells {
				if at == "cell" && i > 0 {
					return nil, errInjected
				}
				c.moveReads(cell, kind, from, to)
			}
		}
	} else if err := c.moveWrites(r, from, to, at); err != nil {
		return nil, err
	}
	if at != "" {
		return nil, errInjected
	}
	return nil, nil
}

// canSwitch is the server's own check.
func (c *fakeCluster) canSwitch(r vitess.SwitchTraffic) error {
	w := c.workflow(r.Workflow)
	if w == nil {
		return fmt.Errorf("no streams found in keyspace %s for %s", c.keyspace, r.Workflow)
	}
	if r.Backward && c.workflow(r.Workflow+"_reverse") != nil {
		w = c.workflow(r.Workflow + "_reverse")
	}
	shown := c.show(w)
	switch {
	case shown.Frozen():
		return nil // switching what is switched is a no-op
	case shown.MaxTransactionLag < 0:
		return errors.New("copy is still in progress")
	case shown.MaxTransactionLag > r.MaxLag:
		return fmt.Errorf("replication lag %s is higher than allowed lag %s", shown.MaxTransactionLag, r.MaxLag)
	case len(shown.Errors()) > 0:
		return errors.New("workflow has errors")
	}
	return nil
}

func (c *fakeCluster) moveReads(cell string, kind vitess.TabletType, from, to []string) {
	p := c.partitions[cell][kind]
	p.refs = slices.Clone(to)
	p.disabled = slices.DeleteFunc(p.disabled, func(s string) bool { return slices.Contains(to, s) })
	for _, s := range from {
		if !slices.Contains(p.disabled, s) {
			p.disabled = append(p.disabled, s)
		}
	}
}

func (c *fakeCluster) moveWrites(r vitess.SwitchTraffic, from, to []string, at string) error {
	losing, winning := c.workflow(r.Workflow), c.workflow(r.Workflow+"_reverse")
	if r.Backward {
		losing, winning = winning, losing
	}
	if c.frozen(losing) {
		return nil
	}
	if !losing.stopped {
		losing.stopped, losing.stoppedAt, losing.stoppedMessage = true, c.clock.now, vitess.CutoverMessage
	}
	for _, cell := range c.cells {
		c.partitions[cell][vitess.Primary].disabled = slices.Clone(from)
	}
	if at == "stopped" {
		return errInjected
	}
	if winning != nil && !r.Backward && c.frozen(winning) { // of an earlier switch that was taken back
		c.removeWorkflow(winning.name)
		winning = nil
	}
	if winning == nil && r.ReverseReplication {
		winning = &fakeWorkflow{name: r.Workflow + "_reverse", reverse: true, sources: to, targets: from, created: c.clock.now, stopped: true, stoppedAt: c.clock.now}
		c.addStreams(winning, from)
		c.workflows = append(c.workflows, winning)
	}
	for _, name := range from {
		c.shard(name).PrimaryServing = false
	}
	for _, name := range to {
		c.shard(name).PrimaryServing = true
	}
	if at == "flags" {
		return errInjected
	}
	for i, cell := range c.cells {
		if at == "partitions" && i > 0 {
			return errInjected
		}
		c.partitions[cell][vitess.Primary] = &fakePartition{refs: slices.Clone(to)}
		for _, kind := range []vitess.TabletType{vitess.Replica, vitess.Rdonly} {
			if slices.Equal(c.partitions[cell][kind].refs, to) { // the switch of PRIMARY drops all controls
				c.partitions[cell][kind].disabled = nil
			}
		}
	}
	if winning != nil {
		winning.stopped, winning.stoppedMessage = false, ""
		for i := range winning.streams {
			winning.streams[i].Message = ""
		}
	}
	if at == "unfrozen" {
		return errInjected
	}
	for i := range losing.streams {
		losing.streams[i].Message = "FROZEN"
	}
	return nil
}

func (c *fakeCluster) frozen(w *fakeWorkflow) bool {
	shown := c.show(w)
	return shown.Frozen()
}

// ApplyVSchema implements vitess.Cluster.
func (c *fakeCluster) ApplyVSchema(_ context.Context, _, vschema string) error {
	return c.act("ApplyVSchema", "", func() error {
		c.vschema = canonical(vschema)
		return nil
	})
}

// DeleteShard implements vitess.Cluster.
func (c *fakeCluster) DeleteShard(_ context.Context, _, shard string) error {
	return c.act("DeleteShard", shard, func() error {
		s := c.shard(shard)
		switch {
		case s == nil:
			return errors.New("node doesn't exist: keyspaces/customer/shards/" + shard)
		case s.PrimaryServing:
			return fmt.Errorf("shard %s is still serving; cannot delete it", shard)
		}
		c.removeShard(shard)
		return nil
	})
}

// CreateShard implements vitess.Cluster.
func (c *fakeCluster) CreateShard(_ context.Context, _, shard string) error {
	return c.act("CreateShard", shard, func() error {
		c.addShard(shard, false, 900)
		return nil
	})
}

// ClearTabletControl implements vitess.Cluster.
func (c *fakeCluster) ClearTabletControl(_ context.Context, _, shard string, kind vitess.TabletType) error {
	return c.act("ClearTabletControl", fmt.Sprintf("%s %s", shard, kind), func() error {
		for _, cell := range c.cells {
			p := c.partitions[cell][kind]
			p.disabled = slices.DeleteFunc(p.disabled, func(s string) bool { return s == shard })
		}
		return nil
	})
}

// RebuildKeyspaceGraph implements vitess.Cluster.
func (c *fakeCluster) RebuildKeyspaceGraph(context.Context, string) error {
	return c.act("RebuildKeyspaceGraph", "", func() error { return nil })
}

var _ vitess.Cluster = (*fakeCluster)(nil)
